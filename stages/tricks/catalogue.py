"""All tricks by name, in the one order in which they are applied at every place of the loop."""

import difflib
import importlib
from typing import Any

from espalier.stages.tricks.acgan import Acgan
from espalier.stages.tricks.class_embedding import ClassEmbedding
from espalier.stages.tricks.conditional_batch_norm import ConditionalNorm
from espalier.stages.tricks.dragan import Dragan
from espalier.stages.tricks.drift import Drift
from espalier.stages.tricks.dropout import Dropout
from espalier.stages.tricks.ema import Ema
from espalier.stages.tricks.fade import Fade
from espalier.stages.tricks.feature_matching import FeatureMatching
from espalier.stages.tricks.gradient_penalty import GradientPenalty
from espalier.stages.tricks.hinge import Hinge
from espalier.stages.tricks.historical_averaging import HistoricalAveraging
from espalier.stages.tricks.instance_noise import InstanceNoise
from espalier.stages.tricks.label_smoothing import LabelSmoothing
from espalier.stages.tricks.layer_noise import LayerNoise
from espalier.stages.tricks.loss import Loss
from espalier.stages.tricks.lsgan import Lsgan
from espalier.stages.tricks.matching_aware import MatchingAware
from espalier.stages.tricks.minibatch_discrimination import MinibatchDiscrimination
from espalier.stages.tricks.minibatch_stddev import MinibatchStddev
from espalier.stages.tricks.minimax import Minimax
from espalier.stages.tricks.n_critic import NCritic
from espalier.stages.tricks.noisy_labels import NoisyLabels
from espalier.stages.tricks.nonsaturating import NonSaturating
from espalier.stages.tricks.norm import Norm
from espalier.stages.tricks.optimizers import Optimizers
from espalier.stages.tricks.packing import Packing
from espalier.stages.tricks.past_players import PastPlayers
from espalier.stages.tricks.perceptual import Perceptual
from espalier.stages.tricks.projection import Projection
from espalier.stages.tricks.r1 import R1
from espalier.stages.tricks.r2 import R2
from espalier.stages.tricks.ramp import Ramp
from espalier.stages.tricks.reconstruction import Reconstruction
from espalier.stages.tricks.relativistic import Relativistic
from espalier.stages.tricks.replay import Replay
from espalier.stages.tricks.self_attention import SelfAttention
from espalier.stages.tricks.simultaneous import Simultaneous
from espalier.stages.tricks.spectral_norm import SpectralNorm
from espalier.stages.tricks.trick import Trick
from espalier.stages.tricks.ttur import Ttur
from espalier.stages.tricks.unrolled import Unrolled
from espalier.stages.tricks.virtual_batch_norm import VirtualBatch
from espalier.stages.tricks.weight_clipping import WeightClipping
from espalier.stages.tricks.wgan import Wgan
from espalier.stages.tricks.zero_centered_penalty import ZeroCenteredPenalty

LOSSES: dict[str, type[Loss]] = {cls.name: cls for cls in (Minimax, NonSaturating, Wgan, Lsgan, Hinge)}
"""What `loss` may be."""

ORDER: tuple[type[Trick], ...] = (
    # the loss and its labels
    Relativistic,
    LabelSmoothing,
    NoisyLabels,
    # networks: first what is built, then what is done to what is built; the average is a copy of all that
    Norm,
    VirtualBatch,
    ConditionalNorm,
    ClassEmbedding,
    Projection,
    Acgan,
    Dropout,
    LayerNoise,
    SelfAttention,
    MinibatchDiscrimination,
    MinibatchStddev,
    SpectralNorm,
    Ema,
    # optimisers and the ratio of steps
    Optimizers,
    Ttur,
    Ramp,
    NCritic,
    Simultaneous,
    WeightClipping,
    # whom each plays against, and what the discriminator sees: first what pictures are, last what groups them
    PastPlayers,
    Replay,
    Fade,
    InstanceNoise,
    Packing,
    Unrolled,
    # added terms: only the order of rounding in a sum
    GradientPenalty,
    ZeroCenteredPenalty,
    Dragan,
    R1,
    R2,
    Drift,
    HistoricalAveraging,
    FeatureMatching,
    Perceptual,
    MatchingAware,
    Reconstruction,
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
