"""Numbers that change while a stage trains: R3GAN's five, what a longer stage does, and what is refused."""

import math
from typing import Any

import pytest

from espalier.data.errors import InputError
from espalier.data.store import Store
from espalier.stages.loop.trainer import Trainer
from espalier.stages.tricks.ada import Ada
from espalier.stages.tricks.context import StepContext
from espalier.stages.tricks.ema import Ema
from espalier.stages.tricks.trick import Trick
from tests.stages.conftest import MakeTrainer
from tests.stages.test_trainer import assert_same
from tests.stages.test_tricks_together import classed, configured  # noqa: F401  (a fixture)
from tests.training import run

KIMG = 0.12
FIVE: dict[str, Any] = {
    "adam": {"learning_rate": [2e-4, 5e-5], "beta2": [0.9, 0.99]},
    "r1": {"weight": [2, 0.2]},
    "r2": {"weight": [2, 0.2]},
    "ema": {"half_life_kimg": [0, 0.5]},
    "ada": {"p": [0, 0.3]},
}
"""R3GAN's, with the ends of its FFHQ-64 preset."""


def ramps(shape: str = "cosine") -> dict[str, Any]:
    return {
        name: {key: {"start": a, "end": b, "kimg": KIMG, "shape": shape} for key, (a, b) in numbers.items()}
        for name, numbers in FIVE.items()
    }


def r3gan(kimg: float = 0.2, shape: str = "cosine", **more: Any) -> dict[str, Any]:
    tricks: dict[str, Any] = {
        "loss": "nonsaturating", "relativistic": "paired", "r1": {}, "r2": {}, "ada": {"p": 0}, "ema": {},
        "gradient_penalty": None, "drift": None, "fade": None, "minibatch_stddev": None, "schedule": ramps(shape), **more,
    }  # fmt: skip
    return {"kimg": kimg, "batch_size": 8, "adam": {"learning_rate": 0.001}, "tricks": tricks}


def numbers(trainer: Trainer) -> dict[str, float]:
    """What the training uses now."""
    tricks = {trick.name: trick for trick in trainer.game.tricks}
    group = trainer.game.optimizers["generator"].param_groups[0]
    ada, ema = tricks["ada"], tricks["ema"]
    assert isinstance(ada, Ada) and isinstance(ema, Ema)
    return {
        "learning_rate": group["lr"],
        "beta2": group["betas"][1],
        "weight": tricks["r1"].weight,  # type: ignore[attr-defined]
        "half_life_kimg": ema.half_life_kimg,
        "p": ada.logged()["ada_p"],
    }


@pytest.mark.parametrize("shape", ["cosine", "linear"])
def test_r3gans_five_follow_their_ramp_and_the_configuration_stays(make_trainer: MakeTrainer, shape: str) -> None:
    trainer = make_trainer(r3gan(shape=shape))
    before = trainer.config.resolved()
    ends = {key: ab for options in FIVE.values() for key, ab in options.items()}
    for step in range(20):
        trainer.iterate()
        done = min(step * 8 / (1000 * KIMG), 1)
        share = 1 - (1 + math.cos(math.pi * done)) / 2 if shape == "cosine" else done
        for key, value in numbers(trainer).items():
            a, b = ends[key]
            assert value == pytest.approx(a + share * (b - a), rel=1e-9, abs=1e-12), (step, key)
    assert trainer.config.resolved() == before


def test_it_resumes_bit_for_bit_and_a_longer_stage_changes_nothing_that_was(make_trainer: MakeTrainer) -> None:
    whole = run(make_trainer(r3gan(0.2), folder="whole"))
    run(make_trainer(r3gan(0.2), folder="cut"), until=11)
    assert_same(whole, run(make_trainer(r3gan(0.2), folder="cut")))
    run(make_trainer(r3gan(0.08), folder="longer"))
    longer = make_trainer(r3gan(0.2), folder="longer")
    assert longer.step == 10
    assert_same(whole, run(longer))


def test_two_time_scales_and_remedies_keep_their_ratio(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer(r3gan(ttur={"generator": 0.002, "discriminator": 0.004}))
    trainer.iterate()
    rates = [trainer.game.optimizers[player].param_groups[0]["lr"] for player in ("generator", "discriminator")]  # type: ignore[index]
    assert rates == pytest.approx([0.002 * 0.2, 0.004 * 0.2])


RAMP = {"start": 1, "end": 0.5, "kimg": 1}


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ({"r1": {"weight": RAMP}}, "schedule.r1: the stage has no such trick; numbers are in: adam, ema, ada, instance_noise"),
        ({"adam": {"epsilon": RAMP}}, "schedule.adam.epsilon: adam has no such number; it has: learning_rate, beta1, beta2"),
        ({"adam": {"beta2": RAMP}}, "schedule.adam.beta2: 1 is out of its range"),
        ({"ada": {"by": RAMP}}, "schedule.ada.by: is no number that can change while the stage trains; those of ada are: p"),
        ({"ada": {"p": RAMP}}, "schedule.ada.p: the option is not set to a number; set tricks.ada.p to 1 first"),
        ({"ema": {"rampup": RAMP}}, "schedule.ema.rampup: is no number that can change"),
        ({"ema": {"half": RAMP}}, "schedule.ema.half: the trick has no such option; its numbers: half_life_kimg"),
        ({"instance_noise": {"sigma": {**RAMP, "end": -1}}}, "schedule.instance_noise.sigma: -1 is out of its range"),
        ({"ema": {"half_life_kimg": {**RAMP, "start": "much"}}}, "schedule.numbers.ema.half_life_kimg.start"),
        ({"ema": {"half_life_kimg": 3}}, "schedule.numbers.ema.half_life_kimg"),
    ],
)  # fmt: skip
def test_what_is_no_number_that_can_change_is_refused(classed: Store, schedule: Any, said: str) -> None:  # noqa: F811
    tricks = {"loss": "hinge", "ema": {}, "ada": {}, "instance_noise": {"kimg": 1}, "schedule": schedule}
    with pytest.raises(InputError) as refused:
        configured(tricks)
    assert said in str(refused.value), refused.value


class Moments(Trick):
    """A user's own, which changes the betas alone, in proportion."""

    name = "moments"

    def betas(self, betas: tuple[float, float], context: StepContext) -> tuple[float, float]:
        return betas[0], betas[1] * 0.9


def test_betas_alone_are_changed_from_the_configured_ones(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer({"kimg": 0.2, "tricks": {"tests.stages.test_schedule.Moments": {}}})
    for _ in range(3):
        trainer.iterate()
    group = trainer.game.optimizers["generator"].param_groups[0]
    assert group["betas"][1] == pytest.approx(0.99 * 0.9)
