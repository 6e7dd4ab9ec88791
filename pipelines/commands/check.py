"""Dry run: validate a whole chain, and run a few steps of every stage at full size."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espalier.data.errors import InputError
from espalier.pipelines.run.dag import Node, leaf_dependencies, nodes
from espalier.pipelines.run.experiments import git
from espalier.pipelines.run.validate import validate

if TYPE_CHECKING:
    from espalier.stages.config.stage import StageConfig


HEAD = ("stage", "G + D parameters", "peak memory", "images/s", "time")
WIDTHS = (20, 25, 13, 10, 11)


def check_target(target: str) -> None:
    """Validate a pipeline, and profile each of its stages, or the one that is named; prints a line as it is known.

    Raises:
        InputError: the configuration is invalid, or a stage cannot run.
    """
    from espalier.stages.config.params import PARAMS, check_stage_name, read_params
    from espalier.stages.process.progress import clock

    check_stage_name(read_params(), target)
    pipeline, _, stage = target.partition("@")
    names = training(pipeline, validate(pipeline))
    names = [name for name in names if stage in ("", name)]
    for sentence in warnings(pipeline, names):
        print(f"warning: {sentence}")
    print(f"the configuration of {pipeline} is valid; profiling {len(names)} stage(s) ...")
    print(_line(HEAD), flush=True)
    total, disk, made_up = 0.0, 0, False
    for name, cost in measured(pipeline, names):
        total += cost["seconds"]
        disk += cost["disk_bytes"]
        made_up = made_up or not cost["prepared"]
        parameters = f"{cost['generator_parameters']:,} + {cost['discriminator_parameters']:,}"
        memory, rate = f"{cost['peak_bytes'] / 2**30:.2f} GiB", f"{cost['images_per_second']:.0f}"
        print(_line((f"{pipeline}@{name}", parameters, memory, rate, clock(cost["seconds"]))), flush=True)
    print(f"estimated training time of {target if stage else 'the whole chain'} on this machine: {clock(total)}")
    free = shutil.disk_usage(".").free
    needed = f"{disk / 2**30:.2g} GiB" if disk > 2**30 else f"{disk / 2**20:.0f} MiB"
    print(f"it needs about {needed} of disk for checkpoints and artifacts; {free / 2**30:.0f} GiB are free")
    if disk > free:
        print(
            f"warning: that is more than is free; set a larger {PARAMS}: {pipeline}.common.milestone_kimg, or make room"
        )
    if made_up:
        print("the dataset is not prepared yet; random RGB images were used instead")


def _line(cells: tuple[str, ...]) -> str:
    """Columns that fit 80 characters, the first to the left, the others to the right."""
    first, *others = zip(cells, WIDTHS, strict=True)
    return (first[0].ljust(first[1]) + "".join(cell.rjust(width) for cell, width in others)).rstrip()


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
    told = [f"{PARAMS}: {pipeline} ({', '.join(stages)}): {sentence}" for sentence, stages in found.items()]
    return told + _not_in_copies()


def _not_in_copies() -> list[str]:
    """Warnings about data that a copy of the workspace would lack: DVC's queue trains in one."""
    from espalier.stages.config.params import entries, read_params

    sections = entries(read_params(), "datasets").values()
    roots = [Path(str(section["root"])) for section in sections if isinstance(section, dict) and "root" in section]
    leaves, told = {path.resolve() for path in leaf_dependencies()}, []
    for root in (root for root in roots if root.resolve() in leaves and root.exists()):
        outside = not root.resolve().is_relative_to(Path.cwd())
        if outside and root.is_absolute():
            continue
        dvc_file = any(Path(f"{place}.dvc").is_file() for place in (root, *root.parents))
        if outside or not (dvc_file or git("ls-files", "--", str(root), check=False).stdout):
            remedy = "write its absolute path as root" if outside else f"run: dvc add {root.as_posix()}"
            why = "lies outside this repository" if outside else "is tracked neither by git nor by DVC"
            lost = "so what trains in a copy of the workspace (dvc exp run --queue) does not find it"
            told.append(f"{root.as_posix()} {why}, {lost}; {remedy}")
    return told


def _of_data(config: "StageConfig") -> list[str]:
    """Warnings about the stage's data."""
    from espalier.data.sources.folder import FolderSource
    from espalier.data.store import Store
    from espalier.stages.config.params import entries, read_params
    from espalier.stages.config.sections import source_config
    from espalier.stages.types.inputs import few_images, warnings_on

    if (config.dataset / "manifest.json").is_file():
        return warnings_on(config, Store(config.dataset))
    params, name = read_params(), config.dataset.name
    source = source_config(params, name) if name in entries(params, "datasets") else None
    return few_images(source.count_files(), config) if isinstance(source, FolderSource) else []


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


def measured(pipeline: str, names: list[str], folder: Path = Path()) -> Iterator[tuple[str, dict[str, Any]]]:
    """Profile each stage in its own process, so that peak memory is measured per stage; `folder`: of params.yaml.

    Raises:
        InputError: a stage cannot run at these sizes; with the error of the stage.
    """
    for name in names:
        command = [sys.executable, "-m", "espalier.stages.run", pipeline, name, "--profile"]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, [str(Path.cwd()), os.environ.get("PYTHONPATH")])),
        }
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        if done.returncode:
            last = done.stderr.strip().splitlines() or [
                f"killed by signal {-done.returncode}; most likely out of memory"
            ]
            raise InputError(f"{pipeline}@{name} cannot run at these sizes: {last[-1].removeprefix('error: ')}")
        yield name, json.loads(done.stdout.splitlines()[-1])
