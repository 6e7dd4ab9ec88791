"""Find the class of a stage from params.yaml."""

from typing import Any

from espalier.data.errors import InputError
from espalier.stages.config.params import PARAMS, merged_section, type_of
from espalier.stages.contracts import known
from espalier.stages.contracts.registry import Registry
from espalier.stages.contracts.stage_type import StageType

TYPES = Registry[StageType]("stage type", known.TYPES, "espalier.stages.contracts.stage_type.StageType")


def stage_of(params: dict[str, Any], pipeline: str, stage: str) -> StageType:
    """The stage, ready to run; one that trains also has `profile()`.

    Raises:
        InputError: its configuration is invalid; names each key.
    """
    kind = pipeline if pipeline in known.SECTIONS else type_of(merged_section(params, pipeline, stage))
    try:
        found = TYPES.find(kind)
    except ValueError as error:
        raise InputError(f"{PARAMS}: {pipeline}.stages.{stage}.type: {error}") from error
    return found(params, pipeline, stage)
