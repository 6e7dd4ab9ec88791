"""Options outside pipelines: datasets, feature networks, sentence encoders."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel

from espalier.data.errors import InputError
from espalier.stages.config.explain import Model, validated
from espalier.stages.config.params import ARTIFACTS, PARAMS, choose, entries, with_text_keys
from espalier.stages.contracts import known
from espalier.stages.contracts.registry import Registry

SOURCES = Registry[BaseModel]("source", known.SOURCES, "espalier.data.sources.source.DataSource")


def source_config(params: dict[str, Any], name: str) -> Any:
    """The options of one dataset.

    Raises:
        InputError: names each invalid key.
    """
    own = with_text_keys(choose(choose(params, "datasets", str(PARAMS), "key"), name, f"{PARAMS}: datasets", "dataset"))
    if "source" not in own:
        raise InputError(f"{PARAMS}: datasets.{name}.source is missing; use one of: {', '.join(SOURCES)}")
    try:
        cls = SOURCES.find(str(own["source"]))
    except ValueError as error:
        raise InputError(f"{PARAMS}: datasets.{name}.source: {error}") from error
    return validated(own, f"datasets.{name}", cls)


def options_of(params: dict[str, Any], section: str, name: str, model: type[Model], what: str) -> Model:
    """The options of one entry outside pipelines, such as a feature network: params[section][name].

    Raises:
        InputError: names each invalid key.
    """
    own = choose(choose(params, section, str(PARAMS), "key"), name, f"{PARAMS}: {section}", what)
    return validated(with_text_keys(own), f"{section}.{name}", model)


def check_resolution(params: dict[str, Any], dataset: Path, resolution: int | None, key: str) -> None:
    """Check that a resolution is at most the dataset's own.

    Raises:
        InputError: it is larger; names both keys.
    """
    if (
        resolution is None
        or dataset.parent != ARTIFACTS / "datasets"
        or dataset.name not in entries(params, "datasets")
    ):
        return
    there = getattr(source_config(params, dataset.name), "resolution", None)
    if there is not None and resolution > there:
        raise InputError(
            f"{PARAMS}: {key}: {resolution} is beyond the {there} of its dataset (datasets.{dataset.name}.resolution); use "
            f"{there} or less here, or {resolution} there"
        )
