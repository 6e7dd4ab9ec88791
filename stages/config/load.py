"""Configurations from params.yaml, with wrong keys explained by file, key, value and remedy."""

import difflib
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError

from espalier.data.errors import InputError
from espalier.data.sources import AnySource
from espalier.stages.config.params import PARAMS, choose, merge, shown_key, stages_in
from espalier.stages.config.stage import ARTIFACTS, StageConfig, TranslateConfig
from espalier.stages.loop.healing import healed
from espalier.stages.networks.known import BACKBONES
from espalier.stages.tricks.catalogue import trick_class
from espalier.stages.tricks.loss import Loss

STAGE_CHOICES = ("after", "at", "start", "resolution")

Flat = TypeVar("Flat", bound=BaseModel)


def stage_config(params: dict[str, Any], pipeline: str, stage: str) -> StageConfig:
    """The resolved configuration of one stage.

    Raises:
        InputError: naming each wrong key by its full path, its value, and what would be right.
    """
    section = choose(params, pipeline, str(PARAMS), "pipeline")
    unknown = [key for key in section if key not in ("common", "stages", "matrix", "options")]
    if unknown:
        raise InputError(
            f"{PARAMS}: {pipeline}.{shown_key(unknown[0])}: unknown key; a pipeline has "
            "'common' and 'stages' (or 'matrix' and 'options')"
        )
    stages = stages_in(section, f"{PARAMS}: {pipeline}")
    own = choose(stages, stage, f"{PARAMS}: {pipeline}.stages", "stage")
    common = section.get("common") or {}
    if not isinstance(common, dict):
        raise InputError(f"{PARAMS}: {pipeline}.common: must be a mapping of options, not {common!r}")
    if not trains(params, pipeline, stage):
        raise InputError(
            f"{PARAMS}: {pipeline}.stages.{stage} translates and trains nothing; there is nothing to train or measure"
        )
    first = merge(common, next(iter(stages.values())))
    dataset = first.get("after") if isinstance(first, dict) else None
    own, common = _with_text_keys(own), _with_text_keys(common)
    if _kind(own) not in (None, _kind(common) or "progan"):  # another kind of network has other options
        common.pop("network", None)
    merged = {"pipeline": pipeline, "stage": stage, "dataset": dataset, **merge(common, own)}
    try:
        config = StageConfig.model_validate(merged)
    except ValidationError as error:
        raise InputError(_explain(error, pipeline, stage, own)) from error
    _check_parent_in(params, config)
    _check_remedies(config)
    return config


def _check_remedies(config: StageConfig) -> None:
    """Whether each remedy that params.yaml names could be taken, so that a typing error does not wait for a sickness."""
    for word, remedies in config.heal.remedies.items() if config.heal else ():
        for number, remedy in enumerate(remedies):
            try:
                healed(config.model_copy(update={"heal": None}), (remedy,))
            except ValueError as error:
                where = f"{PARAMS}: {config.pipeline}.{config.stage}.heal.remedies.{word}[{number}]"
                raise InputError(f"{where}: {remedy.words}: {error}") from error


def trains(params: dict[str, Any], pipeline: str, stage: str) -> bool:
    """Whether a stage trains; FashionGAN's last one translates."""
    stages = stages_in(choose(params, pipeline, str(PARAMS), "pipeline"), f"{PARAMS}: {pipeline}")
    own = stages.get(stage)
    return not isinstance(own, dict) or own.get("does") != "translate"


def translate_config(params: dict[str, Any], pipeline: str, stage: str) -> TranslateConfig:
    """The options of a stage that translates.

    Raises:
        InputError: naming each wrong key.
    """
    section = choose(params, pipeline, str(PARAMS), "pipeline")
    return options_of(section, "stages", stage, TranslateConfig, "stage", pipeline)


def check_stage(params: dict[str, Any], pipeline: str, stage: str) -> None:
    """Raise InputError, naming each wrong key, where a stage of either kind cannot be run."""
    (stage_config if trains(params, pipeline, stage) else translate_config)(params, pipeline, stage)


