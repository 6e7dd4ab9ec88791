"""Sample images from artifacts: grids, growth strips, folders of images, interpolations."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from espalier.data.errors import InputError
from espalier.data.files import whole_folder
from espalier.data.store import Store
from espalier.stages.artifacts.artifact import condition_for, kind_of, latents_for, load_generator
from espalier.stages.artifacts.record import Record
from espalier.stages.contracts.condition import Condition, rows
from espalier.stages.kinds.grids import grid, save_animation, save_image, save_video
from espalier.stages.kinds.points import scatter
from espalier.stages.kinds.sampling import generate, walk
from espalier.stages.latents.space import Space, load_points
from espalier.stages.process.device import choose_device
from espalier.stages.process.progress import Bar

AT_ONCE, FRAMES = 256, 16
"""Images generated at once; frames of a second of a walk."""


@dataclass(frozen=True)
class Wanted:
    """Which samples: `truncation` moves styles towards their mean, 1 for none; `classes`: their numbers, in turns; all, if
    empty. `seeds`: the first image of each, in place of the first `number` of one `seed`. `latents`: a file of them."""

    number: int
    seed: int
    truncation: float = 1.0
    classes: tuple[int, ...] = ()
    seeds: tuple[int, ...] = ()
    latents: Path | None = None


def draw_grid(artifacts: list[Path], wanted: Wanted, out: Path, columns: int | None = None) -> None:
    """Draw a grid of one artifact's samples, square if `columns` is not given, or one row per artifact from the same latents."""
    rows = [_images(path, wanted) for path in artifacts]
    if any(row.ndim == 2 for row in rows):
        if len(rows) > 1:
            raise InputError("points can be drawn for one artifact only; give one path")
        save_image(scatter(rows[0]), out)
        return
    save_image(grid(torch.cat(_one_size(rows)), columns=len(rows[0]) if len(rows) > 1 else columns), out)


def draw_folder(path: Path, wanted: Wanted, folder: Path) -> None:
    """Write each sample as a PNG of its own, named by its number; the folder appears when all are written.

    Raises:
        InputError: there is something at the folder, or the artifact makes points or is a dataset.
    """
    if folder.exists():
        raise InputError(f"{folder} exists already; choose another name")
    if (path / "manifest.json").is_file():
        raise InputError(f"{path} is a dataset, whose images are files already; give an artifact")
    device = choose_device()
    generator, record = _loaded(path, wanted, device)
    kind = kind_of(record, path)
    if kind.name == "points":
        raise InputError(f"{path} makes points, which are no images; leave out --folder")
    space, latent = _points(generator, record, wanted, device)
    count = len(latent)
    condition = _condition(path, record, replace(wanted, number=count), device)
    names = [f"seed{seed:05d}" for seed in wanted.seeds] or [
        f"{n:0{max(5, len(str(count - 1)))}d}" for n in range(count)
    ]
    with whole_folder(folder) as partial, Bar("images", count) as bar:
        for start in range(0, count, AT_ONCE):
            part = slice(start, start + AT_ONCE)
            made = generate(space, latent[part], rows(condition, part), kind)
            for name, image in zip(names[part], made, strict=True):
                Image.fromarray(_pixels(image)).save(partial / f"{name}.png")
            if bar.due():
                bar.show(min(start + AT_ONCE, count))


def _points(generator: nn.Module, record: Record, wanted: Wanted, device: torch.device) -> tuple[nn.Module, Tensor]:
    """What makes images, and of what: the generator and its latents, or its space and the points of a file."""
    if wanted.latents is not None:
        space = Space(generator)
        width = record.config["network"]["style" if space.styled else "latent"]
        return space, load_points(wanted.latents, space, width).to(device)
    if wanted.seeds:
        return generator, torch.cat([latents_for(record, 1, seed, device) for seed in wanted.seeds])
    return generator, latents_for(record, wanted.number, wanted.seed, device)


