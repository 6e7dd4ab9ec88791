"""What a generator makes of latents: pictures or points, class after class where it is told classes."""

import torch
from torch import Tensor, nn

from stages.pictures import to_bytes

PICTURES_AT_ONCE, POINTS_AT_ONCE = 64, 4096


@torch.no_grad()
def generate(generator: nn.Module, latent: Tensor, classes: int = 0, points: bool = False) -> Tensor:
    """Pictures uint8 (N, channels, R, R), or points float (N, dimensions), on the CPU.

    Where there are `classes`, they take turns. What layers draw (dropout in use) depends on the latents alone.
    """
    training, batch = generator.training, POINTS_AT_ONCE if points else PICTURES_AT_ONCE
    labels = torch.arange(len(latent), device=latent.device) % classes if classes else None
    generator.eval()
    parts = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for start in range(0, len(latent), batch):
            of_class = () if labels is None else (labels[start : start + batch],)
            made = generator(latent[start : start + batch], *of_class)
            parts.append((made.float() if points else to_bytes(made)).cpu())
    generator.train(training)
    return torch.cat(parts)
