"""Read params.yaml and merge its sections."""

import difflib
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from espalier.data.errors import InputError
from espalier.stages.config.plain_yaml import read_plain
from espalier.stages.config.recipes import RECIPES
from espalier.stages.contracts.known import DEFAULT_NETWORK, SECTIONS

PARAMS, ARTIFACTS = Path("params.yaml"), Path("artifacts")
LONGEST_NAME = 64
LARGEST = 2**16
"""Side of an image, beyond which no recipe is asked for its numbers."""
NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_-]{{0,{LONGEST_NAME - 1}}}")
RUNNERS = ("gate", "retries")
"""Options of a stage that concern only what runs it: no artifact depends on them."""
FINGERPRINT = "fingerprint"
"""In place of a pipeline at `python -m espalier.stages.run`: write the code fingerprints."""
RESERVED = {*SECTIONS, *SECTIONS.values(), FINGERPRINT, "code", "pinned", "target"}
"""Names used by stage groups in dvc.yaml, sections of params.yaml, folders in artifacts/ and a flow."""


def read_params(path: Path = PARAMS) -> dict[str, Any]:
    """params.yaml as plain values.

    Raises:
        InputError: it does not exist, is not a YAML mapping, or holds other than plain values; names the file and line or key.
    """
    if not path.is_file():
        raise InputError(f"no {path} here; run this in the project's root folder")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    params = read_plain(content, str(path))
    if not isinstance(params, dict):
        raise InputError(f"{path} must be a mapping of pipelines and datasets")
    check_names(params)
    return params


def check_names(params: dict[str, Any]) -> None:
    """Check the names of pipelines, stages and datasets: they become folders, DVC stage names and shell arguments.

    Raises:
        InputError: a name is invalid or reserved.
    """
    for section, names in SECTIONS.items():
        for name in entries(params, names):
            check_name(name, f"{PARAMS}: {names}", f"a {section}")
    for pipeline in pipeline_names(params):
        check_name(pipeline, str(PARAMS), "a pipeline")
        stages = params[pipeline].get("stages")
        for name in stages if isinstance(stages, dict) else ():
            check_name(name, f"{PARAMS}: {pipeline}.stages", "a stage")


def entries(params: dict[str, Any], section: str) -> dict[Any, Any]:
    """The entries of a section of params.yaml; empty if it is missing or not a mapping."""
    found = params.get(section)
    return found if isinstance(found, dict) else {}


def check_name(name: object, where: str, what: str) -> None:
    """Check the name of a pipeline, a stage or a dataset.

    Raises:
        InputError: it is invalid or reserved; says what a name may be.
    """
    if not isinstance(name, str) and not isinstance(name, bool) and str(name).replace(".", "").isdigit():
        raise InputError(f"{where}: the name {name} is a number, which DVC drops; write r{name}")
    if not NAME.fullmatch(str(name)):
        raise InputError(
            f"{where}: {shown_key(name)} cannot be the name of {what}: use letters, digits, - and _, starting with a "
            f"letter or digit, at most {LONGEST_NAME} characters"
        )
    if what == "a pipeline" and name in RESERVED:
        raise InputError(f"{where}: a pipeline cannot be named '{name}', which is reserved; choose another name")


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
    """A key for display on one line: quoted if it is empty or not printable."""
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
    """The own options of each stage of a pipeline, without the common ones.

    Stages are listed under `stages`, or generated from a `matrix` of axes and their values. Each combination is one stage,
    named as in DVC: "pac2-0". A value stands for its entry under `options.AXIS`, or for itself if there is none.

    Raises:
        InputError: neither key is present, or it is not a mapping.
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
        InputError: there is no such pipeline, or a name is invalid.
    """
    names = list(stages_in(choose(params, pipeline, str(PARAMS), "pipeline"), f"{PARAMS}: {pipeline}"))
    for name in names:
        check_name(name, f"{PARAMS}: {pipeline}.stages", "a stage")
    return names


def named_parts() -> frozenset[str]:
    """Every dotted path that the params.yaml of this folder names, as a key or as a value; none if it cannot be read."""
    try:
        return frozenset(_dotted(read_params()))
    except InputError:
        return frozenset()


