"""Train from a chosen start: a checkpoint of a stage, or an older version of an artifact.

The start is pinned: copied into artifacts/pinned/, where DVC tracks it for as long as the experiment that uses it, and
referenced in params.yaml, so that DVC and the lineage record it.
"""

import contextlib
import shutil
from pathlib import Path

from espalier.data.errors import InputError
from espalier.data.files import make_folder
from espalier.pipelines.run.experiments import git
from espalier.pipelines.run.options import RunOptions
from espalier.pipelines.run.repro import ask_dvc
from espalier.stages.config.params import PARAMS, choose, pipeline_names, read_params, stage_names

PINNED = Path("artifacts/pinned")


def check_start(pipeline: str, options: RunOptions) -> None:
    """Validate `start` and `step` before anything is created.

    Raises:
        InputError: they are inconsistent, or refer to something that does not exist.
    """
    if not options.start:
        if options.step is not None:
            raise InputError(f"step {options.step} of which stage? Use --from r8 --step {options.step}, for example")
        return
    stage, _, revision = _parts(pipeline, options.start)
    params = read_params()
    if pipeline not in pipeline_names(params):
        raise InputError(
            f"{PARAMS}: '{pipeline}' is not a pipeline, so it has no stage to start from; leave out --from"
        )
    section = params[pipeline]
    if "matrix" in section:
        raise InputError(
            f"{PARAMS}: {pipeline} is a matrix, whose stages have no entry for a start; list them under 'stages' instead"
        )
    choose(section["stages"], stage, f"{PARAMS}: {pipeline}.stages", "stage")
    if revision and options.step is not None:
        raise InputError(f"'{options.start}' is a finished version, which has no step to resume from; leave out step")
    if not revision and options.step is None:
        raise InputError(
            f"from which step of {stage}? Use --from {stage} --step STEP, or --from {pipeline}@{stage}:REV "
            f"to train the stages after an older version (list versions: espalier history {pipeline}@{stage})"
        )


def start_name(pipeline: str, options: RunOptions) -> list[str]:
    """The start as one word for the experiment's name; empty if there is none."""
    if not options.start:
        return []
    stage, _, revision = _parts(pipeline, options.start)
    return [f"from-{stage}-{revision or options.step}"]


def pin(pipeline: str, options: RunOptions, workspace: Path) -> list[str]:
    """Pin the chosen start in the experiment in the current folder. Returns the overrides that refer to it.

    Raises:
        InputError: there is no such checkpoint or version; the message lists the checkpoints or how to list versions.
    """
    stage, name, revision = _parts(pipeline, options.start)
    if revision:
        return _pin_version(pipeline, stage, revision, workspace)
    checkpoint = _checkpoint(pipeline, stage, options.step or 0, workspace)
    pinned = PINNED / f"{name.replace('@', '-')}-{checkpoint.name}"
    make_folder(PINNED)
    shutil.copyfile(checkpoint, pinned)
    _keep(pinned)
    return [f"+{pipeline}.stages.{stage}.start={pinned.as_posix()}"]


def _parts(pipeline: str, start: str) -> tuple[str, str, str]:
    """("r8", "progan@r8", "v1") for "progan@r8:v1"; the revision is empty for "r8"."""
    name, _, revision = start.partition(":")
    stage = name.removeprefix(f"{pipeline}@")
    return stage, f"{pipeline}@{stage}", revision


def _pin_version(pipeline: str, stage: str, revision: str, workspace: Path) -> list[str]:
    artifact = Path("artifacts") / pipeline / stage
    params = read_params()
    stages = params[pipeline]["stages"]
    children = [name for name in stage_names(params, pipeline) if stages[name].get("after") == str(artifact)]
    if not children:
        raise InputError(f"{PARAMS}: no stage of {pipeline} has 'after: {artifact}', so none can start from it")
    pinned = PINNED / f"{pipeline}-{stage}-{revision.replace('/', '-')}"
    make_folder(PINNED)
    shutil.rmtree(pinned, ignore_errors=True)
    name = f"{pipeline}@{stage}"
    refusal = f"DVC cannot retrieve version '{revision}' of {name} (list versions: espalier history {name})"
    ask_dvc("get", str(workspace), artifact.as_posix(), "--rev", revision, "--out", pinned.as_posix(), refusal=refusal)
    if not (pinned / "stage.json").is_file():
        raise InputError(refusal)
    _keep(pinned)
    return [f"{pipeline}.stages.{child}.after={pinned.as_posix()}" for child in children]


def _keep(path: Path) -> None:
    ask_dvc("add", path.as_posix(), refusal=f"dvc cannot add {path}")
    git("add", "--force", f"{path}.dvc")


def _checkpoint(pipeline: str, stage: str, step: int, workspace: Path) -> Path:
    """The checkpoint file of a stage at a step: a milestone of its artifact, or one still in its work folder."""
    from espalier.stages.artifacts.workfolder import checkpoints_in
    from espalier.stages.config.load import stage_config
    from espalier.stages.types.inputs import find_inputs
    from espalier.stages.types.train import training_folder

    with contextlib.chdir(workspace):  # as it was trained there: without the experiment's overrides, with its data
        config = stage_config(read_params(), pipeline, stage)
        places = [workspace / config.artifact / "milestones"]
        try:
            work = training_folder(config, *find_inputs(config))
            places += [work, work / "milestones"]
        except InputError:  # an input is missing, so this configuration was never trained
            pass
    found = {
        at: path for place in places for folder in (place, *place.glob("kimg-*")) for at, path in checkpoints_in(folder)
    }
    if step not in found:
        there = ", ".join(map(str, sorted(found))) or "none"
        raise InputError(
            f"{pipeline}@{stage} has no checkpoint at step {step}; it has: {there}. "
            "Training keeps the last two, and one every milestone_kimg"
        )
    return found[step]
