"""The base of everything read from params.yaml or from a record."""

from pydantic import BaseModel, ConfigDict


class Options(BaseModel):
    """A group of options. Unknown keys are errors; values are immutable."""

    model_config = ConfigDict(frozen=True, extra="forbid")
