"""Directions in the space of latents, or of styles, along which one thing changes.

Closed form (Shen and Zhou, "Closed-Form Factorization of Latent Semantics in GANs", equation 6): the eigenvectors of A^T A with
the largest eigenvalues, A being the weight of the first layer that takes the latent; for networks with styles, the weights that
make every layer's style, one below the other, rows of each layer scaled to length 1 as in the release.

From labels (Shen et al., "Interpreting the Latent Space of GANs for Semantic Face Editing", with means in place of a support
vector machine): the mean latent of the samples of a class, less that of all others.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from espalier.models.stylegan2 import Modulated
from espalier.stages.contracts.condition import Condition


@dataclass(frozen=True)
class Direction:
    """A unit `vector` (width,) of a generator's space, and `std`, the standard deviation of its points along it."""

    name: str
    vector: Tensor
    std: float

    def moved(self, points: Tensor, strength: float) -> Tensor:
        """Points (N, width) moved by so many standard deviations."""
        return points + strength * self.std * self.vector.to(points)


def along(name: str, vector: Tensor, points: Tensor) -> Direction:
    """A direction in the space of these points."""
    return Direction(name, vector, float((points @ vector.to(points)).std()))


def closed_form(generator: nn.Module, length: int, number: int, condition: Condition = None) -> Tensor:
    """The first directions, unit vectors (number, width) in the space that the generator's edits happen in; the largest component
    of each is positive. `length`: of a latent; `condition`: of one sample.

    Raises:
        ValueError: no layer of the generator takes the latent.
    """
    weight = _first_weight(generator, length, condition)
    _, vectors = torch.linalg.eigh(weight.double().t() @ weight.double())
    found: Tensor = vectors.flip(1)[:, :number].t()
    signs = found.gather(1, found.abs().argmax(dim=1, keepdim=True)).sign()
    return (found * signs).float()


def _first_weight(generator: nn.Module, length: int, condition: Condition) -> Tensor:
    """The weights (outputs, latent) that the latent, or a style, meets first. `condition`: of one sample."""
    styles = [module.style.weight.detach() for module in generator.modules() if isinstance(module, Modulated)]
    if styles:
        return torch.cat([F.normalize(weight, dim=1) for weight in styles])
    seen = list[Tensor]()

    def note(module: nn.Module, given: tuple[Tensor, ...], made: object) -> None:
        weight = getattr(module, "weight", None)
        if not seen and isinstance(weight, Tensor) and weight.dim() > 1 and given and _is_latent(given[0], length):
            inputs_first = weight if isinstance(module, nn.ConvTranspose2d) else weight.transpose(0, 1)
            seen.append(inputs_first.detach().flatten(1).t()[:, :length])

    hooks = [module.register_forward_hook(note) for module in generator.modules()]
    try:
        with torch.no_grad():
            device = next(generator.parameters()).device
            generator(torch.zeros(1, length, device=device), condition)
    finally:
        for hook in hooks:
            hook.remove()
    if not seen:
        raise ValueError(
            "no layer of the generator takes the latent, so directions cannot be computed from its weights"
        )
    return seen[0]


def _is_latent(given: object, length: int) -> bool:
    return (
        isinstance(given, Tensor)
        and given.dim() in (2, 4)
        and given.shape[1] >= length
        and given.shape[2:].numel() == 1
    )


def from_labels(latents: Tensor, labels: Tensor, label: int) -> Tensor:
    """The direction (width,) from the other samples' latents (N, width) to those of a class, of length 1.

    Raises:
        ValueError: no sample has the label, or all have it.
    """
    of = labels == label
    if not of.any() or of.all():
        raise ValueError(f"{int(of.sum())} of {len(of)} samples have the class {label}, so there is nothing to compare")
    return F.normalize(latents[of].mean(dim=0) - latents[~of].mean(dim=0), dim=0)
