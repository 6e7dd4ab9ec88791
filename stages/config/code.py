"""Find the code that a stage runs, starting from the names in its section of params.yaml. Nothing is imported."""

import hashlib
import re
from collections.abc import Iterator
from typing import Any

from espalier.data.errors import InputError
from espalier.stages.config.params import entries, merged_section, network_name, pipeline_names, stage_names, type_of
from espalier.stages.contracts.known import DEFAULT_NETWORK, LOSSES, METRICS, NETWORKS, SECTIONS, SOURCES, TRICKS, TYPES
from espalier.stages.process.fingerprint import code_of, module_in

DOTTED_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


def stages_with_code(params: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every stage in params.yaml, as (pipeline or group, stage)."""
    for group, section in SECTIONS.items():
        yield from ((group, str(name)) for name in entries(params, section))
    for pipeline in pipeline_names(params):
        try:
            yield from ((pipeline, name) for name in stage_names(params, pipeline))
        except InputError:  # reported when the pipeline is run
            continue


def stage_code(params: dict[str, Any], pipeline: str, stage: str) -> str:
    """The code of a stage as text: the paths it names, in order; then one line per module, its fingerprint and name."""
    roots = list(_roots(params, pipeline, stage))
    named = [root for root in roots if module_in(root) is not None]
    code = code_of(roots)
    return "\n".join([*(f"uses {root}" for root in named), *(f"{code[name]} {name}" for name in sorted(code))]) + "\n"


def stage_digest(params: dict[str, Any], pipeline: str, stage: str) -> str:
    """A single digest of a stage's code."""
    return hashlib.sha256(stage_code(params, pipeline, stage).encode()).hexdigest()


def differing(one: str, other: str) -> list[str]:
    """The modules that differ between the code of two stages."""
    lines = set(one.splitlines()) ^ set(other.splitlines())
    return sorted({line.rpartition(" ")[2] for line in lines})


def _roots(params: dict[str, Any], pipeline: str, stage: str) -> Iterator[str]:
    if pipeline in SECTIONS:
        yield TYPES[pipeline]
        section = entries(params, SECTIONS[pipeline]).get(stage)
        if isinstance(section, dict) and "source" in section:
            yield SOURCES.get(str(section["source"]), str(section["source"]))
        return
    try:
        section = merged_section(params, pipeline, stage)
    except InputError:
        return
    yield TYPES.get(type_of(section), type_of(section))
    yield from _of_training(section) if type_of(section) == "train" else _dotted_paths(section)


def _of_training(section: dict[str, Any]) -> Iterator[str]:
    network = str(network_name(section) or DEFAULT_NETWORK)
    yield NETWORKS.get(network, network)
    tricks = section.get("tricks")
    chosen = (
        {name: given for name, given in tricks.items() if given not in (None, False)}
        if isinstance(tricks, dict)
        else {}
    )
    loss = chosen.pop("loss", None)
    loss = loss.get("name") if isinstance(loss, dict) else loss
    yield LOSSES.get(str(loss), str(loss))
    yield from (path for name, path in TRICKS.items() if name in chosen)
    if section.get("evaluate"):
        yield from METRICS.values()
    yield from _dotted_paths(section)
    if section.get("heal"):  # a remedy may use any of them
        yield from (*LOSSES.values(), *TRICKS.values())


def _dotted_paths(value: Any) -> Iterator[str]:
    """Everything in a section that may name a user's class."""
    if isinstance(value, dict):
        for key, given in value.items():
            if given not in (None, False):
                yield from (*_dotted_paths(key), *_dotted_paths(given))
    elif isinstance(value, list):
        for given in value:
            yield from _dotted_paths(given)
    elif isinstance(value, str) and DOTTED_PATH.fullmatch(value):
        yield value
