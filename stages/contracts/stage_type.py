"""The interface of a stage type."""

from typing import Any, Protocol


class StageType(Protocol):
    """Created from params.yaml and the stage's location in it; raises InputError for invalid configuration."""

    def __init__(self, params: dict[str, Any], pipeline: str, stage: str) -> None: ...

    def run(self) -> int | None:
        """Run the stage and publish its artifact. Returns the exit code if it is not 0."""
        ...
