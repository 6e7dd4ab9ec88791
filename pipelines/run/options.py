"""What a run can be told: by the command line, and by the form that Prefect's page shows."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds_of(duration: str) -> float:
    """ "90s", "40m", "8h" or "1.5d" in seconds.

    Raises:
        ValueError: it is none of these.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", duration.strip())
    if match is None or float(match[1]) == 0:
        raise ValueError(f"'{duration}' is no length of time; right would be 90s, 40m, 8h or 1d")
    return float(match[1]) * UNITS[match[2]]


def _duration(value: str) -> str:
    if value:
        seconds_of(value)
    return value


class RunOptions(BaseModel):
    """Options of one run. None of them changes params.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    until: str = Field(default="", description="Stop after this stage, such as r16.")
    force: bool = Field(default=False, description="Run stages that dvc finds unchanged, too.")
    overrides: tuple[str, ...] = Field(
        default=(),
        description="Keys of params.yaml for this run alone, such as progan.common.tricks.loss=nonsaturating; "
        "+key=value adds a key, ~key removes one. The result is a DVC experiment.",
    )
    seed: int | None = Field(
        default=None, ge=0, description="The pipeline's seed for this run alone; a DVC experiment, too."
    )
    gates: Literal["as configured", "stop", "ask", "off"] = Field(
        default="as configured",
        description="What a missed gate does: what params.yaml says, stop, ask a person, or nothing.",
    )
    start: str = Field(
        default="",
        description="Train anew from here on: a stage with a step, or an older version of an artifact, such as "
        "progan@r8:v1, for the stages after it to start from. The result is a DVC experiment.",
    )
    step: int | None = Field(default=None, ge=1, description="With start: the step of the checkpoint to go on from.")
    time: Annotated[str, AfterValidator(_duration)] = Field(
        default="",
        description="Train so long at most, such as 40m or 8h; then leave a checkpoint and end as unfinished.",
    )
    pull: bool = Field(default=False, description="Take from the DVC remote what others have trained.")
    push: bool = Field(default=False, description="Send what is trained to the DVC remote.")
    at_once: int = Field(default=2, ge=1, description="Stages that need not wait for each other: so many at once.")

    @property
    def seconds(self) -> float | None:
        """Seconds to train, if limited."""
        return seconds_of(self.time) if self.time else None