def _kind(section: dict[str, Any]) -> Any:
    """The kind of network that a section names, if it does."""
    network = section.get("network")
    return network.get("name") if isinstance(network, dict) else network


def _check_parent_in(params: dict[str, Any], config: StageConfig) -> None:
    """Check against the parent, where it is a stage of the same pipeline."""
    parents = [
        n
        for n in stages_in(params[config.pipeline], str(PARAMS))
        if config.after == ARTIFACTS / config.pipeline / str(n)
    ]
    if parents and parents[0] != config.stage:
        check_start_from(config, stage_config(params, config.pipeline, parents[0]))
    elif parents:
        raise InputError(f"{PARAMS}: {config.pipeline}.stages.{config.stage}.after: a stage cannot come after itself")


def check_start_from(config: StageConfig, parent: StageConfig) -> None:
    """Whether this stage can start from that parent: grow from it, or learn on its maps.

    Raises:
        InputError: it cannot; with the key, and what would be right.
    """
    (check_growth if config.grows else _check_handover)(config, parent)


def _check_handover(config: StageConfig, parent: StageConfig) -> None:
    where = f"{PARAMS}: {config.pipeline}.stages.{config.stage}"
    if parent.network.makes != "maps":
        raise InputError(
            f"{where}.after: {config.after} has the network {parent.network.name}, which makes no maps; right would be a "
            "stage with the network fashion_shape, or a dataset"
        )
    for key in ("resolution", "reads"):
        mine, theirs = getattr(config, key), getattr(parent, key)
        if mine != theirs:
            raise InputError(
                f"{where}.{key}: {mine} differs from the {theirs} of its parent {config.after}, whose maps it is told; give "
                "both stages the same"
            )


def check_growth(config: StageConfig, parent: StageConfig) -> None:
    """Whether this stage can grow from that parent.

    Raises:
        InputError: resolution not twice the parent's, or networks of other widths.
    """
    where = f"{PARAMS}: {config.pipeline}.stages.{config.stage}"
    if parent.resolution is None or config.resolution != 2 * parent.resolution:
        raise InputError(
            f"{where}.resolution: {config.resolution} is not twice the {parent.resolution} of its parent "
            f"{config.after}; right would be {2 * (parent.resolution or 2)}"
        )
    for key in ("name", "latent", "prior", "base", "largest", "down_order"):
        mine, theirs = getattr(config.network, key), getattr(parent.network, key, None)
        if mine != theirs:
            raise InputError(
                f"{where}.network.{key}: {mine} differs from the {theirs} of its parent {config.after}, whose weights "
                "it takes over; give all stages the same network, or train the parent again"
            )


def source_config(params: dict[str, Any], name: str) -> AnySource:
    """The options of one dataset.

    Raises:
        InputError: naming each wrong key.
    """
    own = choose(choose(params, "datasets", str(PARAMS), "key"), name, f"{PARAMS}: datasets", "dataset")
    try:
        return TypeAdapter[AnySource](AnySource).validate_python(_with_text_keys(own))
    except ValidationError as error:
        lines = [_line(e, f"datasets.{name}", own.get("source")) for e in error.errors(include_url=False)]
        raise InputError("\n".join(lines)) from error


def options_of(
    params: dict[str, Any], section: str, name: str, kind: type[Flat], what: str, pipeline: str = ""
) -> Flat:
    """The options of one thing that is no training stage, such as a classifier: params[section][name], of a pipeline's
    params where one is named.

    Raises:
        InputError: naming each wrong key.
    """
    path = f"{pipeline}.{section}" if pipeline else section
    own = choose(choose(params, section, str(PARAMS), "key"), name, f"{PARAMS}: {path}", what)
    try:
        return kind.model_validate(_with_text_keys(own))
    except ValidationError as error:
        lines = [_line(e, f"{path}.{name}", None, kind) for e in error.errors(include_url=False)]
        raise InputError("\n".join(lines)) from error


