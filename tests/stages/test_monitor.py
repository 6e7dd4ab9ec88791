"""Watching a training: what a probe measures, what verdicts are made of it, and that neither changes a weight."""

import math
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from espalier.data.errors import InputError
from espalier.stages.artifacts.history import History
from espalier.stages.loop.game import pair_accuracy
from espalier.stages.loop.interventions import Interventions
from espalier.stages.loop.trainer import Trainer
from espalier.stages.monitor.monitor import MOST_PROBES, Monitor
from espalier.stages.monitor.options import StopOptions
from espalier.stages.monitor.probe import Probe, drift
from espalier.stages.monitor.verdict import WORDS, Probed, Verdict, Word, diagnose
from espalier.stages.process.progress import Bar
from espalier.stages.types.train import publish_end
from tests.stages.conftest import MakeConfig, MakeTrainer
from tests.stages.test_trainer import assert_same
from tests.training import beside, new_trainer, run

GOOD = Probed(
    step=0, kimg=0, accuracy=0.7, gap=1, grad_d=1, grad_g=1, overfit=0.5, diversity=0.95, coverage=0.8, density=0.8, distance=0.1,
    drift=0.1, quality=0.8, averaged_quality=0.8, averaged_distance=0.1, clusters=1.0,
)  # fmt: skip


def rows(*values: dict[str, float]) -> list[Probed]:
    """Probes, a kimg apart."""
    return [replace(GOOD, step=100 * i, kimg=float(i), **of) for i, of in enumerate(values)]  # type: ignore[arg-type]


def of_quality(*values: float) -> list[Probed]:
    return rows(*({"quality": v, "coverage": v, "density": v, "averaged_quality": v} for v in values))


RISING = [{"quality": q, "coverage": q, "density": q} for q in (0.1, 0.2, 0.35, 0.5, 0.6, 0.7, 0.75, 0.8)]
CASES: dict[Word, list[Probed]] = {
    "learning": rows(*RISING),
    "converged": of_quality(0.2, 0.5, *[0.8] * 22),
    "plateau": of_quality(0.2, 0.4, *[0.5] * 22),
    "healthy": of_quality(0.2, 0.5, 0.7, *[0.8] * 8),
    "collapsed": rows(*RISING, *[{"diversity": 0.05}] * 3),
    "collapsing": rows(*RISING, *[{"diversity": 0.4}] * 4),
    "oscillating": rows(*RISING, *[{"drift": 0.8, "quality": 0.6}, {"drift": 0.8, "quality": 0.3}] * 6),
    "diverged": rows(*RISING, *[{"grad_g": 1e5}] * 3),
    "discriminator won": rows(*[{"accuracy": 0.99, "quality": 0.1}] * 24),
    "discriminator lost": rows(*[{"accuracy": 0.5, "quality": 0.1}] * 24),
}


def test_every_verdict_has_a_case() -> None:
    assert set(CASES) == set(WORDS)


@pytest.mark.parametrize("word", CASES)
def test_a_verdict_and_its_evidence(word: Word) -> None:
    found = diagnose(CASES[word])
    assert found.word == word, found
    assert any(character.isdigit() for character in found.evidence)


def test_the_evidence_of_a_collapse_says_from_where_to_where_in_how_long() -> None:
    assert diagnose(CASES["collapsed"]).evidence == "diversity fell from 0.95 to 0.05 (reals: 1) in 2 kimg"


def test_some_kinds_of_reals_only_are_a_collapse_once_quality_stays() -> None:
    few = rows(*RISING, *[{"clusters": 0.4}] * 12)
    assert diagnose(few) == Verdict(
        "collapsed", "fakes cover the clusters of only 40% of the reals, and have for 5 kimg"
    )
    assert diagnose(rows(*[{**of, "clusters": 0.4} for of in RISING])).word == "learning"


def test_half_of_the_kinds_are_a_collapse_of_fakes_that_keep_to_theirs_only() -> None:
    def of(drift: float) -> list[Probed]:
        return rows(*RISING, *[{"clusters": 0.55, "drift": drift}] * 12)

    assert (diagnose(of(0.1)).word, diagnose(of(0.35)).word) == ("collapsed", "converged")


def test_a_game_that_circles_among_good_ones_and_a_fall_from_nothing_are_no_alarm() -> None:
    circling = [{"drift": 0.8, "quality": 0.82}, {"drift": 0.8, "quality": 0.6}]
    assert diagnose(rows(*RISING, *circling * 6)).word == "plateau"
    start = [{"quality": 0.2, "coverage": 0.2, "diversity": 0.5}] * 3 + [
        {"quality": 0.15, "coverage": 0.15, "diversity": 0.2}
    ] * 4
    assert not diagnose(rows(*start)).sick


