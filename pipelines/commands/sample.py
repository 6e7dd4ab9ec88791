"""Pictures from artifacts: grids, growth strips, walks."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from espalier.data.errors import InputError
from espalier.models.fashiongan.told import Told
from espalier.stages.artifacts.artifact import load_generator, read_examples
from espalier.stages.artifacts.record import Record
from espalier.stages.kinds.grids import grid, latents, save_animation, save_picture, walk
from espalier.stages.kinds.points import scatter
from espalier.stages.kinds.sampling import class_turns, generate
from espalier.stages.networks.known import BACKBONES
from espalier.stages.process.device import choose_device


def draw_grid(artifacts: list[Path], number: int, seed: int, out: Path) -> None:
    """A square grid of one artifact's pictures, or a row of each of several's, from the same latents."""
    rows = [_pictures(path, number, seed) for path in artifacts]
    if any(row.ndim == 2 for row in rows):
        if len(rows) > 1:
            raise InputError("points are drawn of one artifact at a time; give one path")
        save_picture(scatter(rows[0]), out)
        return
    save_picture(grid(torch.cat(_one_size(rows)), columns=number if len(rows) > 1 else None), out)


def draw_walk(artifacts: list[Path], number: int, seed: int, out: Path) -> None:
    """An animation through `number` pictures and back to the first, a second each; artifacts side by side."""
    walks = [_pictures(path, number, seed, walking=True) for path in artifacts]
    if any(walk.ndim == 2 for walk in walks):
        raise InputError("a walk is through pictures, and this generator makes points; leave out --walk")
    frames = [grid(torch.stack(frame), columns=len(walks)) for frame in zip(*_one_size(walks), strict=True)]
    save_animation(frames, out, seconds=number)


def _one_size(parts: list[Tensor]) -> list[Tensor]:
    """Pictures (N, channels, R, R) enlarged to the largest R, each pixel to a square."""
    side = max(part.shape[-1] for part in parts)
    return [F.interpolate(part, size=(side, side), mode="nearest") for part in parts]


def _pictures(path: Path, number: int, seed: int, walking: bool = False) -> Tensor:
    device = choose_device()
    generator, record = load_generator(path, device)
    network = record.config["network"]
    latent = latents(number, network["latent"], seed, device, network["prior"])
    latent = walk(latent) if walking else latent
    return generate(generator, latent, told_of(path, record, len(latent), device), BACKBONES[network["name"]].makes)


def told_of(path: Path, record: Record, count: int, device: torch.device) -> Tensor | Told | None:
    """Classes, or an artifact's examples of sentences and maps, in turns; nothing where networks are told nothing."""
    if record.reads is None:
        return class_turns(record.classes, count, device) if record.classes else None
    turns = class_turns(len((examples := read_examples(path)).code), count, torch.device("cpu"))
    return Told(*(of[turns].to(device) for of in examples))
