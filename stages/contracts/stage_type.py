"""Stage types: what a stage of params.yaml does."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from pydantic import Field

from espalier.stages.contracts.options import Options


class StageOptions(Options):
    """What every stage of a pipeline has in params.yaml."""

    type: str
    dataset: Path = Field(description="the pipeline's prepared dataset")
    after: Path = Field(description="the artifact that the stage starts from")


class StageType(ABC):
    """One stage, constructed from params.yaml's content and the stage's place in it. Its constructor validates the options."""

    @abstractmethod
    def __init__(self, params: dict[str, Any], pipeline: str, stage: str) -> None:
        """Read the stage's options.

        Raises:
            InputError: they are invalid; names each key.
        """

    @abstractmethod
    def run(self) -> int | None:
        """Do the work and publish artifacts/PIPELINE/STAGE. Returns the exit code of worker processes, if there are any."""