def test_a_discriminator_that_takes_fakes_for_real_is_lost_and_a_good_game_at_chance_is_not() -> None:
    def of(accuracy: float, start: float, rise: float) -> Verdict:
        return diagnose(rows(*({"accuracy": accuracy, "quality": start + rise * i} for i in range(24))))

    assert (
        of(0.45, 0.0, 0.01).evidence
        == "the discriminator ranks 45% of real/fake pairs correctly, while quality is 0.20 (reals: 1)"
    )
    assert of(0.35, 0.3, 0.01).word == "discriminator lost"
    assert of(0.45, 0.3, 0.01).word == of(0.55, 0.0, 0.01).word == of(math.nan, 0.0, 0.01).word == "learning"
    assert of(0.35, 0.8, 0.0).word == "converged"


def test_what_is_not_finite_has_diverged_at_once_and_an_early_start_is_only_learning() -> None:
    assert diagnose(rows({"quality": math.nan})).word == "diverged"
    assert diagnose(rows({"quality": 0.0, "diversity": 0.01})).word == "learning"
    assert diagnose([]).word == "learning"


def points(count: int, seed: int, spread: float = 1.0) -> torch.Tensor:
    return spread * torch.randn((count, 2), generator=torch.Generator().manual_seed(seed))


def test_other_reals_are_as_good_as_reals_and_a_single_point_is_good_for_nothing() -> None:
    probe = Probe(points(512, 0), None, 0)
    same = probe.see(points(256, 1))
    assert same.quality == pytest.approx(1, abs=0.08) and same.diversity == pytest.approx(1, abs=0.1)
    assert abs(same.distance) < 0.2 and same.clusters > 0.9
    one = probe.see(torch.zeros(256, 2) + 0.1)
    assert one.diversity < 1e-6 and one.quality < 0.5 and one.coverage < 0.3 < one.density
    assert drift(same.shares, one.shares) > 0.5, "all went to one cluster"
    assert drift(one.shares, probe.see(torch.zeros(256, 2) + 0.1).shares) == 0
    assert probe.see(points(256, 2) + 100).quality == 0


def test_half_of_the_modes_is_half_the_coverage() -> None:
    centres = torch.tensor([[0.0, 0.0], [9.0, 0.0]])
    reals = points(512, 0, 0.3) + centres[torch.arange(512) % 2]
    seen = Probe(reals, None, 0).see(points(256, 1, 0.3))
    assert seen.coverage == pytest.approx(0.5, abs=0.08) and seen.density > 0.9
    assert seen.clusters == pytest.approx(0.5, abs=0.1)


