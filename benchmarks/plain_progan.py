"""ProGAN's networks as one would write them first: resize then convolve, contiguous tensors, no shortcuts.

They take over our networks' weights by name, so that both compute the same function.
"""

import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class _Plain(nn.Module):
    """The layers of one of our networks, used by a forward of its own."""

    def __init__(self, ours: nn.Module) -> None:
        super().__init__()
        self.net: Any = copy.deepcopy(ours).to(memory_format=torch.contiguous_format)

    @staticmethod
    def conv(x: Tensor, layer: Any, bias: bool = True) -> Tensor:
        weight = layer.weight * layer.scale
        return F.conv2d(x, weight, layer.bias if bias else None, padding=weight.shape[-1] // 2)

    @staticmethod
    def norm(x: Tensor) -> Tensor:
        return x / torch.sqrt(torch.mean(x**2, dim=1, keepdim=True) + 1e-8)

    @staticmethod
    def lrelu(x: Tensor) -> Tensor:
        return F.leaky_relu(x, 0.2)


class PlainGenerator(_Plain):
    """(B, latent) -> (B, 3, R, R)."""

    def forward(self, z: Tensor) -> Tensor:
        net = self.net
        x = F.linear(self.norm(z), net.start.weight * net.start.scale).view(len(z), -1, 4, 4)
        x = self.norm(self.lrelu(x + net.start.bias[:, None, None]))
        x = self.norm(self.lrelu(self.conv(x, net.conv)))
        for block in net.blocks.values():
            x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = self.norm(self.lrelu(self.conv(x, block.up)))
            x = self.norm(self.lrelu(self.conv(x, block.conv)))
        return self.conv(x, net.to_rgb[str(net.resolution)])


class PlainDiscriminator(_Plain):
    """(B, 3, R, R) -> (B,)."""

    def forward(self, x: Tensor) -> Tensor:
        net = self.net
        x = self.lrelu(self.conv(x, net.from_rgb[str(net.resolution)]))
        for block in net.blocks.values():
            x = self.lrelu(self.conv(x, block.conv))
            x = F.avg_pool2d(self.conv(x, block.down, bias=False), 2)
            x = self.lrelu(x + block.down.bias[:, None, None])
        groups = x.view(4, -1, *x.shape[1:])
        deviation = torch.sqrt(groups.var(0, unbiased=False) + 1e-8).mean((1, 2, 3))
        x = torch.cat([x, deviation.repeat(4)[:, None, None, None].expand(-1, 1, 4, 4)], 1)
        x = self.lrelu(self.conv(x, net.conv)).flatten(1)
        x = self.lrelu(F.linear(x, net.dense.weight * net.dense.scale, net.dense.bias))
        return F.linear(x, net.logit.linear.weight * net.logit.linear.scale, net.logit.linear.bias).flatten()
