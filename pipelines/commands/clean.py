"""Delete what trainings have left in .work and no configuration of now continues from."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from espalier.data.errors import InputError
from espalier.stages.artifacts.workfolder import holder, work_root
from espalier.stages.config.params import pipeline_names, read_params, stage_names

REBUILT = ("code", "experiments", "history", "verified")
"""Folders that are made again when they are needed."""


@dataclass(frozen=True)
class Leftover:
    """A folder that can be deleted, why, and the bytes that this frees: a file with a second name frees none."""

    path: Path
    why: str
    size: int


def leftovers() -> list[Leftover]:
    """The work folders that no stage of params.yaml continues from, and what is made again when needed.

    Kept are the folders of current configurations, of stages whose inputs are missing, and of trainings that run.

    Raises:
        InputError: params.yaml cannot be read, or a run holds the workspace.
    """
    running = holder(work_root() / "locks" / "run")
    if running is not None:
        raise InputError(f"this workspace is in use by process {running}; clean it when that run has ended")
    params, found = read_params(), []
    known = {f"{pipeline}@{name}" for pipeline in pipeline_names(params) for name in stage_names(params, pipeline)}
    for stage in sorted(work_root().glob("*@*")):
        current = _current(params, stage.name) if stage.name in known else set()
        if current is None:
            continue
        for folder in sorted(path for path in stage.iterdir() if path.is_dir() and path not in current):
            if holder(folder / "lock") is None:
                why = "another configuration or other inputs" if current else f"{stage.name} is no stage of params.yaml"
                found.append(Leftover(folder, why, freed(folder)))
    for name in REBUILT:
        if (folder := work_root() / name).is_dir():
            found.append(Leftover(folder, "is made again when needed", freed(folder)))
    return found


def _current(params: dict[str, object], stage: str) -> set[Path] | None:
    """The work folder of a stage as it is configured now; None if its inputs are missing, so that it cannot be known."""
    from espalier.stages.config.load import stage_config, trains
    from espalier.stages.types.inputs import find_inputs
    from espalier.stages.types.train import training_folder

    pipeline, _, name = stage.partition("@")
    try:
        if not trains(params, pipeline, name):
            return None
        config = stage_config(params, pipeline, name)
        return {training_folder(config, *find_inputs(config))}
    except InputError:
        return None


def freed(folder: Path) -> int:
    """Bytes on the disk that deleting a folder frees."""
    stats = [path.lstat() for path in folder.rglob("*") if not path.is_dir()]
    return sum(stat.st_blocks * 512 for stat in stats if stat.st_nlink == 1)


def delete(found: list[Leftover]) -> None:
    """Delete these folders, and those of stages that are empty then."""
    for one in found:
        shutil.rmtree(one.path)
        if one.path.parent != work_root() and not any(one.path.parent.iterdir()):
            one.path.parent.rmdir()