def _dotted(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if "." in value:
            yield value
    elif isinstance(value, dict | list):
        for inner in (*value.keys(), *value.values()) if isinstance(value, dict) else value:
            yield from _dotted(inner)


def check_stage_name(params: dict[str, Any], name: str) -> None:
    """Check that params.yaml has a stage that is named as in DVC, such as progan@r8 or dataset@dolls.

    Raises:
        InputError: it has not; suggests the nearest name.
    """
    group, at, stage = name.partition("@")
    if group in SECTIONS and at:
        choose(entries(params, SECTIONS[group]), stage, f"{PARAMS}: {SECTIONS[group]}", group)
        return
    names = stage_names(params, group)
    if at:
        choose({one: {} for one in names}, stage, f"{PARAMS}: {group}.stages", "stage")


def merge(common: Any, own: Any) -> Any:
    """Merge `own` over `common`: mappings key by key; everything else is replaced."""
    if isinstance(common, dict) and isinstance(own, dict):
        return {key: merge(common.get(key), own[key]) if key in own else common[key] for key in {**common, **own}}
    return own


def merged_section(params: dict[str, Any], pipeline: str, stage: str) -> dict[str, Any]:
    """The section of one stage: its own options merged over the common ones, not validated yet.

    Raises:
        InputError: there is no such pipeline or stage, or a section is not a mapping.
    """
    section = choose(params, pipeline, str(PARAMS), "pipeline")
    unknown = [key for key in section if key not in ("common", "stages", "matrix", "options", "report")]
    if unknown:
        raise InputError(
            f"{PARAMS}: {pipeline}.{shown_key(unknown[0])}: unknown key; a pipeline has "
            "'common' and 'stages' (or 'matrix' and 'options'), and may have 'report: true'"
        )
    if not isinstance(section.get("report", False), bool):
        raise InputError(f"{PARAMS}: {pipeline}.report: must be true or false, not {section['report']!r}")
    own = with_text_keys(
        choose(stages_in(section, f"{PARAMS}: {pipeline}"), stage, f"{PARAMS}: {pipeline}.stages", "stage")
    )
    common = section.get("common") or {}
    if not isinstance(common, dict):
        raise InputError(f"{PARAMS}: {pipeline}.common: must be a mapping of options, not {common!r}")
    common = with_text_keys(common)
    if network_name(own) not in (
        None,
        network_name(common) or DEFAULT_NETWORK,
    ):  # a different network has different options
        common.pop("network", None)
    found: dict[str, Any] = merge(common, own)
    return _with_recipe(found, f"{PARAMS}: {pipeline}.stages.{stage}")


def _with_recipe(section: dict[str, Any], where: str) -> dict[str, Any]:
    """The section over the options of its recipe, if it names one."""
    name = section.get("recipe")
    if name is None:
        return section
    if not isinstance(name, str) or name not in RECIPES:
        near = difflib.get_close_matches(str(name), RECIPES, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"use one of: {', '.join(RECIPES)}"
        raise InputError(f"{where}.recipe: there is no recipe '{name}'; {hint}")
    resolution = section.get("resolution")
    if isinstance(resolution, bool) or not isinstance(resolution, int) or not 1 <= resolution <= LARGEST:
        raise InputError(f"{where}.resolution: a recipe is for images of a resolution; set it, such as resolution: 64")
    recipe = RECIPES[name](resolution)
    _leave_overridden_still(recipe, section)
    if isinstance(section.get("network"), str):
        section = {**section, "network": {"name": section["network"]}}
    if network_name(section) not in (None, recipe["network"]["name"]):  # a different network has different options
        recipe.pop("network")
    found: dict[str, Any] = merge(recipe, section)
    return found


def _leave_overridden_still(recipe: dict[str, Any], section: dict[str, Any]) -> None:
    """Take from a recipe's schedule the numbers that the section sets itself, and those of tricks that it removes."""
    schedule, tricks = recipe["tricks"].get("schedule", {}), section.get("tricks")
    for name, ramps in list(schedule.items()):
        given = section.get("adam", {}) if name == "adam" else tricks.get(name, {}) if isinstance(tricks, dict) else {}
        for number in list(ramps):
            option = "betas" if number.startswith("beta") else number
            if not isinstance(given, dict) or option in given:  # a removed trick, or its shorthand
                del ramps[number]
        if not ramps:
            del schedule[name]
    if "schedule" in recipe["tricks"] and not schedule:
        del recipe["tricks"]["schedule"]


def network_name(section: dict[str, Any]) -> Any:
    """The network named in a section, if any."""
    network = section.get("network")
    return network.get("name") if isinstance(network, dict) else network


def type_of(section: dict[str, Any]) -> str:
    """The type of the stage with this section."""
    return str(section.get("type", "train"))


def with_text_keys(section: Any) -> Any:
    """Convert all keys to text: YAML keys may be numbers or null."""
    if isinstance(section, dict):
        return {str(key): with_text_keys(value) for key, value in section.items()}
    return [with_text_keys(value) for value in section] if isinstance(section, list) else section
