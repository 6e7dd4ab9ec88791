"""Load configurations from params.yaml. Errors name the file, the key, its value and what to write instead."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from espalier.data.errors import InputError
from espalier.stages.config.components import COMPONENTS
from espalier.stages.config.explain import Model, keys_of, sentence, validated
from espalier.stages.config.params import (
    ARTIFACTS,
    PARAMS,
    entries,
    merged_section,
    network_name,
    stages_in,
    type_of,
    with_text_keys,
)
from espalier.stages.config.remedies import with_remedies
from espalier.stages.config.sections import check_resolution
from espalier.stages.config.stage import StageConfig
from espalier.stages.config.stage_type import stage_of
from espalier.stages.contracts.known import DEFAULT_NETWORK
from espalier.stages.networks.known import NETWORKS
from espalier.stages.tricks.catalogue import TRICKS
from espalier.stages.tricks.loss import Loss

STAGE_CHOICES = ("after", "at", "start", "resolution")


def stage_config(params: dict[str, Any], pipeline: str, stage: str) -> StageConfig:
    """The resolved configuration of one training stage.

    Raises:
        InputError: names each invalid key by its full path, its value, and what to write instead.
    """
    own = _own(params, pipeline, stage)
    section = merged_section(params, pipeline, stage)
    if type_of(section) != "train":
        raise InputError(f"{PARAMS}: {pipeline}.stages.{stage}: its type is {type_of(section)}, which does not train")
    for key in ("pipeline", "stage"):
        if key in section:
            raise InputError(f"{PARAMS}: {pipeline}.stages.{stage}.{key}: unknown key; remove it")
    check_dataset(params, pipeline, stage, section)
    try:
        config = StageConfig.model_validate({"pipeline": pipeline, "stage": stage, **section})
    except ValidationError as error:
        raise InputError(_explain(error, pipeline, stage, own, section)) from error
    check_resolution(params, config.dataset, config.resolution, f"{pipeline}.stages.{stage}.resolution")
    _check_parent_in(params, config)
    _check_remedies(config)
    return config


def _own(params: dict[str, Any], pipeline: str, stage: str) -> dict[str, Any]:
    """The stage's own options, as far as they can be determined."""
    section = params.get(pipeline)
    stages = (
        stages_in(section, f"{PARAMS}: {pipeline}")
        if isinstance(section, dict) and ("stages" in section or "matrix" in section)
        else {}
    )
    own = with_text_keys(stages.get(stage))
    return own if isinstance(own, dict) else {}


def check_dataset(params: dict[str, Any], pipeline: str, stage: str, section: dict[str, Any]) -> None:
    """Check that the pipeline has a single dataset, named in `common`.

    Raises:
        InputError: no dataset is named, or a stage names a different one.
    """
    where, common = f"{PARAMS}: {pipeline}", params[pipeline].get("common") or {}
    named = common.get("dataset")
    if named is None:
        known_ones = [f"artifacts/datasets/{name}" for name in entries(params, "datasets")]
        use = known_ones[0] if known_ones else "artifacts/datasets/dolls"
        raise InputError(
            f"{where}.common.dataset is missing: set it to the pipeline's prepared dataset, such as dataset: {use}"
        )
    if not isinstance(named, str):
        raise InputError(f"{where}.common.dataset: must be the path of a prepared dataset, not {named!r}")
    after = section.get("after")
    second = section.get("dataset") if section.get("dataset") != named else None
    if second is None and isinstance(after, str) and Path(after) != Path(named) and holds_dataset(params, Path(after)):
        second = after
    if second is not None:
        raise InputError(
            f"{where}.stages.{stage}: its dataset is {second}, but the pipeline's is {named} ({pipeline}.common.dataset); a "
            f"pipeline has one dataset: write a second pipeline for the other (espalier new NAME --like {pipeline})"
        )


def holds_dataset(params: dict[str, Any], path: Path) -> bool:
    """Whether a path is a prepared dataset, judged by its files, or by params.yaml if it is not prepared yet."""
    if (path / "stage.json").is_file():
        return False
    made = path.parent == ARTIFACTS / "datasets" and path.name in map(str, entries(params, "datasets"))
    return made or (path / "manifest.json").is_file()


