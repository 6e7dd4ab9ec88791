"""Healing: back to the best checkpoint and on with a remedy, the same whenever it is done, and however often it is killed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from espalier.stages.artifacts.checkpoint import Checkpoint, read_checkpoint
from espalier.stages.artifacts.workfolder import checkpoints_in
from espalier.stages.config.remedies import with_remedies
from espalier.stages.config.stage import StageConfig
from espalier.stages.loop.interventions import NO_INTERVENTIONS, Interventions
from espalier.stages.loop.keep_best import BEFORE, best_checkpoint
from espalier.stages.loop.resume import Components, go_back
from espalier.stages.loop.rollback import Sick, carry_over, interventions_in, next_remedy
from espalier.stages.loop.trainer import Trainer
from espalier.stages.monitor.options import DEFAULTS, Remedy
from espalier.stages.monitor.probe import Probe, Seen
from espalier.stages.monitor.verdict import SICK, Verdict
from espalier.stages.networks.build import build_networks, build_optimizers
from espalier.stages.process.exits import TrainingFailed
from espalier.stages.process.interruption import Interrupted
from espalier.stages.tricks.drift import Drift
from espalier.stages.tricks.step import Step
from espalier.stages.types.train import publish_end, train_to_the_end
from tests.stages.conftest import MakeConfig
from tests.stages.test_trainer import assert_same, history
from tests.training import new_trainer, resumed

CALMER = {"rates": {"generator": 0.5, "discriminator": 0.5}}
CHANGES: dict[str, Any] = {
    "kimg": 0.8,
    "monitor": {"steps": 20, "samples": 24},
    "heal": {"at_most": 2, "remedies": {"diverged": [CALMER, {"tricks": {"drift": None, "packing": 2}}]}},
}
Make = Callable[[Interventions], Trainer]


@pytest.fixture
def make(make_config: MakeConfig, store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Make]:
    monkeypatch.setattr("espalier.stages.loop.watch.FEWEST", 8)

    def of(folder: str, config: StageConfig | None = None) -> Make:
        (tmp_path / folder).mkdir(exist_ok=True)
        chosen = config or make_config("r4", CHANGES)
        return lambda done: new_trainer(chosen, store, None, tmp_path / folder, done)

    return of


def to_the_end(config: StageConfig, make: Make, folder: Path) -> Trainer:
    """Train to the end, and publish into FOLDER-artifact. Returns the trainer of what is published: the last that was made."""
    made: list[Trainer] = []

    def noted(done: Interventions) -> Trainer:
        made.append(make(done))
        return made[-1]

    publish_end(*train_to_the_end(config, noted, folder), noted, folder.with_name(f"{folder.name}-artifact"))
    return made[-1]


@pytest.fixture
def breaks_at(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A term that is NaN at a step, for as long as drift is in the game."""
    good = Drift.discriminator_term

    def at(*steps: int, rate: float = 1.0) -> None:
        def bad(self: Drift, step: Step) -> Tensor:
            lr = step.players.optimizers["discriminator"].param_groups[0]["lr"]
            broken = step.context.step in steps and lr > rate * 0.002
            return good(self, step) * (float("nan") if broken else 1)

        monkeypatch.setattr(Drift, "discriminator_term", bad)

    return at


