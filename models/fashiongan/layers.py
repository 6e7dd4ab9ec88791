"""The layers that FashionGAN's networks share.

Source: Zhu et al., "Be Your Own Prada: Fashion Synthesis with Structural Coherence" (2017), and its released code.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from espalier.models.hidden import Hidden, HiddenPlan

COLOURS = (
    (0.25, 0.0, -0.25), (0.0, 0.25, -0.25), (-0.25, 0.25, 0.0), (-0.25, 0.0, 0.25), (0.0, -0.25, 0.25), (0.25, -0.25, 0.0),
    (0.0, 0.0, 0.0),
)  # fmt: skip
"""The released code's colour of each class, in the order of the channels."""

_GAUSSIAN = (0.0030, 0.0133, 0.0219, 0.0596, 0.0983, 0.1621)
"""The released 5x5 kernel of standard deviation 1, with its rounding (it sums to 0.9997): corner to centre."""


class Said(nn.Module):
    """A code (B, code) -> (B, width, 1, 1): a 1x1 convolution without bias, then `Hidden`; width 0 leaves the code unchanged."""

    def __init__(self, code: int, width: int, plan: HiddenPlan) -> None:
        super().__init__()
        self.width = width or code
        self.dense = nn.Conv2d(code, width, 1, bias=False) if width else None
        self.after = Hidden(width, plan) if width else None

    def forward(self, code: Tensor) -> Tensor:
        x = code[:, :, None, None]
        return x if self.dense is None or self.after is None else self.after(self.dense(x))


class Colours(nn.Module):
    """A map (B, 7, R, R) -> its image in the released code (B, 3, R, R): colours, blurred, minus 0.5.

    The blur pads with zeros before 0.5 is subtracted, so the image's border drifts to -0.5.
    """

    def __init__(self) -> None:
        super().__init__()
        a, b, c, d, e, f = _GAUSSIAN
        rows = [[a, b, c, b, a], [b, d, e, d, b], [c, e, f, e, c], [b, d, e, d, b], [a, b, c, b, a]]
        self.register_buffer("colours", torch.tensor(COLOURS).t()[:, :, None, None] + 0.5, persistent=False)
        self.register_buffer("kernel", torch.tensor(rows).expand(3, 1, 5, 5).contiguous(), persistent=False)

    def forward(self, maps: Tensor) -> Tensor:
        colours, kernel = self.get_buffer("colours").to(maps), self.get_buffer("kernel").to(maps)
        return F.conv2d(F.conv2d(maps, colours), kernel, padding=2, groups=3) - 0.5


class Block(nn.Module):
    """A convolution without bias, then `Hidden`."""

    def __init__(self, convolution: nn.Module, width: int, plan: HiddenPlan) -> None:
        super().__init__()
        self.convolution, self.after = convolution, Hidden(width, plan)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.after(self.convolution(x))
        return made


def same(inputs: int, outputs: int, plan: HiddenPlan) -> Block:
    """3x3 convolution that keeps the size."""
    return Block(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), outputs, plan)


def down(inputs: int, outputs: int, plan: HiddenPlan) -> Block:
    """4x4 convolution that halves the size."""
    return Block(nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False), outputs, plan)


def up(inputs: int, outputs: int, plan: HiddenPlan) -> Block:
    """4x4 transposed convolution that doubles the size."""
    return Block(nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False), outputs, plan)


def initialise(network: nn.Module, std: float) -> None:
    """Draw convolution weights from N(0, std) and batch norm scales from N(1, 0.02), as released."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, std=std)
        elif isinstance(module, nn.BatchNorm2d) and module.affine:
            nn.init.normal_(module.weight, 1.0, 0.02)
            nn.init.zeros_(module.bias)


def tiled(x: Tensor, like: Tensor) -> Tensor:
    """Repeat (B, C, 1, 1) over the positions of `like`, and concatenate to it."""
    return torch.cat([like, x.expand(-1, -1, *like.shape[2:])], dim=1)
