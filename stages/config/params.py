"""params.yaml: read, and merged in one place."""

import difflib
import itertools
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from espalier.data.errors import InputError

PARAMS = Path("params.yaml")


def read_params(path: Path = PARAMS) -> dict[str, Any]:
    """params.yaml as plain values.

    Raises:
        InputError: there is none, or it is no YAML mapping; with file and line.
    """
    if not path.is_file():
        raise InputError(f"there is no {path} here; run this in the project's root folder")
    try:
        params = YAML(typ="safe", pure=True).load(path)
    except YAMLError as error:
        raise InputError(f"{path} is no valid YAML: {error}") from error
    if not isinstance(params, dict):
        raise InputError(f"{path} must be a mapping of pipelines and datasets")
    return params


def choose(section: Any, key: str, where: str, what: str) -> dict[str, Any]:
    """section[key], which must be a mapping."""
    known = list(section) if isinstance(section, dict) else []
    if key not in known:
        near = difflib.get_close_matches(key, map(str, known), n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"it has: {', '.join(map(str, known)) or 'none'}"
        raise InputError(f"{where} has no {what} '{key}'; {hint}")
    value = section[key]
    if not isinstance(value, dict):
        raise InputError(f"{where}: '{key}' must be a mapping, not {value!r}")
    return value


def pipeline_names(params: dict[str, Any]) -> list[str]:
    """The pipelines: the sections that have stages."""
    return [str(name) for name, s in params.items() if isinstance(s, dict) and ("stages" in s or "matrix" in s)]


def shown_key(key: object) -> str:
    """A key as it can be shown in a line: in quotes, where it would be nothing or break the line."""
    text = str(key)
    return text if text.isprintable() and text else repr(text)


def _axes(section: dict[str, Any], where: str) -> dict[str, list[Any]]:
    axes = choose(section, "matrix", where, "key")
    for axis, values in axes.items():
        if not isinstance(values, list) or not values:
            raise InputError(f"{where}.matrix.{shown_key(axis)}: must be a list of values, not {values!r}")
    if not axes:
        raise InputError(f"{where}.matrix: must have an axis, such as seed: [0, 1, 2]")
    return axes


def stages_in(section: dict[str, Any], where: str) -> dict[str, Any]:
    """What each stage of a pipeline is told beside what is common.

    Written out under `stages`; or as a `matrix` of axes with their values, of which each combination is a stage, named
    as DVC names it, "pac2-0". A value stands for its entry under `options.AXIS`, or, where there is none, for itself.

    Raises:
        InputError: neither, or no mapping.
    """
    if "matrix" not in section:
        return choose(section, "stages", where, "key")
    axes = _axes(section, where)
    options = choose(section, "options", where, "key") if section.get("options") is not None else {}
    stages: dict[str, Any] = {}
    for values in itertools.product(*axes.values()):
        own: dict[str, Any] = {}
        for axis, value in zip(axes, values, strict=True):
            meant = (
                choose(options[axis], str(value), f"{where}.options.{axis}", "value")
                if axis in options
                else {axis: value}
            )
            own = merge(own, meant)
        stages["-".join(str(value) for value in values)] = own
    return stages


def stage_names(params: dict[str, Any], pipeline: str) -> list[str]:
    """The stages of a pipeline, in params.yaml's order.

    Raises:
        InputError: no such pipeline, or a stage named by a number.
    """
    names = list(stages_in(choose(params, pipeline, str(PARAMS), "pipeline"), f"{PARAMS}: {pipeline}"))
    for name in names:
        if not isinstance(name, str):
            raise InputError(
                f"{PARAMS}: {pipeline}.stages: the name {name} is a number, which DVC drops; write r{name}"
            )
    return names


def merge(common: Any, own: Any) -> Any:
    """`own` over `common`: mappings key by key, everything else replaced."""
    if isinstance(common, dict) and isinstance(own, dict):
        return {key: merge(common.get(key), own[key]) if key in own else common[key] for key in {**common, **own}}
    return own
