"""Validate a whole pipeline before training."""

from pathlib import Path
from typing import Any

from espalier.data.errors import InputError
from espalier.pipelines.run.dag import stages_of
from espalier.stages.config.params import PARAMS, merged_section, read_params, stage_names


def validate(pipeline: str) -> list[str]:
    """Validate every stage's configuration and its place in the DAG. Returns the stage names, in order.

    Raises:
        InputError: the configuration is invalid; the message collects the errors of all stages.
    """
    from espalier.stages.config.load import check_stage  # they import torch
    from espalier.stages.config.sections import source_config

    params = read_params()
    errors, names = [], stage_names(params, pipeline)
    for name in params.get("datasets") or {}:
        errors.extend(_errors(lambda name=name: source_config(params, name)))
    for name in names:
        errors.extend(_errors(lambda name=name: check_stage(params, pipeline, name)))
    if errors:
        raise InputError("\n".join(dict.fromkeys(errors)))
    stages_of(pipeline)
    dataset = Path(merged_section(params, pipeline, names[0])["dataset"])
    datasets = [f"artifacts/datasets/{name}" for name in params.get("datasets") or {}]
    if dataset.as_posix() not in datasets and not (dataset / "manifest.json").is_file():
        known = ", ".join(datasets) or "none"
        raise InputError(
            f"{PARAMS}: {pipeline}.common.dataset: there is no dataset {dataset}; 'datasets' defines {known}"
        )
    return names


def _errors(action: Any) -> list[str]:
    try:
        action()
    except InputError as error:
        return str(error).splitlines()
    return []
