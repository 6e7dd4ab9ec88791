"""Random dictionaries as configuration: an answer in words with a key path, never a traceback."""

import copy
import os
import re
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from espalier.data.errors import InputError
from espalier.stages.config.load import stage_config
from espalier.stages.config.params import pipeline_names, stage_names
from espalier.stages.config.sections import source_config
from espalier.stages.config.stage import StageConfig
from espalier.stages.networks.known import NETWORKS
from espalier.stages.tricks.catalogue import LOSSES, TRICKS
from tests.conftest import TINY

FIELDS = sorted({key for cls in (*TRICKS.values(), *NETWORKS.values(), StageConfig) for key in cls.model_fields})
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 10**6), st.floats(allow_nan=True), st.text(max_size=6),
    st.sampled_from([*TRICKS, *LOSSES, *NETWORKS, "both", "average", "off", "sgd"]),
)  # fmt: skip
KEYS = st.one_of(st.sampled_from(FIELDS), st.sampled_from(sorted(TRICKS)), st.text(max_size=6), st.integers(0, 9))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=8,
)
MANY = settings(
    max_examples=int(os.environ.get("EXAMPLES", "250")), deadline=None, suppress_health_check=list(HealthCheck)
)


def in_words(params: Any, pipeline: str = "progan", stage: str = "r8") -> None:
    """Accepted, or refused in lines that begin with the file and a key path."""
    try:
        stage_config(params, pipeline, stage)
    except InputError as error:
        for line in str(error).splitlines():
            assert re.match(r"params\.yaml[: ]", line) or line.startswith(" "), line


@MANY
@given(st.dictionaries(st.sampled_from(sorted(TRICKS)), VALUES, max_size=5), VALUES)
def test_random_tricks(tricks: dict[str, Any], loss: Any) -> None:
    params = copy.deepcopy(TINY)
    params["progan"]["common"]["tricks"] = {"loss": loss, **tricks}
    in_words(params)


@MANY
@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_random_options_of_a_stage(options: dict[Any, Any]) -> None:
    params = copy.deepcopy(TINY)
    params["progan"]["stages"]["r8"] = {**params["progan"]["stages"]["r8"], **options}
    in_words(params)


@MANY
@given(st.sampled_from(sorted(NETWORKS)), st.dictionaries(KEYS, VALUES, max_size=4))
def test_random_networks(name: str, options: dict[Any, Any]) -> None:
    params = copy.deepcopy(TINY)
    params["progan"]["common"]["network"] = {"name": name, **options}
    in_words(params, stage="r4")


@MANY
@given(VALUES, VALUES, VALUES)
def test_random_sections(section: Any, common: Any, matrix: Any) -> None:
    in_words({"progan": section})
    in_words({"progan": {"common": common, "stages": {"r8": section}}})
    params = {"progan": {"common": common, "matrix": matrix, "options": section}}
    in_words(params)
    try:
        pipeline_names(params), stage_names(params, "progan")
    except InputError as error:
        assert str(error).startswith("params.yaml")


@MANY
@given(VALUES)
def test_random_datasets(section: Any) -> None:
    try:
        source_config({"datasets": {"x": section}}, "x")
    except InputError as error:
        assert str(error).startswith("params.yaml")
