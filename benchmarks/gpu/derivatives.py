"""The second derivative of one convolution, ours and PyTorch's, at each size: from which on is ours faster?"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.gpu.setting import BASE, DEVICE, SMOKE, WIDTH, timed
from espalier.models.convolution import Convolution
from espalier.models.progan import width

SIZES = [(8, 4)] if SMOKE else [(4, 64), (8, 64), (16, 64), (32, 32), (64, 32), (128, 32), (256, 16)]
"""Resolution and batch size."""
TYPE = torch.float32 if SMOKE else torch.bfloat16


def penalised(convolve: Callable[[Tensor, Tensor], Tensor], x: Tensor, weight: Tensor) -> Tensor:
    """The gradient, with respect to the weight, of the squared norm of the convolution's slope."""
    image = x.detach().requires_grad_()
    (slope,) = torch.autograd.grad(convolve(image, weight).square().sum(), image, create_graph=True)
    (found,) = torch.autograd.grad(slope.float().square().sum(), weight)
    return found


def main(limit: float) -> None:
    """Print the table."""
    print(
        "| resolution | batch | channels | PyTorch ms | ours ms | host: PyTorch ms | ours ms |\n|---|---|---|---|---|---|---|"
    )
    for resolution, batch in SIZES:
        channels = width(resolution, BASE, WIDTH)
        x = torch.randn(batch, channels, resolution, resolution, device=DEVICE, dtype=TYPE)
        weight = torch.randn(channels, channels, 3, 3, device=DEVICE, dtype=TYPE) / (9 * channels) ** 0.5
        x, weight = (t.to(memory_format=torch.channels_last) for t in (x, weight))
        weight.requires_grad_()
        theirs = timed(lambda: penalised(lambda a, w: F.conv2d(a, w, padding=1), x, weight), 5)  # noqa: B023
        ours = timed(lambda: penalised(lambda a, w: Convolution.apply(a, w, 1, 1), x, weight), 5)  # noqa: B023
        print(
            f"| {resolution} | {batch} | {channels} | {theirs[0]:.2f} | {ours[0]:.2f} | {theirs[1]:.2f} | {ours[1]:.2f} |"
        )
