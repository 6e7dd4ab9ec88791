"""Pictures for people: sample grids, interpolations, curves."""

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn

from espalier.data.files import whole_file
from espalier.stages.tricks.context import derive_seed

GAP = 2
GRID_WIDTH = 768
"""Grids narrower than this are enlarged, each pixel to a square, so that 4x4 pictures can be looked at."""

MAP_COLOURS = (
    (236, 236, 232), (92, 64, 51), (246, 198, 160), (66, 133, 200), (222, 120, 60), (120, 160, 90), (230, 160, 190)
)  # fmt: skip
"""Of background, hair, face, upper clothes, lower clothes, legs, arms."""


def latents(count: int, length: int, seed: int, device: torch.device, prior: str = "normal") -> Tensor:
    """Latents (count, length) of a prior that depend on the seed only: the same in every stage of a chain."""
    random = torch.Generator(device).manual_seed(derive_seed(seed, "samples"))
    if prior == "uniform":
        return torch.rand((count, length), generator=random, device=device) * 2 - 1
    return torch.randn((count, length), generator=random, device=device)


def coloured(classes: Tensor) -> Tensor:
    """Maps of classes 0..6, (N, R, R) -> pictures uint8 (N, 3, R, R) for people."""
    palette = torch.tensor(MAP_COLOURS, dtype=torch.uint8)
    return palette[classes.long()].permute(0, 3, 1, 2)


def to_bytes(pictures: Tensor) -> Tensor:
    """[-1, 1] -> uint8 0..255, rounded and clipped."""
    return (pictures.float() * 127.5 + 127.5).round().clamp(0, 255).to(torch.uint8)


def grid(pictures: Tensor, columns: int | None = None) -> Image.Image:
    """Pictures uint8 (N, channels, R, R) side by side on white, enlarged to be seen."""
    columns = columns or math.ceil(math.sqrt(len(pictures)))
    rows, side = math.ceil(len(pictures) / columns), pictures.shape[-1]
    scale = max(1, math.ceil(GRID_WIDTH / (columns * side)))
    cell = side * scale + GAP
    sheet = Image.new("RGB", (columns * cell + GAP, rows * cell + GAP), "white")
    for place, picture in enumerate(pictures.permute(0, 2, 3, 1).numpy()):
        image = Image.fromarray(picture.squeeze()).resize((side * scale, side * scale), Image.Resampling.NEAREST)
        sheet.paste(image, (place % columns * cell + GAP, place // columns * cell + GAP))
    return sheet


def save_picture(image: Image.Image, path: Path) -> None:
    """As PNG, whole or not at all."""
    with whole_file(path) as partial:
        image.save(partial, format="PNG")


def save_animation(frames: Sequence[Image.Image], path: Path, seconds: float) -> None:
    """As an endless GIF, whole or not at all."""
    with whole_file(path) as partial:
        frames[0].save(
            partial,
            format="GIF",
            save_all=True,
            append_images=frames[1:],
            loop=0,
            duration=1000 * seconds / len(frames),
        )


def slerp(start: Tensor, end: Tensor, share: float) -> Tensor:
    """Spherical interpolation of latents (B, length): along the great arc, lengths interpolated linearly.

    A straight line between two Gaussian latents passes through lengths that training never saw.
    """
    lengths = torch.lerp(start.norm(dim=1, keepdim=True), end.norm(dim=1, keepdim=True), share)
    a, b = nn.functional.normalize(start, dim=1), nn.functional.normalize(end, dim=1)
    angle = (a * b).sum(dim=1, keepdim=True).clamp(-1, 1).acos()
    near = angle < 1e-4
    safe = angle.where(~near, torch.ones_like(angle))
    arc = (torch.sin((1 - share) * safe) * a + torch.sin(share * safe) * b) / torch.sin(safe)
    return nn.functional.normalize(arc.where(~near, torch.lerp(a, b, share)), dim=1) * lengths


def walk(ends: Tensor, frames: int = 16) -> Tensor:
    """Latents (N, length) -> (N x frames, length): from each to the next and back to the first, by slerp."""
    following = ends.roll(-1, dims=0)
    legs = [slerp(ends, following, frame / frames) for frame in range(frames)]
    return torch.stack(legs, dim=1).flatten(0, 1)


def diversity(fakes: Tensor, reals: Tensor) -> float:
    """Mean distance between two fakes over mean distance between two reals, in pixels.

    Both uint8 (N, channels, R, R). About 1 when fakes differ from each other as reals do, near 0 when they are
    all alike. It says nothing of quality.
    """

    def mean_distance(pictures: Tensor) -> float:
        points = pictures.flatten(1).double() / 255
        return float(torch.pdist(points).mean())

    return mean_distance(fakes) / max(mean_distance(reals), 1e-12)
