"""Options of a run, shared by the command line and the form on Prefect's page."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds_of(duration: str) -> float:
    """Convert "90s", "40m", "8h" or "1.5d" to seconds.

    Raises:
        ValueError: the format is invalid.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", duration.strip())
    if match is None or float(match[1]) == 0:
        raise ValueError(f"'{duration}' is not a duration; use 90s, 40m, 8h or 1d, for example")
    return float(match[1]) * UNITS[match[2]]


def _duration(value: str) -> str:
    if value:
        seconds_of(value)
    return value


class RunOptions(BaseModel):
    """Options of one run. They never change params.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    until: str = Field(default="", description="Stop after this stage, such as r16.")
    force: bool = Field(default=False, description="Run stages even if DVC considers them unchanged.")
    overrides: tuple[str, ...] = Field(
        default=(),
        description="Override keys of params.yaml for this run only, such as progan.common.tricks.loss=nonsaturating; "
        "+key=value adds a key, ~key removes one. Creates a DVC experiment.",
    )
    seed: int | None = Field(
        default=None, ge=0, description="Override the pipeline's seed for this run only. Creates a DVC experiment."
    )
    gates: Literal["as configured", "stop", "ask", "off"] = Field(
        default="as configured",
        description="What to do when a stage misses its gate: follow params.yaml, stop, ask for approval, or ignore it.",
    )
    start: str = Field(
        default="",
        description="Resume from here: a stage (with a step), or an older version of an artifact, such as "
        "progan@r8:v1, from which later stages start. Creates a DVC experiment.",
    )
    step: int | None = Field(default=None, ge=1, description="With start: step of the checkpoint to resume from.")
    time: Annotated[str, AfterValidator(_duration)] = Field(
        default="",
        description="Stop after this long, such as 40m or 8h: write a checkpoint and end as Unfinished.",
    )
    pull: bool = Field(default=False, description="Pull already trained stages from the DVC remote.")
    push: bool = Field(default=False, description="Push trained stages to the DVC remote.")
    at_once: int = Field(default=2, ge=1, description="Maximum number of independent stages to run in parallel.")

    @property
    def seconds(self) -> float | None:
        """Time limit in seconds, if any."""
        return seconds_of(self.time) if self.time else None
