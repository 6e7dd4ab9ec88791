"""All tricks by name, in the one order in which they are applied at every place of the loop."""

import difflib
import importlib
from typing import Any

from stages.tricks.dragan import Dragan
from stages.tricks.drift import Drift
from stages.tricks.ema import Ema
from stages.tricks.fade import Fade
from stages.tricks.feature_matching import FeatureMatching
from stages.tricks.gradient_penalty import GradientPenalty
from stages.tricks.hinge import Hinge
from stages.tricks.instance_noise import InstanceNoise
from stages.tricks.label_smoothing import LabelSmoothing
from stages.tricks.loss import Loss
from stages.tricks.lsgan import Lsgan
from stages.tricks.minibatch_stddev import MinibatchStddev
from stages.tricks.minimax import Minimax
from stages.tricks.n_critic import NCritic
from stages.tricks.nonsaturating import NonSaturating
from stages.tricks.packing import Packing
from stages.tricks.r1 import R1
from stages.tricks.r2 import R2
from stages.tricks.relativistic import Relativistic
from stages.tricks.trick import Trick
from stages.tricks.ttur import Ttur
from stages.tricks.wgan import Wgan

LOSSES: dict[str, type[Loss]] = {cls.name: cls for cls in (Minimax, NonSaturating, Wgan, Lsgan, Hinge)}
"""What `loss` may be."""

ORDER: tuple[type[Trick], ...] = (
    # the loss and its labels
    Relativistic,
    LabelSmoothing,
    # networks and optimisers
    MinibatchStddev,
    Ema,
    Ttur,
    NCritic,
    # what the discriminator sees: first what pictures are, last what groups them
    Fade,
    InstanceNoise,
    Packing,
    # added terms: only the order of rounding in a sum
    GradientPenalty,
    Dragan,
    R1,
    R2,
    Drift,
    FeatureMatching,
)
"""Tricks are applied in this order; a trick of the user's own comes after all of these, in params.yaml's order."""

TRICKS: dict[str, type[Trick]] = {cls.name: cls for cls in ORDER}


def trick_class(name: str) -> type[Trick]:
    """A trick's class by its name here, or by the dotted path of a user's own, such as `my_tricks.Blur`.

    Raises:
        ValueError: no such trick, with the nearest name.
    """
    if name in TRICKS:
        return TRICKS[name]
    if "." in name:
        return _own_class(name)
    near = difflib.get_close_matches(name, [*TRICKS, "loss"], n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"known are loss, {', '.join(TRICKS)}"
    raise ValueError(f"there is no trick '{name}'; {hint}")


def _own_class(path: str) -> type[Trick]:
    module, _, attribute = path.rpartition(".")
    try:
        found: Any = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"the trick '{path}' cannot be imported: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Trick)):
        raise ValueError(f"'{path}' is no trick: it must be a subclass of stages.tricks.trick.Trick")
    return found


def loss_class(name: str) -> type[Loss]:
    """A loss by its name.

    Raises:
        ValueError: no such loss, with the nearest name.
    """
    if name in LOSSES:
        return LOSSES[name]
    near = difflib.get_close_matches(name, LOSSES, n=1, cutoff=0.4)
    hint = f"did you mean '{near[0]}'? " if near else ""
    raise ValueError(f"there is no loss '{name}'; {hint}known are {', '.join(LOSSES)}")


def in_order(tricks: list[Trick]) -> list[Trick]:
    """Sorted as they are applied."""
    places = {cls: place for place, cls in enumerate(ORDER)}
    return sorted(tricks, key=lambda trick: places.get(type(trick), len(places)))
