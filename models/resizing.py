"""Upsampling by a factor of 2 with a convolution, in the three usual ways."""

from typing import Literal

from torch import Tensor, nn

from espalier.models.layers import double

Up = Literal["nearest", "pixelshuffle", "transposed"]


class Double(nn.Module):
    """(B, C, H, W) -> (B, C, 2H, 2W) by repeating each pixel."""

    def forward(self, x: Tensor) -> Tensor:
        return double(x)


class UpConvolution(nn.Module):
    """(B, inputs, H, W) -> (B, outputs, 2H, 2W), with an odd or even square kernel.

    nearest: repeat each pixel, then convolve; no checkerboard (Odena et al., "Deconvolution and Checkerboard
    Artifacts"). pixelshuffle: a convolution to 4 times the channels, rearranged into 2x2 squares (Shi et al., "Real-Time
    Single Image and Video Super-Resolution"). transposed: a stride-2 transposed convolution (DCGAN).
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, up: Up) -> None:
        super().__init__()
        if up == "transposed":
            padding, more = (kernel - 1) // 2, kernel % 2
            self.way: nn.Module = nn.ConvTranspose2d(inputs, outputs, kernel, 2, padding, output_padding=more)
            return
        resize = Double() if up == "nearest" else nn.PixelShuffle(2)
        convolution = nn.Conv2d(inputs, outputs if up == "nearest" else 4 * outputs, kernel, padding="same")
        self.way = nn.Sequential(resize, convolution) if up == "nearest" else nn.Sequential(convolution, resize)

    def forward(self, x: Tensor) -> Tensor:
        larger: Tensor = self.way(x)
        return larger
