"""What a stage does when its training is sick or done: the options `heal` and `stop`.

heal: true                                  # our remedies, at most three times
heal: {at_most: 2, remedies: {collapsed: [{tricks: {packing: 2}}, {rates: {discriminator: 0.5}}]}}
stop: {on: converged, patience: 20}
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

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
"""R3GAN's objective, which converges locally (Huang et al., "The GAN is dead; long live the GAN!") and of all rows of
docs/tables/stacked_mnist.md loses the fewest modes. What cannot be with it is left out."""


class MonitorOptions(BaseModel):
    """How a training is judged."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = Field(default=100, ge=1, description="iterations between probes")
    samples: int = Field(default=256, ge=20, description="fakes, and reals, that a probe compares")
    hold_out: int = Field(
        default=0,
        ge=0,
        description="reals left out of training, to see whether the discriminator knows the others by heart",
    )
    features: Path | None = Field(
        default=None, description="a feature network's artifact to compare by; else pictures reduced to 8x8"
    )


class Remedy(BaseModel):
    """A change of the stage: tricks over its own, options of Adam over its own, factors on the players' learning rates."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tricks: dict[str, Any] = Field(default={}, description="laid over the stage's; null takes one away")
    adam: dict[str, Any] = Field(default={}, description="laid over the stage's")
    rates: dict[Player, float] = Field(default={}, description="factors on the players' learning rates")

    @field_validator("rates")
    @classmethod
    def _above_zero(cls, rates: dict[Player, float]) -> dict[Player, float]:
        if any(factor <= 0 for factor in rates.values()):
            raise ValueError("must be factors above 0, such as {discriminator: 0.5}")
        return rates

    @model_validator(mode="after")
    def _changes_something(self) -> "Remedy":
        if not (self.tricks or self.adam or self.rates):
            raise ValueError("changes nothing; right would be tricks, adam or rates")
        return self

    @property
    def words(self) -> str:
        """In a line, as params.yaml would say it; what is taken away is named only where nothing is added."""
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
"""With one moderate rate for both players and no momentum, whatever they had."""
DEFAULTS: dict[Word, tuple[Remedy, ...]] = {
    "diverged": (FLATTER, CALMER),
    "collapsed": (FLATTER, CALMER, Remedy(tricks={"packing": 2})),
    "collapsing": (FLATTER, CALMER, Remedy(tricks={"packing": 2})),
    "oscillating": (FLATTER, CALMER),
    "discriminator won": (FLATTER, CALMER),
    "discriminator lost": (FLATTER, Remedy(rates={"generator": 0.5})),
}


class HealOptions(BaseModel):
    """Remedies in the order in which they are tried, by verdict; what is not named has ours."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at_most: int = Field(default=3, ge=1, description="rollbacks of a stage")
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


class StopOptions(BaseModel):
    """When a stage ends before its length: its best checkpoint becomes the artifact."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    on: Literal["converged", "plateau"] = Field(
        default="converged", description="the verdict; plateau: at whatever quality it stays"
    )
    patience: float = Field(default=10.0, gt=0, description="thousand images without a better figure")
    metric: Literal["quality", "distance"] = Field(default="quality", description="the figure, of the monitor's")

    @property
    def words(self) -> tuple[Word, ...]:
        """The verdicts at which a stage may end."""
        return ("converged",) if self.on == "converged" else ("converged", "plateau")
