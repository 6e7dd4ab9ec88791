"""A prepared store and trainers on it, in this process."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from espalier.data.prepare import prepare
from espalier.data.sources.dolls import DollSource
from espalier.data.store import Store
from espalier.stages.artifacts.artifact import Artifact
from espalier.stages.config.load import stage_config
from espalier.stages.config.params import merge
from espalier.stages.config.stage import StageConfig
from espalier.stages.loop.rollback import interventions_in
from espalier.stages.loop.trainer import Trainer
from tests.conftest import TINY
from tests.training import new_trainer, resumed

MakeConfig = Callable[..., StageConfig]
MakeTrainer = Callable[..., Trainer]


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """48 dolls up to 16x16."""
    path = tmp_path_factory.mktemp("store") / "dolls"
    source = DollSource(source="dolls", root=Path("data/dolls"), count=48, resolution=16)
    prepare(source, path, lambda done, total: None, workers=1)
    return Store(path)


@pytest.fixture
def make_config() -> MakeConfig:
    """The tiny configuration of a stage with changes: make_config("r8", {"kimg": 1, "tricks": {...}})."""

    def make(stage: str = "r4", changes: dict[str, Any] | None = None) -> StageConfig:
        params = copy.deepcopy(TINY)
        # So that checkpoints are written when a test asks, and not when the machine happens to be slow.
        params["progan"]["common"]["watch"]["checkpoint_seconds"] = 1000
        stages = params["progan"]["stages"]
        stages[stage] = merge(stages[stage], changes or {})
        return stage_config(params, "progan", stage)

    return make


@pytest.fixture
def make_trainer(store: Store, make_config: MakeConfig, tmp_path: Path) -> MakeTrainer:
    """A trainer of a tiny stage, resumed from its folder as a real one is."""

    def make(
        changes: dict[str, Any] | None = None,
        stage: str = "r4",
        folder: str = "work",
        parent: Artifact | None = None,
        code: str = "code",
    ) -> Trainer:
        (tmp_path / folder).mkdir(exist_ok=True)
        config, work = make_config(stage, changes), tmp_path / folder
        done = interventions_in(work, round(config.kimg * 1000))
        trainer = new_trainer(config, store, parent, work, done, code)
        resumed(trainer)
        return trainer

    return make
