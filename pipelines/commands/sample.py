"""Sample images from artifacts: grids, growth strips, interpolations."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from espalier.data.errors import InputError
from espalier.stages.artifacts.artifact import condition_for, kind_of, latents_for, load_generator
from espalier.stages.kinds.grids import grid, save_animation, save_image
from espalier.stages.kinds.points import scatter
from espalier.stages.kinds.sampling import generate, walk
from espalier.stages.process.device import choose_device


def draw_grid(artifacts: list[Path], number: int, seed: int, out: Path) -> None:
    """Draw a square grid of one artifact's samples, or one row per artifact from the same latents."""
    rows = [_images(path, number, seed) for path in artifacts]
    if any(row.ndim == 2 for row in rows):
        if len(rows) > 1:
            raise InputError("points can be drawn for one artifact only; give one path")
        save_image(scatter(rows[0]), out)
        return
    save_image(grid(torch.cat(_one_size(rows)), columns=number if len(rows) > 1 else None), out)


def draw_walk(artifacts: list[Path], number: int, seed: int, out: Path) -> None:
    """Animate an interpolation through `number` latents and back to the first, one second each; artifacts side by side."""
    walks = [_images(path, number, seed, walking=True) for path in artifacts]
    if any(walk.ndim == 2 for walk in walks):
        raise InputError("cannot interpolate: this generator makes points, not images; leave out --interpolate")
    frames = [grid(torch.stack(frame), columns=len(walks)) for frame in zip(*_one_size(walks), strict=True)]
    save_animation(frames, out, seconds=number)


def _one_size(parts: list[Tensor]) -> list[Tensor]:
    """Images (N, channels, R, R) upsampled to the largest R (nearest neighbour)."""
    side = max(part.shape[-1] for part in parts)
    return [F.interpolate(part, size=(side, side), mode="nearest") for part in parts]


def _images(path: Path, number: int, seed: int, walking: bool = False) -> Tensor:
    device = choose_device()
    generator, record = load_generator(path, device)
    latent = latents_for(record, number, seed, device)
    latent = walk(latent) if walking else latent
    return generate(generator, latent, condition_for(path, record, len(latent), device), kind_of(record, path))