def draw_walk(artifacts: list[Path], wanted: Wanted, out: Path) -> None:
    """Animate an interpolation through latents and back to the first, one second each, as GIF or MP4; artifacts side by side."""
    walks = [_images(path, wanted, walking=True) for path in artifacts]
    if any(walk.ndim == 2 for walk in walks):
        raise InputError("cannot interpolate: this generator makes points, not images; leave out --interpolate")
    frames = [grid(torch.stack(frame), columns=len(walks)) for frame in zip(*_one_size(walks), strict=True)]
    (save_video if out.suffix.lower() == ".mp4" else save_animation)(frames, out, seconds=len(frames) / FRAMES)


def _pixels(image: Tensor) -> NDArray[np.uint8]:
    """An image uint8 (channels, H, W) as Pillow takes it."""
    pixels: NDArray[np.uint8] = image.permute(1, 2, 0).numpy()
    return pixels[..., 0] if pixels.shape[-1] == 1 else pixels


def _one_size(parts: list[Tensor]) -> list[Tensor]:
    """Images (N, channels, H, W) upsampled to the largest size (nearest neighbour)."""
    size = max((part.shape[-2], part.shape[-1]) for part in parts)
    if any(part.shape[-2] * size[1] != part.shape[-1] * size[0] for part in parts):
        raise InputError("these artifacts make images of different shapes; show each alone")
    return [F.interpolate(part, size=size, mode="nearest") for part in parts]


def _loaded(path: Path, wanted: Wanted, device: torch.device) -> tuple[nn.Module, Record]:
    """The generator, with truncation.

    Raises:
        InputError: it cannot be truncated.
    """
    generator, record = load_generator(path, device)
    if wanted.truncation != 1:
        if not hasattr(generator, "truncation"):
            raise InputError(
                f"{path}: truncation needs a network with styles, such as stylegan2, and this is "
                f"{record.config['network']['name']}; leave it out"
            )
        generator.truncation = wanted.truncation  # type: ignore[assignment]
    return generator, record


def _condition(path: Path, record: Record, wanted: Wanted, device: torch.device, frames: int = 1) -> Condition:
    """The condition of every sample; of a walk, one class for each leg of so many `frames`."""
    if not wanted.classes:
        return condition_for(path, record, wanted.number, device)
    if not record.classes or not isinstance(condition_for(path, record, 1, device), Tensor):
        raise InputError(f"{path} is not conditioned on classes; leave them out")
    if max(wanted.classes) >= record.classes or min(wanted.classes) < 0:
        odd = next(n for n in wanted.classes if not 0 <= n < record.classes)
        raise InputError(f"{path} has classes 0 to {record.classes - 1}; {odd} is none of them")
    turns = [wanted.classes[k // frames % len(wanted.classes)] for k in range(wanted.number)]
    return torch.tensor(turns, device=device)


def _images(path: Path, wanted: Wanted, walking: bool = False) -> Tensor:
    if (path / "manifest.json").is_file():
        if walking:
            raise InputError(
                f"{path} is a dataset, which has no latents to interpolate between; leave out --interpolate"
            )
        if wanted.truncation != 1 or wanted.classes or wanted.seeds or wanted.latents:
            raise InputError(
                f"{path} is a dataset; truncation, classes, seeds and latents are for generators, leave them out"
            )
        return _of_dataset(path, wanted.number, wanted.seed)
    device = choose_device()
    generator, record = _loaded(path, wanted, device)
    space, latent = _points(generator, record, wanted, device)
    latent = walk(latent, FRAMES) if walking else latent
    condition = _condition(path, record, replace(wanted, number=len(latent)), device, FRAMES if walking else 1)
    return generate(space, latent, condition, kind_of(record, path))


def _of_dataset(path: Path, number: int, seed: int) -> Tensor:
    """Random images of a prepared dataset at its full resolution, or points."""
    store = Store(path)
    chosen = np.sort(np.random.default_rng(seed).permutation(store.manifest.count)[:number])
    if store.holds_points:
        return torch.from_numpy(np.array(store.points()[chosen]))
    images = store.images(max(store.manifest.resolutions))[chosen]
    return torch.from_numpy(np.array(images)).permute(0, 3, 1, 2)
