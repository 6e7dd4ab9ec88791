"""Dry run: validate a whole chain, and run a few steps of every stage at full size."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from espalier.data.errors import InputError
from espalier.pipelines.run.dag import Node, nodes

if TYPE_CHECKING:
    from espalier.stages.config.stage import StageConfig


def training(pipeline: str, names: list[str]) -> list[str]:
    """The pipeline's stages that train a network."""
    from espalier.stages.config.load import trains
    from espalier.stages.config.params import read_params

    params = read_params()
    return [name for name in names if trains(params, pipeline, name)]


def warnings(pipeline: str, names: list[str]) -> list[str]:
    """Warnings about options that do not combine well, one sentence each, with the stages concerned."""
    from espalier.stages.config.load import stage_config
    from espalier.stages.config.params import PARAMS, read_params

    found: dict[str, list[str]] = {}
    every, params = {node.name: node for node in nodes()}, read_params()
    for name in names:
        config = stage_config(params, pipeline, name)
        for sentence in (*config.warnings, *_of_data(config), *_forgotten_inputs(config, every)):
            found.setdefault(sentence, []).append(name)
    return [f"{PARAMS}: {pipeline} ({', '.join(stages)}): {sentence}" for sentence, stages in found.items()]


def _of_data(config: "StageConfig") -> list[str]:
    """Warnings about the stage's data, if they are prepared."""
    from espalier.data.store import Store
    from espalier.stages.types.inputs import warnings_on

    return warnings_on(config, Store(config.dataset)) if (config.dataset / "manifest.json").is_file() else []


def _forgotten_inputs(config: "StageConfig", every: dict[str, Node]) -> list[str]:
    """Artifacts that the stage reads but DVC's DAG does not list: dvc.yaml cannot template a dependency that only
    some stages have."""
    read = {"monitor.features": config.monitor.features} | {
        f"{key}.{name}": path
        for key, options in config.component_options.items()
        for name, path in options.inputs.items()
    }
    makers = {out: node.name for node in every.values() for out in node.outs}
    return [
        f"{key}: {path} is not among the deps of {config.pipeline} in dvc.yaml: dvc neither builds it first nor "
        f"retrains when it changes; add '- {path}' there"
        for key, path in read.items()
        if path in makers and makers[path] not in every[config.name].needs
    ]


def measured(pipeline: str, names: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Profile each stage in its own process, so that peak memory is measured per stage.

    Raises:
        InputError: a stage cannot run at these sizes; with the error of the stage.
    """
    for name in names:
        command = [sys.executable, "-m", "espalier.stages.run", pipeline, name, "--profile"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            last = done.stderr.strip().splitlines() or [
                f"killed by signal {-done.returncode}; most likely out of memory"
            ]
            raise InputError(f"{pipeline}@{name} cannot run at these sizes: {last[-1].removeprefix('error: ')}")
        yield name, json.loads(done.stdout.splitlines()[-1])
