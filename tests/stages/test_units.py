"""Every schedule counts images, as its name says, however many discriminator steps an iteration has."""

from typing import Any

import pytest
import torch

from espalier.stages.tricks.context import StepContext
from espalier.stages.tricks.ema import Ema
from espalier.stages.tricks.fade import Fade
from espalier.stages.tricks.instance_noise import InstanceNoise
from tests.stages.conftest import MakeTrainer

N_CRITIC: dict[str, Any] = {
    "1": 1,
    "5": 5,
    "warm": {"steps": 2, "warm_steps": 6, "warm_first": 2, "warm_every": 3},
}


@pytest.mark.parametrize("name", N_CRITIC)
def test_the_averages_half_life_is_in_images(
    make_trainer: MakeTrainer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From one image count to another, the weight of what was there is 0.5^(images / half-life), whatever the steps."""
    ema = {"half_life_kimg": 0.1, "rampup": 1e6}
    trainer = make_trainer({"kimg": 1.6, "tricks": {"n_critic": N_CRITIC[name], "ema": ema}})
    kept, betas = 1.0, []
    beta = Ema.beta
    monkeypatch.setattr(Ema, "beta", lambda self, context: betas.append(beta(self, context)) or betas[-1])
    for _ in range(12):
        trainer.iterate()
    for one in betas:
        kept *= one
    assert kept == pytest.approx(0.5 ** (trainer.images / 100), rel=1e-9)


@pytest.mark.parametrize("name", N_CRITIC)
def test_the_averages_ramp_is_a_share_of_the_images(
    make_trainer: MakeTrainer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make_trainer(
        {"kimg": 1.6, "tricks": {"n_critic": N_CRITIC[name], "ema": {"half_life_kimg": 1e6, "rampup": 0.25}}}
    )
    beta, found = Ema.beta, []
    monkeypatch.setattr(Ema, "beta", lambda self, context: found.append(beta(self, context)) or found[-1])
    before = 0
    for _ in range(6):
        trainer.iterate()
        assert found[-1] == pytest.approx(0.5 ** ((trainer.images - before) / (0.25 * trainer.images)), rel=1e-9)
        before = trainer.images


@pytest.mark.parametrize("name", N_CRITIC)
def test_schedules_move_within_an_iteration(
    make_trainer: MakeTrainer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fade, noise and learning rates are those of the images shown before each turn."""
    changes = {
        "kimg": 1.6,
        "tricks": {"n_critic": N_CRITIC[name], "instance_noise": {"kimg": 1}, "ramp": {"down_to_kimg": 1.6}},
    }
    trainer = make_trainer(changes)
    seen: list[tuple[int, float]] = []
    view = InstanceNoise.discriminator_view

    def noted(self: InstanceNoise, images: torch.Tensor, of: Any) -> torch.Tensor:
        rate = trainer.game.optimizers["discriminator"].param_groups[0]["lr"]
        seen.append((of.context.images, rate))
        return view(self, images, of)

    monkeypatch.setattr(InstanceNoise, "discriminator_view", noted)
    full = trainer.game.rates["discriminator"][0]
    for _ in range(4):
        before = trainer.images
        seen.clear()
        trainer.iterate()
        turns = range(before, trainer.images, 8)
        assert {images for images, _ in seen} == set(turns)
        for images, rate in seen:
            assert rate == pytest.approx(full * (1 - images / 1600), rel=1e-6)


def test_a_fade_moves_within_an_iteration(make_trainer: MakeTrainer) -> None:
    fade = Fade(kimg=1)
    contexts = [StepContext(0, "s", 0, 40 + 8 * turn, 8, torch.device("cpu"), turn, 5) for turn in range(5)]
    assert [fade.alpha(context.images) for context in contexts] == [0.04, 0.048, 0.056, 0.064, 0.072]
