"""Gates: what a stage's final figures must be for the chain to go on.

    gate: {diversity: {above: 0.5}, loss_d: {below: 2}, on_miss: ask}

Whoever runs a chain stage by stage asks them; they change no weight.
"""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Bound(BaseModel):
    """Where a figure must lie: below one number, above another, or between both."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    below: float | None = None
    above: float | None = None

    @model_validator(mode="after")
    def _bounds_something(self) -> "Bound":
        if self.below is None and self.above is None:
            raise ValueError("must say 'below' or 'above', such as {below: 40}")
        return self

    def miss(self, value: float) -> str | None:
        """How the value misses the bound, in words. A NaN misses every bound."""
        if self.below is not None and not value < self.below:
            return f"not below {self.below:g}"
        if self.above is not None and not value > self.above:
            return f"not above {self.above:g}"
        return None


class Gate(BaseModel):
    """Bounds on final figures by their names, and what happens when one is missed."""

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, Bound] = Field(init=False)

    on_miss: Literal["stop", "ask"] = "stop"

    @property
    def bounds(self) -> dict[str, Bound]:
        """The bound of each figure."""
        return self.__pydantic_extra__

    def misses(self, figures: Mapping[str, float]) -> list[str]:
        """Each missed bound as a sentence: "fid is 52.3, not below 40"."""
        found = []
        for name, bound in self.bounds.items():
            miss = bound.miss(figures.get(name, float("nan")))
            if miss is not None:
                found.append(f"{name} is {figures[name]:g}, {miss}" if name in figures else f"{name} is missing")
        return found
