"""The key under which a stage trains: what must change it, and what must not."""

import pytest

from espalier.stages.artifacts.record import Input
from espalier.stages.artifacts.work_key import work_key
from tests.stages.conftest import MakeConfig

DATA = Input(path="artifacts/datasets/dolls", digest="d1")
PARENT = Input(path="artifacts/progan/r4", digest="p1")


@pytest.mark.parametrize(
    "changes",
    [{"seed": 4}, {"batch_size": 16}, {"adam": {"learning_rate": 0.1}}, {"milestone_kimg": 1},
     {"tricks": {"drift": None}}, {"tricks": {"loss": "nonsaturating"}}, {"tricks": {"fade": {"kimg": 0.2}}},
     {"tricks": {"drift": {"weight": 1}}}],
)  # fmt: skip
def test_what_decides_a_weight_changes_the_key(make_config: MakeConfig, changes: dict[str, object]) -> None:
    assert work_key(make_config("r8", changes), DATA, PARENT, None) != work_key(make_config("r8"), DATA, PARENT, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"kimg": 9},
        {"watch": {"log_steps": 1}},
        {"after": "artifacts/pinned/r4"},
        {"processes": 2},
        {"gate": {"diversity": {"above": 1}}},
        {"retries": 2},
    ],
)
def test_what_decides_no_weight_at_a_step_does_not(make_config: MakeConfig, changes: dict[str, object]) -> None:
    assert work_key(make_config("r8", changes), DATA, PARENT, None) == work_key(make_config("r8"), DATA, PARENT, None)


def test_inputs_count_by_what_they_are_and_not_by_where_they_lie(make_config: MakeConfig) -> None:
    config, key = make_config("r8"), work_key(make_config("r8"), DATA, PARENT, None)
    assert work_key(config, DATA.model_copy(update={"path": "elsewhere"}), PARENT, None) == key
    assert work_key(config, DATA.model_copy(update={"digest": "d2"}), PARENT, None) != key
    assert work_key(config, DATA, PARENT.model_copy(update={"digest": "p2"}), None) != key
    assert work_key(config, DATA, None, None) != key
    assert work_key(config, DATA, PARENT, Input(path="artifacts/pinned/step.pt", digest="s1")) != key