def _explain(error: ValidationError, pipeline: str, stage: str, own: dict[str, Any]) -> str:
    lines = []
    for line in error.errors(include_url=False):
        if line["loc"] == ("dataset",):
            lines.append(
                f"{PARAMS}: {pipeline}.stages: the first stage's 'after' must be a prepared dataset, such as "
                f"artifacts/datasets/dolls (it is {line['input']!r})"
            )
            continue
        place = f"stages.{stage}" if _has(own, line["loc"]) or line["type"] == "missing" else "common"
        if not line["loc"] or line["loc"][0] in STAGE_CHOICES:
            place = f"stages.{stage}"
        lines.append(_line(line, f"{pipeline}.{place}", None))
    return "\n".join(lines)


def _has(section: Any, path: tuple[int | str, ...]) -> bool:
    for key in path:
        if not isinstance(section, dict) or key not in section:
            return not isinstance(section, dict)
        section = section[key]
    return True


def _line(error: Any, where: str, source: str | None, flat: type[BaseModel] | None = None) -> str:
    """One error as: file, key, what was wrong, what would be right; `flat`: the options are this model's own."""
    loc = [str(part) for part in error["loc"] if str(part) != source]
    tag = source
    if loc[:1] == ["network"] and len(loc) > 1 and loc[1] in BACKBONES:
        tag = loc.pop(1)
    path = ".".join([where, *map(shown_key, loc)])
    if error["type"] == "extra_forbidden":
        known = list(flat.model_fields) if flat else _known_keys(loc[:-1], tag)
        near = difflib.get_close_matches(loc[-1], known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(known)}"
        return f"{PARAMS}: {path}: unknown key; {hint}"
    if error["type"] == "missing":
        return f"{PARAMS}: {path}: is missing"
    if error["type"] == "union_tag_invalid":
        wrong, known = str(error["ctx"]["tag"]), str(error["ctx"]["expected_tags"]).replace("'", "").split(", ")
        near = difflib.get_close_matches(wrong, known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(known)}"
        return f"{PARAMS}: {path}: there is no such kind as {wrong!r}; {hint}"
    message = str(error["msg"]).removeprefix("Value error, ")
    shown = "" if error["type"] == "value_error" else f" (it is {error['input']!r})"
    return f"{PARAMS}: {path}: {message}{shown}"


def _known_keys(loc: list[str], tag: str | None) -> list[str]:
    """The keys allowed at a place of the configuration; `tag` is the kind of dataset or network there."""
    model: Any = StageConfig
    if not loc and tag is None:
        return [key for key in StageConfig.model_fields if key not in ("pipeline", "stage", "dataset")]
    if loc[:1] == ["network"]:
        model, loc = BACKBONES[tag or "progan"], loc[1:]
    elif tag is not None:
        kinds = {get_args(cls.model_fields["source"].annotation)[0]: cls for cls in get_args(get_args(AnySource)[0])}
        model = kinds[tag]
    elif loc[0] == "tricks":
        model, loc = trick_class(loc[1]) if loc[1] != "loss" else Loss, loc[2:]
    for part in loc:  # a key that users choose, such as a figure's name in a gate, names no field
        field = model.model_fields.get(part)
        model = model if field is None else _model_in(field.annotation) or model
    return list(model.model_fields)


def _model_in(annotation: Any) -> Any:
    """The model that a field holds, be it optional, or in a mapping."""
    if hasattr(annotation, "model_fields"):
        return annotation
    return next((found for kind in get_args(annotation) if (found := _model_in(kind))), None)


def _with_text_keys(section: Any) -> Any:
    """YAML's keys may be numbers or nothing; options are named by text."""
    if isinstance(section, dict):
        return {str(key): _with_text_keys(value) for key, value in section.items()}
    return [_with_text_keys(value) for value in section] if isinstance(section, list) else section
