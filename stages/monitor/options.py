"""What a stage does when its training fails or converges: the options `heal` and `stop`.

heal: true                                  # default remedies, at most three rollbacks
heal: {at_most: 2, remedies: {collapsed: [{tricks: {packing: 2}}, {rates: {discriminator: 0.5}}]}}
stop: {on: converged, patience: 20}
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from espalier.stages.contracts.options import Options
from espalier.stages.monitor.verdict import SICK, Word
from espalier.stages.tricks.parts import Player

FLAT: dict[str, Any] = {
    "loss": "nonsaturating",
    "relativistic": "paired",
    "r1": {},
    "r2": {},
    "norm": {"discriminator": "none"},
    **dict.fromkeys(("gradient_penalty", "dragan", "weight_clipping", "label_smoothing", "noisy_labels")),
    **dict.fromkeys(("ttur", "n_critic", "optimizers")),
}
"""R3GAN's objective, which converges locally (Huang et al., "The GAN is dead; long live the GAN!") and loses the fewest modes
of all rows of docs/tables/stacked_mnist.md. Incompatible tricks are removed."""


class MonitorOptions(Options):
    """How training is monitored."""

    steps: int = Field(default=100, ge=1, description="iterations between probes")
    samples: int = Field(default=256, ge=20, description="number of fakes, and of reals, that a probe compares")
    hold_out: int = Field(
        default=0,
        ge=0,
        description="reals held out from training, to detect an overfitting discriminator",
    )
    features: Path | None = Field(
        default=None,
        description="feature network to compare in: its artifact, or 'imagenet'; default: images reduced to 8x8",
    )


class Remedy(Options):
    """A change to the stage: tricks and Adam options that override its own, and factors on the learning rates."""

    tricks: dict[str, Any] = Field(default={}, description="override the stage's; null removes one")
    adam: dict[str, Any] = Field(default={}, description="override the stage's")
    rates: dict[Player, float] = Field(default={}, description="factors on the players' learning rates")

    @field_validator("rates")
    @classmethod
    def _above_zero(cls, rates: dict[Player, float]) -> dict[Player, float]:
        if any(factor <= 0 for factor in rates.values()):
            raise ValueError("must be factors above 0, e.g. {discriminator: 0.5}")
        return rates

    @model_validator(mode="after")
    def _changes_something(self) -> "Remedy":
        if not (self.tricks or self.adam or self.rates):
            raise ValueError("changes nothing; set tricks, adam or rates")
        return self

    @property
    def words(self) -> str:
        """One line, in the terms of params.yaml; removed tricks are named only if none is added."""
        given = {name: value for name, value in self.tricks.items() if value is not None}
        parts = [f"{name} {_short(value)}" for name, value in given.items()]
        parts = parts or [f"without {name}" for name in self.tricks]
        parts += [f"{name} {_short(value)}" for name, value in self.adam.items()]
        parts += [f"{player}'s rate times {factor:g}" for player, factor in self.rates.items()]
        return ", ".join(part.strip() for part in parts)


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name}={_short(of)}" for name, of in value.items())
    return str(value)


CALMER = Remedy(rates={"generator": 0.5, "discriminator": 0.5})
FLATTER = Remedy(tricks=FLAT, adam={"learning_rate": 0.0005, "betas": [0.0, 0.99]})
"""Sets one moderate learning rate for both players and no momentum, overriding the stage's."""
DEFAULTS: dict[Word, tuple[Remedy, ...]] = {
    "diverged": (FLATTER, CALMER),
    "collapsed": (FLATTER, CALMER, Remedy(tricks={"packing": 2})),
    "collapsing": (FLATTER, CALMER, Remedy(tricks={"packing": 2})),
    "oscillating": (FLATTER, CALMER),
    "discriminator won": (FLATTER, CALMER),
    "discriminator lost": (FLATTER, Remedy(rates={"generator": 0.5})),
}


class HealOptions(Options):
    """Remedies by verdict, in the order they are tried; verdicts not listed use the defaults."""

    at_most: int = Field(default=3, ge=1, description="maximum number of rollbacks per stage")
    remedies: dict[Word, tuple[Remedy, ...]] = {}

    @field_validator("remedies")
    @classmethod
    def _of_the_sick(cls, remedies: dict[Word, tuple[Remedy, ...]]) -> dict[Word, tuple[Remedy, ...]]:
        if well := [word for word in remedies if word not in SICK]:
            raise ValueError(f"nothing is wrong with '{well[0]}'; remedies are for: {', '.join(SICK)}")
        return remedies

    def against(self, word: Word) -> tuple[Remedy, ...]:
        """The remedies for a verdict."""
        return self.remedies.get(word, DEFAULTS.get(word, ()))


class StopOptions(Options):
    """When to stop a stage early; its best checkpoint is published."""

    on: Literal["converged", "plateau"] = Field(
        default="converged", description="verdict to stop at; plateau: at any quality"
    )
    patience: float = Field(default=10.0, gt=0, description="thousand images without improvement")
    metric: Literal["quality", "distance"] = Field(default="quality", description="monitor metric to track")

    @property
    def words(self) -> tuple[Word, ...]:
        """The verdicts at which a stage may stop."""
        return ("converged",) if self.on == "converged" else ("converged", "plateau")
