"""What a grown stage takes over from its parent must make it the parent's continuation, or the pair is refused.

At alpha 0 the generator gives the parent's image, doubled, and the weights that the discriminators share are the parent's.
Tensors are taken over by name; a trick that is added, removed or changed between the two may rename or reinterpret them.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from espalier.data.errors import InputError
from espalier.models.layers import double
from espalier.stages.contracts.condition import Condition
from espalier.stages.tricks.parts import Networks

OF_FADES = ("to_rgb.", "from_rgb.", "to_image.", "from_image.")
"""Layers of which a fading network has those of the lower resolution, too."""
PARAMETRIZED = ".parametrizations."
TOLERANCE = 1e-3


def check_layers(own: Iterable[str], parent: Iterable[str], player: str, differ: str) -> None:
    """Check that each layer that two networks share has the same tensors in both.

    Raises:
        InputError: one has others, as with spectral norm in one of the two only.
    """
    mine, theirs = _by_layer(own), _by_layer(parent)
    for layer in sorted(mine.keys() & theirs.keys()):
        if mine[layer] != theirs[layer]:
            names = [", ".join(sorted(tensors)) for tensors in (theirs[layer], mine[layer])]
            raise InputError(
                f"the parent's {player} has {layer} as {names[0]}, this stage as {names[1]}, so its weights cannot be taken over"
                f"{differ}"
            )


def check_names(own: Iterable[str], parent: Iterable[str], player: str, differ: str) -> None:
    """Check that a network has all of its parent's tensors and no others, but for the image layers of a fade.

    Raises:
        InputError: it lacks some, or has more; they would be lost, or stay untrained.
    """
    mine, theirs = ({name for name in names if not name.startswith(OF_FADES)} for names in (own, parent))
    if odd := sorted(mine ^ theirs):
        who = "this stage" if odd[0] in mine else "the parent"
        raise InputError(f"the {player}s of the parent and of this stage differ: only {who} has {odd[0]}{differ}")


def _by_layer(names: Iterable[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name in names:
        layer, _, tensor = name.partition(PARAMETRIZED) if PARAMETRIZED in name else name.rpartition(".")
        found.setdefault(layer, set()).add(tensor)
    return found


@torch.no_grad()
def check_image(networks: Networks, parent: nn.Module, latent: Tensor, condition: Condition, differ: str) -> None:
    """Check that at alpha 0 the grown generator gives the image of its parent's, doubled.

    Raises:
        InputError: it does not.
    """
    generator = networks.generator
    alpha, training = generator.alpha, generator.training
    generator.alpha = 0.0  # type: ignore[assignment]
    images = []
    for network in (generator.eval(), parent.eval()):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            images.append(network(latent, condition))
    generator.alpha = alpha
    generator.train(training)
    made, wanted = images[0], double(images[1])
    if made.shape != wanted.shape or float((made - wanted).abs().max()) > TOLERANCE:
        raise InputError(f"at the start of its fade the generator would not give its parent's images{differ}")


def differing_tricks(own: dict[str, Any], parent: dict[str, Any]) -> str:
    """The end of a sentence on what differs between the tricks of two stages, and what to do."""
    names = [name for name in {**parent, **own} if own.get(name) != parent.get(name)]
    between = f"; between the two stages differ: {', '.join(f'tricks.{name}' for name in names)}" if names else ""
    return f"{between}. Give both stages the same tricks on networks, or train the parent again with this stage's"
