"""All losses and tricks by name; `contracts/known.py` lists them in the order in which they are applied."""

from espalier.stages.contracts import known
from espalier.stages.contracts.registry import Registry
from espalier.stages.tricks.loss import Loss
from espalier.stages.tricks.trick import Trick

LOSSES = Registry[Loss]("loss", known.LOSSES, "espalier.stages.tricks.loss.Loss")
"""The valid values of `loss`."""
TRICKS = Registry[Trick]("trick", known.TRICKS, "espalier.stages.tricks.trick.Trick")


def trick_key(trick: Trick) -> str:
    """The name of a trick or loss in params.yaml."""
    cls = type(trick)
    own = f"{cls.__module__}.{cls.__qualname__}"
    return cls.name if own in (known.TRICKS.get(cls.name), known.LOSSES.get(cls.name)) else own


def in_order(tricks: list[Trick]) -> list[Trick]:
    """Tricks sorted in order of application."""
    places = {name: place for place, name in enumerate(TRICKS)}
    return sorted(tricks, key=lambda trick: places.get(trick_key(trick), len(places)))
