"""Trainings of R3GAN's and StyleGAN2's networks: they resume bit for bit, and grow."""

from pathlib import Path
from typing import Any

import pytest

from espalier.pipelines.commands.sample import Wanted, draw_folder
from espalier.stages.tricks.path_length import PathLength
from tests.stages.conftest import MakeTrainer
from tests.stages.test_trainer import assert_same
from tests.training import published, run

PLAIN = {"gradient_penalty": None, "drift": None, "minibatch_stddev": None, "fade": None}
STAGES: dict[str, dict[str, Any]] = {
    "r3gan": {
        "network": {"name": "r3gan", "latent": 8, "base": 32, "largest": 8, "blocks": 1},
        "tricks": {"loss": "nonsaturating", "relativistic": "paired", "r1": {}, "r2": {}, **PLAIN, "ema": {}},
    },
    "stylegan2": {
        "network": {"name": "stylegan2", "latent": 8, "base": 32, "largest": 8, "style": 8, "mixing": 0.5},
        "tricks": {
            "loss": "nonsaturating",
            "r1": {},
            "path_length": {},
            **PLAIN,
            "minibatch_stddev": {"group": 4},
            "ema": {},
        },
    },
}


@pytest.mark.parametrize("name", STAGES)
def test_it_resumes_bit_for_bit(make_trainer: MakeTrainer, name: str) -> None:
    stage = {"kimg": 0.16, "batch_size": 8, **STAGES[name]}
    whole = run(make_trainer(stage, folder="whole"))
    run(make_trainer(stage, folder="cut"), until=9)
    cut = make_trainer(stage, folder="cut")
    assert cut.step == 9
    assert_same(whole, run(cut))


def test_path_lengths_are_due_every_fourth_step_and_their_average_is_state(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer({"kimg": 0.16, "batch_size": 8, **STAGES["stylegan2"]})
    due = ["path_length" in trainer.iterate() for _ in range(5)]
    assert due == [True, False, False, False, True]
    trick = next(trick for trick in trainer.game.tricks if isinstance(trick, PathLength))
    assert float(trick.state_dict()["average"]) > 0


def test_samples_are_truncated(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    trainer = run(make_trainer({"kimg": 0.08, "batch_size": 8, **STAGES["stylegan2"]}))
    published(trainer, tmp_path / "artifact")
    draw_folder(tmp_path / "artifact", Wanted(4, 0, truncation=0.0), tmp_path / "same")
    assert len({path.read_bytes() for path in (tmp_path / "same").iterdir()}) == 1, "all are the mean's"
    draw_folder(tmp_path / "artifact", Wanted(4, 0), tmp_path / "apart")
    assert len({path.read_bytes() for path in (tmp_path / "apart").iterdir()}) == 4


def test_path_lengths_are_those_of_a_frozen_mapping_too(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer({"kimg": 0.16, "batch_size": 8, "freeze": ["generator.mapping"], **STAGES["stylegan2"]})
    assert float(trainer.iterate()["path_length"]) > 0
