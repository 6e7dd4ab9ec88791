"""Check that a user's networks take and return tensors of the shapes that training needs, before any step."""

import torch
from torch import Tensor, nn

from espalier.data.errors import InputError
from espalier.stages.contracts.condition import Condition
from espalier.stages.tricks.no_loss import NoDiscriminator
from espalier.stages.tricks.parts import Networks


@torch.no_grad()
def check_shapes(name: str, networks: Networks, latent: Tensor, real: Tensor, condition: Condition) -> None:
    """Run both networks once, in evaluation mode, on a batch of latents (B, latent), reals (B, ...) and their condition.

    Raises:
        InputError: the generator's output does not have the shape of reals, or the discriminator does not return one logit per
            sample (or per patch of a sample); gives both shapes.
    """
    with torch.random.fork_rng(devices=[]):
        fake = _run(name, "generator", networks.generator, latent, condition)
        if fake.shape != real.shape:
            raise InputError(
                f"network {name}: the generator returns {_shown(fake)} for latents {_shown(latent)}, but the data are "
                f"{_shown(real)}"
            )
        if isinstance(networks.discriminator, NoDiscriminator):
            return
        logits = _run(name, "discriminator", networks.discriminator, real, None, condition)
    if logits.ndim != 1 or len(logits) % len(real):
        raise InputError(
            f"network {name}: the discriminator returns {_shown(logits)} for data {_shown(real)}; use ({len(real)},), one "
            "logit per sample"
        )


def _run(name: str, player: str, network: nn.Module, *inputs: object) -> Tensor:
    training = network.training
    network.eval()
    try:
        found: Tensor = network(*inputs)
    except Exception as error:
        shapes = ", ".join(_shown(value) for value in inputs if isinstance(value, Tensor))
        raise InputError(
            f"network {name}: the {player} fails on inputs of shape {shapes}: {type(error).__name__}: {error}"
        ) from error
    finally:
        network.train(training)
    if not isinstance(found, Tensor):
        raise InputError(f"network {name}: the {player} returns {type(found).__name__}; return a tensor")
    return found


def _shown(tensor: Tensor) -> str:
    return str(tuple(tensor.shape))
