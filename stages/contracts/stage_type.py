"""A stage type: what a stage does."""

from typing import Any, Protocol


class StageType(Protocol):
    """Made from params.yaml and a stage's place in it; raises InputError for what is configured wrong."""

    def __init__(self, params: dict[str, Any], pipeline: str, stage: str) -> None: ...

    def run(self) -> int | None:
        """Do it, and publish. Returns an exit code, if it is not 0."""
        ...
