"""Lay out images in grids and save them."""

import math
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from PIL import Image
from torch import Tensor

from espalier.data.errors import InputError
from espalier.data.files import whole_file
from espalier.stages.process.distribution import installing

GAP = 2
GRID_WIDTH = 768
"""Narrower grids are enlarged with nearest-neighbour scaling, so that 4x4 images are visible."""


def grid(images: Tensor, columns: int | None = None) -> Image.Image:
    """Lay out images uint8 (N, channels, H, W) side by side on white, enlarged if small."""
    columns = columns or math.ceil(math.sqrt(len(images)))
    rows, (height, width) = math.ceil(len(images) / columns), images.shape[-2:]
    scale = max(1, math.ceil(GRID_WIDTH / (columns * max(height, width))))
    height, width = height * scale, width * scale
    sheet = Image.new("RGB", (columns * (width + GAP) + GAP, rows * (height + GAP) + GAP), "white")
    for place, pixels in enumerate(images.permute(0, 2, 3, 1).numpy()):
        image = Image.fromarray(pixels.squeeze(axis=-1) if pixels.shape[-1] == 1 else pixels)
        image = image.resize((width, height), Image.Resampling.NEAREST)
        sheet.paste(image, (place % columns * (width + GAP) + GAP, place // columns * (height + GAP) + GAP))
    return sheet


def save_image(image: Image.Image, path: Path) -> None:
    """Save as PNG, atomically."""
    with whole_file(path) as partial:
        image.save(partial, format="PNG")


def save_animation(frames: Sequence[Image.Image], path: Path, seconds: float) -> None:
    """Save as a looping GIF, atomically."""
    with whole_file(path) as partial:
        frames[0].save(
            partial,
            format="GIF",
            save_all=True,
            append_images=frames[1:],
            loop=0,
            duration=1000 * seconds / len(frames),
        )


def save_video(frames: Sequence[Image.Image], path: Path, seconds: float) -> None:
    """Save as an MP4 (H.264) that players and pages show, atomically; sides are made even by repeating a row or column of pixels.

    Raises:
        InputError: PyAV is not installed.
    """
    if find_spec("av") is None:
        raise InputError(f"an .mp4 needs PyAV; install it with: {installing('video')}; or write a .gif")
    import av

    width, height = (side + side % 2 for side in frames[0].size)
    with whole_file(path) as partial, av.open(str(partial), "w", format="mp4") as file:
        stream = file.add_stream("libx264", rate=round(len(frames) / seconds), options={"crf": "16"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in frames:
            even = frame.convert("RGB").transform((width, height), Image.Transform.EXTENT, (0, 0, width, height))
            even.paste(frame, (0, 0))
            file.mux(stream.encode(av.VideoFrame.from_image(even)))  # type: ignore[no-untyped-call]
        file.mux(stream.encode())
