"""Validate a whole pipeline before training."""

from pathlib import Path
from typing import Any

from espalier.data.errors import InputError
from espalier.pipelines.run.dag import Node, nodes, stages_of
from espalier.stages.config.params import PARAMS, entries, merged_section, read_params, stage_names


def validate(pipeline: str, known: list[Node] | None = None) -> list[str]:
    """Validate every stage's configuration and its place in the DAG. Returns the stage names, in order.

    `known`: the DAG's nodes, if they were read already.

    Raises:
        InputError: the configuration is invalid; the message collects the errors of all stages.
    """
    from espalier.stages.config.load import check_stage, holds_dataset  # they import torch
    from espalier.stages.config.sections import source_config

    params = read_params()
    errors, names = [], stage_names(params, pipeline)
    for name in entries(params, "datasets"):
        errors.extend(_errors(lambda name=name: source_config(params, name)))
    for name in names:
        errors.extend(_errors(lambda name=name: check_stage(params, pipeline, name)))
    if errors:
        raise InputError("\n".join(dict.fromkeys(errors)))
    known = known or nodes()
    check_sources(stages_of(pipeline, known=known), known)
    dataset = Path(merged_section(params, pipeline, names[0])["dataset"])
    if not (holds_dataset(params, dataset) or _is_made(dataset, known)):
        datasets = ", ".join(f"artifacts/datasets/{name}" for name in entries(params, "datasets")) or "none"
        raise InputError(
            f"{PARAMS}: {pipeline}.common.dataset: there is no dataset {dataset}; 'datasets' defines {datasets}"
        )
    return names


def check_sources(wanted: list[Node], known: list[Node]) -> None:
    """Check that the data of the datasets among these stages are there, unless a stage makes them.

    Raises:
        InputError: they are not; says so in the words of the source.
    """
    from espalier.stages.config.sections import source_config

    params = read_params()
    for node in wanted:
        group, _, name = node.name.partition("@")
        if group != "dataset":
            continue
        source = source_config(params, name)
        if not any(source.root.is_relative_to(out) for other in known for out in other.outs):
            try:
                source.check_root()
            except InputError as error:
                raise InputError(f"{PARAMS}: datasets.{name}: {error}") from error


def _is_made(path: Path, known: list[Node]) -> bool:
    """Whether a stage makes this folder, such as a stage type whose output is a dataset."""
    return any(path in node.outs for node in known)


def _errors(action: Any) -> list[str]:
    try:
        action()
    except InputError as error:
        return str(error).splitlines()
    return []