def test_a_divergence_goes_back_with_a_remedy_and_says_so(
    make: Callable[..., Make], make_config: MakeConfig, breaks_at: Callable[..., None], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    config = make_config("r4", CHANGES)
    rate = config.adam.learning_rate
    breaks_at(42, rate=rate / 0.002 * 0.9)
    trainer = to_the_end(config, make("work"), tmp_path / "work")
    assert trainer.done and trainer.step == 100
    (event,) = trainer.interventions.events
    assert event.kind == "rollback" and event.step == 43
    assert "diverged: step 43: drift is nan" in event.words and "rate times 0.5" in event.words
    assert trainer.game.rates["generator"] == [rate / 2]
    record = json.loads((tmp_path / "work-artifact/stage.json").read_text())
    assert record["remedies"] == [CALMER] and record["events"][0]["words"] == event.words
    assert record["config"]["tricks"]["ttur"]["generator"] == rate / 2
    assert event.words in capsys.readouterr().out


def test_it_is_the_same_when_done_again_and_when_killed_on_the_way(
    make: Callable[..., Make], make_config: MakeConfig, breaks_at: Callable[..., None], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    config = make_config("r4", CHANGES)
    breaks_at(42, rate=config.adam.learning_rate / 0.002 * 0.9)
    whole = to_the_end(config, make("whole"), tmp_path / "whole")

    iterate = Trainer.iterate
    for at in (30, 60):  # before the divergence, and in the training that was healed

        def cut(self: Trainer, at: int = at) -> dict[str, Tensor]:
            if self.step == at and (at < 42 or self.interventions.rollbacks):
                self.checkpoint()
                raise Interrupted("cut", 1)
            return iterate(self)

        monkeypatch.setattr(Trainer, "iterate", cut)
        with pytest.raises(Interrupted):
            to_the_end(config, make("cut"), tmp_path / "cut")
    monkeypatch.setattr(Trainer, "iterate", iterate)
    again = to_the_end(config, make("cut"), tmp_path / "cut")
    assert_same(whole, again)
    assert again.interventions == whole.interventions and again.monitor.table() == whole.monitor.table()
    assert history(again) == history(whole)


def test_the_second_remedy_follows_and_then_it_fails_as_without(
    make: Callable[..., Make], make_config: MakeConfig, breaks_at: Callable[..., None], tmp_path: Path
) -> None:
    only_slower = {
        **CHANGES,
        "heal": {"at_most": 2, "remedies": {"diverged": [CALMER, {"adam": {"betas": [0.1, 0.9]}}]}},
    }
    config = make_config("r4", only_slower)
    breaks_at(42, rate=0)
    with pytest.raises(TrainingFailed, match="step 43: drift is nan"):
        to_the_end(config, make("work", config), tmp_path / "work")
    assert interventions_in(tmp_path / "work", 800).rollbacks == 2
    config = make_config("r4", CHANGES)
    trainer = to_the_end(config, make("other"), tmp_path / "other")
    assert [remedy.words for remedy in trainer.interventions.remedies][1] == "packing 2"
    assert any(weight.shape[1:2] == (6,) for weight in trainer.networks.discriminator.parameters())


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Probes that see so much quality after so many returns; the last for all that follow."""

    def of(*qualities: float) -> None:
        back: list[bool] = []

        def counted(trainer: Trainer, best: Checkpoint | None, beside: Components) -> list[str]:
            back.append(True)
            return go_back(trainer, best, beside)

        def see(probe: Probe, fakes: Tensor) -> Seen:
            good = qualities[min(len(back), len(qualities) - 1)]
            return Seen(good, good, good, 1 - good, torch.ones(2) / 2, 1.0)

        monkeypatch.setattr(Probe, "see", see)
        monkeypatch.setattr("espalier.stages.types.train.go_back", counted)

    return of


OTHER_SHAPE: dict[str, Any] = {"tricks": {"drift": None, "packing": 2}}
TWICE: dict[str, Any] = {**CHANGES, "heal": {"at_most": 2, "remedies": {"diverged": [CALMER, OTHER_SHAPE]}}}


def test_what_was_better_before_the_remedies_is_published(
    make: Callable[..., Make], make_config: MakeConfig, breaks_at: Callable[..., None], tmp_path: Path,
    seen: Callable[..., None], capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    seen(0.9, 0.1)
    config = make_config("r4", TWICE)
    breaks_at(42, rate=0)
    trainer = to_the_end(config, make("work", config), tmp_path / "work")
    back, start, kept = trainer.interventions.events
    assert (back.kind, start.kind, kept.kind) == ("rollback", "rollback", "kept")
    assert (start.to, kept.to, kept.step, trainer.step) == (0, back.to, 100, back.to)
    assert "quality is 0.10 (reals: 1) and was 0.90" in kept.words and kept.words in capsys.readouterr().out
    assert "before the last remedy" in kept.words
    assert [remedy.words for remedy in trainer.interventions.remedies] == []
    record = json.loads((tmp_path / "work-artifact/stage.json").read_text())
    assert record["step"] == back.to and record["remedies"] == [] and record["events"][2]["kind"] == "kept"
    best = best_checkpoint(tmp_path / "work", BEFORE)
    assert best is not None
    for name, value in trainer.networks.generator.state_dict().items():
        assert torch.equal(value, best.state["generator"][name])
    samples = list((tmp_path / "work-artifact/samples").iterdir())
    assert samples, "as that training drew them, not as the last did"
    for path in samples:
        assert path.read_bytes() == (tmp_path / "work" / BEFORE / "samples" / path.name).read_bytes()
    assert "loss_d" not in json.loads((tmp_path / "work-artifact/metrics.json").read_text())
    probes = (tmp_path / "work-artifact/monitor.csv").read_bytes()
    assert probes.count(b"\n") == 1 + 100 // 20, "all that were made, until the end"
    again = to_the_end(config, make("work", config), tmp_path / "work")
    assert_same(trainer, again)
    assert again.interventions == trainer.interventions and again.monitor.table() == trainer.monitor.table()
    assert (tmp_path / "work-artifact/monitor.csv").read_bytes() == probes


def test_an_early_end_after_a_remedy_publishes_the_best_with_its_own_options(
    make: Callable[..., Make], make_config: MakeConfig, breaks_at: Callable[..., None], tmp_path: Path,
    seen: Callable[..., None],
) -> None:  # fmt: skip
    seen(0.9, 0.8)
    at_once = {**CHANGES, "heal": {"remedies": {"diverged": [OTHER_SHAPE]}}, "kimg": 8}
    config = make_config("r4", {**at_once, "monitor": {"steps": 5, "samples": 24}, "stop": {"patience": 0.1}})
    breaks_at(42, rate=0)
    trainer = to_the_end(config, make("work", config), tmp_path / "work")
    assert [event.kind for event in trainer.interventions.events] == ["rollback", "stop"]
    assert trainer.interventions.remedies == () and trainer.step == trainer.interventions.events[0].to
    assert trainer.step < trainer.interventions.events[1].step


def test_a_damaged_best_is_none_and_one_of_another_training_is_forgotten(
    make: Callable[..., Make], make_config: MakeConfig, breaks_at: Callable[..., None], tmp_path: Path,
    seen: Callable[..., None],
) -> None:  # fmt: skip
    seen(0.9, 0.1)
    config, work = make_config("r4", TWICE), tmp_path / "work"
    breaks_at(42, rate=0)
    whole = to_the_end(config, make("work", config), work)
    for path in work.glob("step-*.pt"):
        path.unlink()
    assert best_checkpoint(work, BEFORE) is not None
    resumed(make("work", config)(NO_INTERVENTIONS))
    assert best_checkpoint(work, BEFORE) is None, "nothing is resumed, so it is of another training"
    seen(0.9, 0.1)
    again = to_the_end(config, make("work", config), work)
    assert_same(whole, again)
    (best,) = (work / BEFORE).glob("step-*.pt")
    best.write_bytes(best.read_bytes()[:-1])
    end = to_the_end(config, make("work", config), work)
    assert end.step == 100 and [event.kind for event in end.interventions.events] == ["rollback", "rollback"]


def test_checkpoints_of_the_sick_are_not_resumed_from(
    make: Callable[..., Make], make_config: MakeConfig, breaks_at: Callable[..., None], tmp_path: Path
) -> None:
    config = make_config("r4", CHANGES)
    breaks_at(42, rate=config.adam.learning_rate / 0.002 * 0.9)
    to_the_end(config, make("work"), tmp_path / "work")
    assert all(read_checkpoint(path).record.remedies for _, path in checkpoints_in(tmp_path / "work"))


def test_a_remedy_that_the_stage_cannot_have_is_left_out_with_the_reason(make_config: MakeConfig) -> None:
    config = make_config("r4", {"batch_size": 5, "tricks": {"minibatch_stddev": None}, "heal": True})
    tried = Interventions(DEFAULTS["collapsed"][:2])
    remedy, refused = next_remedy(config, tried, Sick(Verdict("collapsed", "so"), 1, 1))
    assert remedy is None
    assert refused == [
        "packing 2 was skipped: batch_size 5 in 1 process(es) cannot be packed by 2; use a multiple of 2"
    ]


def test_what_fits_is_carried_over_and_what_does_not_is_named(make_config: MakeConfig) -> None:
    config = make_config("r4")
    packed = with_remedies(config, (Remedy(tricks={"packing": 2, "spectral_norm": {}}),))
    old, new = (build_networks(c, 3, torch.device("cpu")) for c in (config, packed))
    optimizers = build_optimizers(packed, new)
    state = {**{n: m.state_dict() for n, m in old.modules().items()}}
    (said,) = carry_over(new, optimizers, state)
    assert said.startswith("the discriminator is reinitialised in ") and "from_rgb" in said
    for name, value in old.generator.state_dict().items():
        assert torch.equal(new.generator.state_dict()[name], value)


def test_there_is_a_remedy_for_every_sickness() -> None:
    assert set(DEFAULTS) == set(SICK)
    assert NO_INTERVENTIONS.rollbacks == 0 and not NO_INTERVENTIONS.stopped
