"""Checks of which weights a stage trains, and when: `freeze`, `discriminator` and `loss: none`."""

from typing import TYPE_CHECKING

from espalier.stages.config.options import AT_ONCE
from espalier.stages.networks.freezing import PARENT
from espalier.stages.tricks.trick import implements

if TYPE_CHECKING:
    from espalier.stages.config.stage import StageConfig

MOVES_ALL = ("weight_clipping", "unrolled")
"""Tricks that change a discriminator's weights without asking which take a gradient."""
OF_THE_GAME = (
    "discriminator_term", "wrap_loss", "targets", "opponent", "generators_discriminator", "fakes", "after_discriminator_step",
    "discriminator_steps", "observe",
)  # fmt: skip
"""Places of a trick that only a stage with a discriminator has."""


def check_what_trains(config: "StageConfig") -> None:
    """Check the options together.

    Raises:
        ValueError: nothing would train, or a trick does not fit; gives the key and what to write instead.
    """
    _check_freeze(config)
    _check_join(config)


def _check_join(config: "StageConfig") -> None:
    join = config.discriminator
    if not config.plays:
        _check_fit(config)
        return
    if join.from_kimg and not any(implements(trick, "generator_term") for trick in config.tricks.others):
        raise ValueError(
            "discriminator.from_kimg: until the discriminator joins, the generator has no loss; add a term such as "
            "reconstruction or perceptual"
        )
    if round((join.from_kimg + join.warm_up_kimg) * 1000) >= config.images:
        raise ValueError(
            f"discriminator: with kimg {config.kimg:g} the stage ends before both players train together; use a longer kimg"
        )
    if join != AT_ONCE and any(trick.simultaneous() for trick in config.tricks.others):
        raise ValueError("discriminator: tricks.simultaneous moves both players at once; remove one")


def _check_fit(config: "StageConfig") -> None:
    if not any(implements(trick, "generator_term") for trick in config.tricks.others):
        raise ValueError("tricks.loss: none leaves the generator without any loss; add a term, such as reconstruction")
    for key, given in (
        ("discriminator", config.discriminator != AT_ONCE),
        ("heal", config.heal),
        ("stop", config.stop),
    ):
        if given:
            raise ValueError(
                f"{key}: tricks.loss is none, so there is no discriminator and no game to watch; remove {key}"
            )
    for trick in config.tricks.others:
        if any(implements(trick, place) for place in OF_THE_GAME):
            raise ValueError(f"tricks.{trick.name}: tricks.loss is none, so there is no discriminator; remove it")


def _check_freeze(config: "StageConfig") -> None:
    for path in config.freeze:
        if path.partition(".")[0] not in (PARENT, "generator", "discriminator"):
            raise ValueError(f"freeze: '{path}' is neither parent nor a module of generator or discriminator")
    if PARENT in config.freeze and not config.takes_over:
        raise ValueError(f"freeze: the stage takes no weights from {config.after}; name modules instead of parent")
    if PARENT in config.freeze and config.transfer:
        raise ValueError(
            "freeze: with transfer all weights are the parent's; name modules instead, such as discriminator.blocks"
        )
    moving = [name for name in MOVES_ALL if any(trick.name == name for trick in config.tricks.others)]
    if moving and any(not path.startswith("generator") for path in config.freeze):
        raise ValueError(f"freeze: tricks.{moving[0]} moves all weights of the discriminator; remove one")
