"""Gates: bounds on a stage's final metrics that must hold for the chain to continue.

    gate: {diversity: {above: 0.5}, loss_d: {below: 2}, on_miss: ask}

They are checked when a chain is run stage by stage, and do not affect training.
"""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from espalier.stages.contracts.options import Options


class Bound(Options):
    """The allowed range of a metric: below one number, above another, or between both."""

    below: float | None = None
    above: float | None = None

    @model_validator(mode="after")
    def _bounds_something(self) -> "Bound":
        if self.below is None and self.above is None:
            raise ValueError("needs 'below' or 'above', such as {below: 40}")
        return self

    def miss(self, value: float) -> str | None:
        """Describe how the value violates the bound, or None if it does not. NaN violates every bound."""
        if self.below is not None and not value < self.below:
            return f"not below {self.below:g}"
        if self.above is not None and not value > self.above:
            return f"not above {self.above:g}"
        return None


class Gate(BaseModel):
    """Bounds on final metrics by name, and what to do when one is violated."""

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, Bound] = Field(init=False)

    on_miss: Literal["stop", "ask"] = "stop"

    @property
    def bounds(self) -> dict[str, Bound]:
        """The bound of each metric."""
        return self.__pydantic_extra__

    def misses(self, metrics: Mapping[str, float]) -> list[str]:
        """Each violated bound as a message: "fid is 52.3, not below 40"."""
        found = []
        for name, bound in self.bounds.items():
            miss = bound.miss(metrics.get(name, float("nan")))
            if miss is not None:
                found.append(f"{name} is {metrics[name]:g}, {miss}" if name in metrics else f"{name} is missing")
        return found
