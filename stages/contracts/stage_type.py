"""Stage types: what a stage of params.yaml does."""

from abc import ABC, abstractmethod
from typing import Any


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
