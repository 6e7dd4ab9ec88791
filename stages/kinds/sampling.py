"""What a generator makes of latents: pictures, maps or points; classes, or pictures it is told of, take turns."""

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from espalier.models.fashiongan.told import CLASSES, Told
from espalier.stages.fashiongan.outfits import classes_of
from espalier.stages.kinds.grids import coloured, grid, to_bytes
from espalier.stages.networks.network import Makes

PICTURES_AT_ONCE, POINTS_AT_ONCE = 64, 4096


def class_turns(classes: int, count: int, device: torch.device) -> Tensor:
    """Classes 0, 1, ... and round again, int64 (count,)."""
    return torch.arange(count, device=device) % classes


@torch.no_grad()
def generate(
    generator: nn.Module, latent: Tensor, told: Tensor | Told | None = None, makes: Makes = "pictures"
) -> Tensor:
    """Pictures uint8 (N, channels, R, R), maps coloured, or points float (N, dimensions), on the CPU.

    What layers draw (dropout in use) depends on the latents alone.
    """
    training, size = generator.training, POINTS_AT_ONCE if makes == "points" else PICTURES_AT_ONCE
    generator.eval()
    parts = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for start in range(0, len(latent), size):
            some = slice(start, start + size)
            made = generator(latent[some], *_some(told, some))
            if makes == "maps":
                parts.append(coloured(classes_of(made).cpu()))
            else:
                parts.append((made.float() if makes == "points" else to_bytes(made)).cpu())
    generator.train(training)
    return torch.cat(parts)


def _some(told: Tensor | Told | None, some: slice) -> tuple[Tensor | Told, ...]:
    if told is None:
        return ()
    return (Told(*(of[some] for of in told)),) if isinstance(told, Told) else (told[some],)


def shown_maps(maps: Tensor, size: int) -> Tensor:
    """Maps as networks are told them (B, classes, r, r) -> coloured, uint8 (B, 3, size, size); of four classes all but hair,
    face and background have one colour."""
    likeliest = maps.argmax(dim=1)
    last = maps.shape[1] - 1
    classes = (likeliest + 1).where(likeliest < last, torch.zeros_like(likeliest))
    if last + 1 < CLASSES:
        classes = classes.where(classes < last, torch.full_like(classes, 3))
    pictures = coloured(classes.to(torch.uint8).cpu())
    return F.interpolate(pictures, size=(size, size), mode="nearest")


def beside_maps(told: Told, made: Tensor) -> Image.Image:
    """What was told and what was made of it, uint8 (N, channels, R, R), in pairs."""
    made = made.expand(-1, 3, -1, -1)
    pairs = torch.stack([shown_maps(told.map, made.shape[-1]), made], dim=1).flatten(0, 1)
    return grid(pairs, columns=16)