def _check_remedies(config: StageConfig) -> None:
    """Check that each remedy in params.yaml can be applied, so that a typo is caught before training fails."""
    for word, remedies in config.heal.remedies.items() if config.heal else ():
        for number, remedy in enumerate(remedies):
            try:
                with_remedies(config.model_copy(update={"heal": None}), (remedy,))
            except ValueError as error:
                where = f"{PARAMS}: {config.pipeline}.{config.stage}.heal.remedies.{word}[{number}]"
                raise InputError(f"{where}: {remedy.words}: {error}") from error


def _check_parent_in(params: dict[str, Any], config: StageConfig) -> None:
    """Check against the parent, if it is a stage of the same pipeline."""
    names = map(str, stages_in(params[config.pipeline], f"{PARAMS}: {config.pipeline}"))
    by_path = {str(ARTIFACTS / config.pipeline / name): name for name in names}
    parent = by_path.get(str(config.after))
    if parent is None:
        return
    if _is_own_ancestor(params, config.pipeline, config.stage, by_path):
        raise InputError(f"{PARAMS}: {config.pipeline}.stages.{config.stage}.after: a stage cannot come after itself")
    check_start_from(config, stage_config(params, config.pipeline, parent))


def _is_own_ancestor(params: dict[str, Any], pipeline: str, stage: str, by_path: dict[str, str]) -> bool:
    seen, now = set(), stage
    while now not in seen:
        seen.add(now)
        parent = by_path.get(str(merged_section(params, pipeline, now).get("after")))
        if parent is None:
            return False
        now = parent
    return True


def check_start_from(config: StageConfig, parent: StageConfig) -> None:
    """Check that this stage can start from that parent: load its weights, or train on its samples.

    Raises:
        InputError: it cannot; names the key and what to write instead.
    """
    where = f"{PARAMS}: {config.pipeline}.stages.{config.stage}"
    check = config.network.check_same if config.transfer else config.network.check_parent
    wrong = check(config.resolution, parent.network, parent.resolution)
    if wrong is not None:
        key, message = wrong
        raise InputError(f"{where}.{key}: {message} (the parent is {config.after})")
    if config.network.from_parent == "samples" and config.encoder != parent.encoder:
        raise InputError(
            f"{where}.encoder: {config.encoder} differs from {parent.encoder} of its parent {config.after}; use the same one "
            "in both stages"
        )


def stage_options(params: dict[str, Any], pipeline: str, stage: str, model: type[Model]) -> Model:
    """The options of a pipeline stage whose type is not train.

    Raises:
        InputError: names each invalid key.
    """
    section = merged_section(params, pipeline, stage)
    check_dataset(params, pipeline, stage, section)
    return validated(section, f"{pipeline}.stages.{stage}", model)


def check_stage(params: dict[str, Any], pipeline: str, stage: str) -> None:
    """Raise InputError, naming each invalid key, if a stage of any type cannot be run."""
    stage_of(params, pipeline, stage)


def trains(params: dict[str, Any], pipeline: str, stage: str) -> bool:
    """Whether a stage is a training stage."""
    return type_of(merged_section(params, pipeline, stage)) == "train"


def _explain(error: ValidationError, pipeline: str, stage: str, own: dict[str, Any], section: dict[str, Any]) -> str:
    lines = []
    for line in error.errors(include_url=False):
        place = f"stages.{stage}" if _has(own, line["loc"]) or line["type"] == "missing" else "common"
        if not line["loc"] or line["loc"][0] in STAGE_CHOICES:
            place = f"stages.{stage}"
        lines.append(sentence(line, f"{pipeline}.{place}", lambda loc: _known_keys(loc, section)))
    return "\n".join(lines)


def _has(section: Any, path: tuple[int | str, ...]) -> bool:
    for key in path:
        if not isinstance(section, dict) or key not in section:
            return not isinstance(section, dict)
        section = section[key]
    return True


def _known_keys(loc: list[str], section: dict[str, Any]) -> list[str]:
    """The keys allowed at a location in a training stage's configuration."""
    if not loc:
        return [key for key in StageConfig.model_fields if key not in ("pipeline", "stage")]
    if loc[0] == "network":
        return keys_of(NETWORKS.find(str(network_name(section) or DEFAULT_NETWORK)), loc[1:])
    if loc[0] == "tricks":
        return keys_of(TRICKS.find(loc[1]) if loc[1] != "loss" else Loss, loc[2:])
    if loc[0] in COMPONENTS:
        return keys_of(COMPONENTS[loc[0]].options_class, loc[1:])
    if loc[0] == "components" and len(loc) > 1:
        return keys_of(COMPONENTS.find(loc[1]).options_class, loc[2:])
    return keys_of(StageConfig, loc)
