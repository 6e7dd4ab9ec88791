"""The two names of a stage: DVC's, such as progan@r8, and the folder of its artifact, such as artifacts/progan/r8.

Each command takes both.
"""

from pathlib import Path

from espalier.stages.config.params import ARTIFACTS
from espalier.stages.contracts.known import SECTIONS

GROUPS = {folder: group for group, folder in SECTIONS.items()}


def stage_name(text: str) -> str:
    """DVC's name of a stage that is given by either; any other text as it is."""
    parts = Path(text).parts
    if len(parts) == 3 and parts[0] == ARTIFACTS.name:
        return f"{GROUPS.get(parts[1], parts[1])}@{parts[2]}"
    return text


def artifact_path(text: str) -> Path:
    """The folder of an artifact that is given by either; any other text as a path, with the user's home for ~."""
    group, at, stage = text.partition("@")
    if at and group and stage and "/" not in text and not Path(text).exists():
        return ARTIFACTS / SECTIONS.get(group, group) / stage
    return Path(text).expanduser()
