"""The space in which a generator's images are moved: styles for networks that have them, else latents."""

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from espalier.data.errors import InputError
from espalier.data.files import whole_file
from espalier.stages.contracts.condition import Condition


class Space(nn.Module):
    """Points (N, width) -> images (N, channels, R, R). For StyleGAN2 a point is a style w, which all layers share; for other
    generators it is a latent z."""

    def __init__(self, generator: nn.Module) -> None:
        super().__init__()
        self.generator = generator
        self.styled = hasattr(generator, "styled") and hasattr(generator, "synthesis")
        self.train(generator.training)

    @torch.no_grad()
    def points(self, latents: Tensor, condition: Condition = None) -> Tensor:
        """The points of latents."""
        return self.generator.styled(latents, condition)[:, 0] if self.styled else latents  # type: ignore[operator]

    def forward(self, points: Tensor, condition: Condition = None) -> Tensor:
        if not self.styled:
            made: Tensor = self.generator(points, condition)
            return made
        every = points[:, None].expand(-1, int(self.generator.styles) + 1, -1)  # type: ignore[arg-type]
        found: Tensor = self.generator.synthesis(every)  # type: ignore[operator]
        return found


POINTS = ("latents", "styles")
"""The key of points in a file, by whether they are styles."""


def save_points(file: Path, points: Tensor, styled: bool) -> None:
    """Write points as safetensors."""
    with whole_file(file) as partial:
        save_file({POINTS[styled]: points.cpu().contiguous()}, partial)


def load_points(file: Path, space: Space, width: int) -> Tensor:
    """Read the points of a file, which are the space's.

    Raises:
        InputError: there are none, or those of another kind or width.
    """
    try:
        with safe_open(file, "pt") as opened:
            found = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118  (no mapping)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{file} holds no latents; make one with: espalier project PHOTO ARTIFACT") from error
    wanted, other = POINTS[space.styled], POINTS[not space.styled]
    points: Tensor | None = found.get(wanted)
    if points is None or points.dim() != 2 or points.shape[1] != width or not points.is_floating_point():
        there = ", ".join(f"{key} {tuple(value.shape)}" for key, value in found.items()) or "nothing"
        kind = f"; this generator has {wanted}, not {other}" if other in found else ""
        raise InputError(f"{file} has {there}, and {wanted} (N, {width}) are needed{kind}")
    return points.float()