def test_images_are_compared_reduced() -> None:
    noise = torch.randint(256, (128, 3, 16, 16), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    other = torch.randint(256, (64, 3, 16, 16), generator=torch.Generator().manual_seed(1)).to(torch.uint8)
    assert Probe(noise, None, 0).see(other).quality > 0.7
    assert Probe(noise, None, 0).see(torch.full_like(other, 128)).diversity == 0


def test_pairs_told_apart_by_every_pair() -> None:
    real, fake = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([0.0, 2.0])
    pairs = [(r > f) + 0.5 * (r == f) for r in real.tolist() for f in fake.tolist()]
    assert float(pair_accuracy(real, fake)) == pytest.approx(sum(pairs) / 6)


WATCHED = {"kimg": 0.8, "monitor": {"steps": 10, "samples": 24}}


def test_watching_changes_no_weight(make_trainer: MakeTrainer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("espalier.stages.loop.watch.FEWEST", 8)
    watched = run(make_trainer(WATCHED, folder="watched"))
    assert len(watched.monitor.rows) == 10
    assert_same(watched, run(make_trainer({**WATCHED, "monitor": {"steps": 1000}}, folder="not")))


def test_a_resumed_training_comes_to_the_same_verdicts(
    make_trainer: MakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("espalier.stages.loop.watch.FEWEST", 8)
    whole = run(make_trainer(WATCHED, folder="whole"))
    run(make_trainer(WATCHED, folder="cut"), until=35)
    assert run(make_trainer(WATCHED, folder="cut")).monitor.table() == whole.monitor.table()


def test_the_best_is_what_an_early_end_publishes(
    make_trainer: MakeTrainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("espalier.stages.loop.watch.FEWEST", 8)
    qualities = iter([0.2, 0.5, 0.7, 0.8, 0.8, 0.8, 0.9, *[0.8] * 90])

    def look(self: Monitor, step: int, kimg: float, *_: object) -> Probed:
        quality = next(qualities)
        self.rows.append(replace(GOOD, step=step, kimg=kimg, quality=quality, averaged_quality=quality))
        self.verdict = diagnose(self.rows)
        self.words.append(self.verdict.word)
        return self.rows[-1]

    monkeypatch.setattr(Monitor, "look", look)
    changes = {**WATCHED, "kimg": 20, "monitor": {"steps": 2}, "stop": {"on": "converged", "patience": 0.1}}
    trainer = run(make_trainer(changes))
    assert trainer.interventions.stopped and trainer.step < 60 and trainer.done
    ended = trainer.step
    assert make_trainer(changes).done, "a stage that has ended is not trained on"
    made: list[Trainer] = []

    def make(done: Interventions) -> Trainer:
        made.append(new_trainer(trainer.config, trainer.store, None, trainer.folder, done))
        return made[-1]

    metrics = publish_end(trainer, beside(trainer), make, tmp_path / "artifact")
    (best,) = made
    assert best.step < ended and metrics["step"] == best.step
    assert (tmp_path / "artifact/history.csv").read_text().splitlines()[-1].startswith(f"{ended // 5 * 5},")
    assert (tmp_path / "artifact/monitor.csv").read_text().count("\n") == ended // 2 + 1
    assert '"kind": "stop"' in (tmp_path / "artifact/stage.json").read_text()


def test_nothing_ends_before_its_patience() -> None:
    monitor = Monitor()
    for row in CASES["converged"]:
        monitor.rows.append(row)
        monitor.verdict = diagnose(monitor.rows)
        monitor.words.append(monitor.verdict.word)
        monitor.note_best("quality")
    assert monitor.done(StopOptions(patience=20)) and not monitor.done(StopOptions(patience=22))


def test_options_of_healing_are_refused_in_words(make_config: MakeConfig) -> None:
    for heal, said in (
        ({"remedies": {"healthy": [{"rates": {"generator": 0.5}}]}}, "nothing is wrong with 'healthy'"),
        ({"remedies": {"collapsed": [{}]}}, "changes nothing"),
        ({"remedies": {"collapsed": [{"rates": {"generator": 0}}]}}, "factors above 0"),
        ({"remedies": {"collapsed": [{"tricks": {"packin": 2}}]}}, "did you mean 'packing'"),
        ({"at_most": 0}, "heal.at_most"),
    ):
        with pytest.raises(InputError, match="heal") as error:
            make_config("r4", {"heal": heal})
        assert said in str(error.value)


def test_the_bar_says_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    Bar("stage", 10).say("something happened")
    assert capsys.readouterr().out == "something happened\n"


def test_what_is_held_out_is_never_trained_on_and_shows_what_is_known_by_heart(
    make_trainer: MakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("espalier.stages.loop.watch.FEWEST", 8)
    held = {**WATCHED, "kimg": 2, "monitor": {"steps": 50, "samples": 24, "hold_out": 16}}
    trainer = make_trainer(held)
    trained = {int(i) for epoch in range(40) for i in trainer.batches.indices(32 * epoch, 32)}
    assert trained.isdisjoint(trainer.batches.held_out.tolist()) and len(trained) == 48 - 16
    before = {name: value.clone() for name, value in trainer.networks.discriminator.state_dict().items()}
    images = trainer.batches.of(trainer.batches.held_out)
    trainer.game.logits_of(images, trainer.context(), None)
    assert all(torch.equal(before[name], value) for name, value in trainer.networks.discriminator.state_dict().items())
    rows = run(trainer).monitor.rows
    assert all(0 <= row.overfit <= 1 for row in rows)
    assert math.isnan(run(make_trainer(WATCHED, folder="none")).monitor.rows[-1].overfit)


def test_a_probe_costs_the_same_after_thousands(tmp_path: Path) -> None:
    """What the monitor itself does at a probe, and its row in monitor.csv, do not grow with the training."""

    def cost(monitor: Monitor, history: History) -> float:
        begun = time.process_time()
        for _ in range(20):
            monitor.rows.append(replace(monitor.rows[-1], step=monitor.rows[-1].step + 1))
            monitor.verdict = diagnose(monitor.rows[-MOST_PROBES:])
            monitor.words.append(monitor.verdict.word)
            monitor.note_best("quality")
            history.add(monitor.latest())
        return time.process_time() - begun

    costs = []
    for count in (MOST_PROBES, 16 * MOST_PROBES):
        monitor = Monitor()
        monitor.rows = [replace(GOOD, step=i, kimg=i / 10) for i in range(count)]
        monitor.words = ["learning"] * count
        History.write(tmp_path / "monitor.csv", monitor.table())
        history = History(tmp_path / "monitor.csv")
        costs.append(cost(monitor, history))
        assert History(tmp_path / "monitor.csv").rows == monitor.table()
    assert costs[1] < 2 * costs[0] and costs[1] < 3
