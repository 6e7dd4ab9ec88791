"""Before hours are spent: validate a whole chain, and run a few steps of every stage at its real sizes."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from espalier.data.errors import InputError
from espalier.pipelines.run.dag import Node, nodes, stages_of

if TYPE_CHECKING:
    from espalier.stages.config.stage import StageConfig


def validate(pipeline: str) -> list[str]:
    """Check every stage's configuration and its place in the DAG. Returns the stages' names, in order.

    Raises:
        InputError: with every stage's errors at once.
    """
    from espalier.stages.config.load import check_stage, source_config, stage_config
    from espalier.stages.config.params import PARAMS, read_params, stage_names

    params = read_params()
    errors, names = [], stage_names(params, pipeline)
    for name in params.get("datasets") or {}:
        errors.extend(_errors(lambda name=name: source_config(params, name)))
    for name in names:
        errors.extend(_errors(lambda name=name: check_stage(params, pipeline, name)))
    if errors:
        raise InputError("\n".join(dict.fromkeys(errors)))
    stages_of(pipeline)
    first = stage_config(params, pipeline, names[0])
    datasets = [f"artifacts/datasets/{name}" for name in params.get("datasets") or {}]
    if first.dataset.as_posix() not in datasets and not (first.dataset / "manifest.json").is_file():
        known = ", ".join(datasets) or "none"
        raise InputError(
            f"{PARAMS}: {pipeline}.stages.{names[0]}.after: there is no dataset {first.dataset}; 'datasets' makes {known}"
        )
    return names


def training(pipeline: str, names: list[str]) -> list[str]:
    """Those of a pipeline's stages that train."""
    from espalier.stages.config.load import trains
    from espalier.stages.config.params import read_params

    return [name for name in names if trains(read_params(), pipeline, name)]


def warnings(pipeline: str, names: list[str]) -> list[str]:
    """What does not go well together, a sentence each with the stages that it is of."""
    from espalier.stages.config.load import stage_config
    from espalier.stages.config.params import PARAMS, read_params

    found: dict[str, list[str]] = {}
    every = {node.name: node for node in nodes()}
    for name in names:
        config = stage_config(read_params(), pipeline, name)
        for sentence in (*config.warnings, *_forgotten_features(config, every)):
            found.setdefault(sentence, []).append(name)
    return [f"{PARAMS}: {pipeline} ({', '.join(stages)}): {sentence}" for sentence, stages in found.items()]


def _forgotten_features(config: "StageConfig", every: dict[str, Node]) -> list[str]:
    """Feature networks that the stage reads and DVC's DAG does not know of: dvc.yaml cannot template a dependency that only some
    stages have."""
    read = {"monitor": config.monitor.features, "evaluate": config.evaluate.features if config.evaluate else None}
    makers = {out: node.name for node in every.values() for out in node.outs}
    return [
        f"{key}.features: {path} is not among the deps of {config.pipeline} in dvc.yaml: dvc neither makes it first, nor trains "
        f"again when it changes; add '- {path}' there"
        for key, path in read.items()
        if path in makers and makers[path] not in every[config.name].needs
    ]


def _errors(action: Any) -> list[str]:
    try:
        action()
    except InputError as error:
        return str(error).splitlines()
    return []


def measured(pipeline: str, names: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What each stage costs, measured in a process of its own so that the peak of memory is its own.

    Raises:
        InputError: a stage cannot run at these sizes, with its own words.
    """
    for name in names:
        command = [sys.executable, "-m", "espalier.stages.loop.profile", pipeline, name]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            last = done.stderr.strip().splitlines() or [
                f"killed by signal {-done.returncode}; most likely out of memory"
            ]
            raise InputError(f"{pipeline}@{name} cannot run at these sizes: {last[-1].removeprefix('error: ')}")
        yield name, json.loads(done.stdout.splitlines()[-1])
