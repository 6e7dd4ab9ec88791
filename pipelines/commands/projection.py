"""Find the latent of a photo, and draw what a generator makes of it."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from espalier.data.errors import InputError
from espalier.data.frames import sides
from espalier.data.images import to_frame
from espalier.stages.artifacts.artifact import condition_for, kind_of, latents_for, load_generator
from espalier.stages.features.imagenet import is_installed
from espalier.stages.kinds.grids import grid, save_image
from espalier.stages.latents.projection import STARTS, features_of, project
from espalier.stages.latents.space import Space, save_points
from espalier.stages.process.device import choose_device
from espalier.stages.process.progress import Bar


def project_photo(photo: Path, artifact: Path, steps: int, out: Path) -> str:
    """Draw the photo, the best random sample and the projection side by side, and write the latent beside the picture. Returns a
    sentence about the result.

    Raises:
        InputError: the photo cannot be read, or the artifact does not make images from latents alone.
    """
    device = choose_device()
    generator, record = load_generator(artifact, device)
    if kind_of(record, artifact).name != "images":
        raise InputError(f"{artifact} makes no images, so a photo has no latent there")
    wanted = _read(photo, sides(record.config["resolution"], record.shape), record.channels).to(device)
    space, imagenet = Space(generator.requires_grad_(False)), is_installed()
    starts = latents_for(record, STARTS, 0, device)
    condition = condition_for(artifact, record, STARTS, device)
    with Bar("projection", steps) as bar:

        def show(done: int, loss: float) -> None:
            if bar.due():
                bar.show(done, f"loss {loss:.3f}")

        found = project(space, wanted, starts, condition, features_of(imagenet, device), steps, show)
    with torch.no_grad():
        images = [wanted, space(found.start, found.condition), space(found.point, found.condition)]
    save_image(grid(_bytes(torch.cat(images)), columns=3), out)
    save_points(latents_beside(out), found.point, space.styled)
    by = "ImageNet's features and pixels" if imagenet else "pixels, since ImageNet's network is not installed"
    return f"by {by}: loss {found.loss:.3f}; {found.start_loss:.3f} for the best of {STARTS} random ones"


def latents_beside(out: Path) -> Path:
    """The file of the latent that belongs to a picture."""
    return out.with_suffix(".safetensors")


def _read(photo: Path, size: tuple[int, int], channels: int) -> Tensor:
    """The middle of a photo, (1, channels, height, width) in [-1, 1]."""
    try:
        with Image.open(photo) as image:
            pixels = to_frame(image, size, channels)
    except Exception as error:  # Pillow raises almost any exception on a damaged file
        raise InputError(f"{photo} cannot be read as an image: {error}") from error
    return torch.from_numpy(np.array(pixels)).permute(2, 0, 1)[None].float() / 127.5 - 1


def _bytes(images: Tensor) -> Tensor:
    """Images in [-1, 1] as uint8, on the CPU."""
    return ((images.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).cpu()
