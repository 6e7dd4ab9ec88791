"""The loop: what a resume gives, what a failure leaves, and that every place of a trick is called."""

from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from PIL import Image
from torch import Tensor

from espalier.data.errors import InputError
from espalier.data.store import Store
from espalier.stages.artifacts import torch_file
from espalier.stages.artifacts.artifact import load_artifact, load_generator, load_parent
from espalier.stages.artifacts.checkpoint import read_checkpoint
from espalier.stages.artifacts.history import History
from espalier.stages.artifacts.workfolder import checkpoints_in
from espalier.stages.kinds.sampling import generate, latents
from espalier.stages.loop.resume import set_finished_aside
from espalier.stages.loop.trainer import Trainer
from espalier.stages.process import distributed
from espalier.stages.process.exits import TrainingFailed
from espalier.stages.tricks.loss import Loss
from espalier.stages.tricks.parts import (
    Discriminator,
    Needs,
    NetworkPlan,
    Networks,
    OptimizerPlan,
    Player,
    Targets,
    View,
)
from espalier.stages.tricks.step import Step
from espalier.stages.tricks.trick import Term
from tests.stages.conftest import MakeTrainer
from tests.training import new_trainer, published, resumed, run


def weights(trainer: Trainer) -> dict[str, Tensor]:
    """Every tensor of every network and optimiser."""
    found = {f"{n}.{k}": v for n, m in trainer.networks.modules().items() for k, v in m.state_dict().items()}
    for player, optimizer in trainer.game.optimizers.items():
        for i, state in optimizer.state_dict()["state"].items():
            found |= {f"{player}.{i}.{k}": v for k, v in state.items()}
    return {name: value.clone() for name, value in found.items()}


def assert_same(one: Trainer, other: Trainer) -> None:
    a, b = weights(one), weights(other)
    assert a.keys() == b.keys()
    different = [name for name in a if not torch.equal(a[name], b[name])]
    assert not different, different


def history(trainer: Trainer) -> list[dict[str, str]]:
    """The rows of its history.csv."""
    rows = History(trainer.folder / "history.csv").rows
    assert rows
    return rows


@pytest.mark.parametrize("stop", [1, 17, 40])
def test_a_resume_continues_bit_for_bit(make_trainer: MakeTrainer, stop: int) -> None:
    whole = run(make_trainer(folder="whole"))
    run(make_trainer(folder="cut"), until=stop)
    rest = make_trainer(folder="cut")
    assert rest.step == stop
    run(rest)
    assert_same(whole, rest)
    assert history(whole) == history(rest)


def test_logging_and_sampling_more_changes_no_weight(make_trainer: MakeTrainer) -> None:
    quiet = run(make_trainer(folder="quiet"))
    busy = run(
        make_trainer({"watch": {"log_steps": 1, "sample_kimg": 0.01, "checkpoint_seconds": 0.01}}, folder="busy")
    )
    assert_same(quiet, busy)


def test_a_longer_training_continues_and_a_shorter_one_does_not_run_past_its_end(make_trainer: MakeTrainer) -> None:
    run(make_trainer())
    longer = make_trainer({"kimg": 1.2})
    assert longer.step == 100
    run(longer)
    assert_same(longer, run(make_trainer({"kimg": 1.2}, folder="straight")))
    shorter = make_trainer({"kimg": 0.4})
    assert shorter.step <= 50
    run(shorter)
    assert_same(shorter, run(make_trainer({"kimg": 0.4}, folder="short")))


def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    run(make_trainer(), until=20)
    run(make_trainer(), until=30)
    (step, newest), (before, _) = checkpoints_in(tmp_path / "work")
    assert (step, before) == (30, 20)
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    trainer = make_trainer()
    assert trainer.step == 20
    assert_same(run(trainer), run(make_trainer(folder="whole")))


def test_nan_stops_at_once_names_step_and_term_and_keeps_the_last_good_checkpoint(
    make_trainer: MakeTrainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from espalier.stages.tricks.drift import Drift

    good = Drift.discriminator_term

    def bad(self: Drift, step: Step) -> Tensor:
        return good(self, step) * (float("nan") if step.context.step == 12 else 1)

    run(make_trainer(), until=10)
    monkeypatch.setattr(Drift, "discriminator_term", bad)
    for _ in range(2):  # the second try ends likewise: no loop
        with pytest.raises(TrainingFailed, match=r"step 13: drift is nan"):
            run(make_trainer())
    assert [step for step, _ in checkpoints_in(tmp_path / "work")][0] <= 12
    monkeypatch.undo()
    assert_same(run(make_trainer()), run(make_trainer(folder="whole")))


def test_a_weight_that_is_not_finite_is_never_saved(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    trainer = run(make_trainer(), until=10)
    next(trainer.networks.discriminator.parameters()).data[0] = torch.inf
    with pytest.raises(TrainingFailed, match=r"discriminator.* is not finite"):
        trainer.checkpoint()
    assert [step for step, _ in checkpoints_in(tmp_path / "work")] == [10]


def test_a_grown_stage_starts_as_its_parent_ended(make_trainer: MakeTrainer, store: Store, tmp_path: Path) -> None:
    parent = run(make_trainer())
    published(parent, tmp_path / "r4")
    child = make_trainer(stage="r8", folder="child", parent=load_artifact(tmp_path / "r4"))
    child.game.before_step(child.context())
    assert child.networks.alpha == 0
    before = generate(parent.networks.ema, parent.fixed)
    for network in (child.networks.ema, child.networks.generator):
        after = generate(network, child.fixed)
        assert torch.equal(after, before.repeat_interleave(2, 2).repeat_interleave(2, 3))
    assert not child.game.optimizers["generator"].state_dict()["state"], "Adam starts anew at a new resolution"
    run(child)
    assert child.networks.alpha == 1


def test_milestones_are_whole_artifacts_to_start_from(make_trainer: MakeTrainer, store: Store, tmp_path: Path) -> None:
    trainer = run(make_trainer({"kimg": 2.4, "milestone_kimg": 1}))
    published(trainer, tmp_path / "r4")
    assert [p.name for p in sorted((tmp_path / "r4/milestones").glob("kimg-*"))] == ["kimg-00001", "kimg-00002"]
    milestone = load_parent(tmp_path / "r4", at=1)
    assert milestone.record.images == 1000
    assert milestone.digest != load_artifact(tmp_path / "r4").digest
    with pytest.raises(InputError, match=r"no milestone at 7 kimg; it has: 1, 2"):
        load_parent(tmp_path / "r4", at=7)
    generator, _ = load_generator(milestone.path, torch.device("cpu"))
    assert generate(generator, trainer.fixed).shape == (64, 3, 4, 4)


def test_a_single_checkpoint_gives_the_averaged_generator(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    trainer = run(make_trainer(), until=10)
    path = checkpoints_in(tmp_path / "work")[0][1]
    generator, record = load_generator(path, torch.device("cpu"))
    assert record.step == 10
    latent = latents(4, 8, 0, torch.device("cpu"))
    assert torch.equal(generate(generator, latent), generate(trainer.networks.ema, latent))


def test_a_pickle_with_code_in_it_is_refused_and_never_run(tmp_path: Path) -> None:
    ran = tmp_path / "ran"

    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (ran,))

    path = tmp_path / "step-00000001.pt"
    for write in (torch_file.write_torch_file, lambda p, content: torch.save(content, p)):
        write(path, {"record": Bomb(), "state": {}})
        with pytest.raises(InputError, match="refused"):
            read_checkpoint(path)
    assert not ran.exists()


def test_published_images_open(make_trainer: MakeTrainer, store: Store, tmp_path: Path) -> None:
    metrics = published(run(make_trainer()), tmp_path / "r4")
    assert Image.open(tmp_path / "r4/samples.png").width >= 512
    assert Image.open(tmp_path / "r4/curves.png").width > 800
    assert 0 < metrics["diversity"] < 5 and metrics["step"] == 100


CALLED: set[str] = set()


class EveryPlace(Term):
    """A trick that implements every place there is, and does nothing but say so."""

    name = "every_place"
    needs: ClassVar[Needs] = Needs(real_gradient=True, fake_gradient=True)

    def check(self, setting: Any) -> None:
        CALLED.add("check")

    def plan_networks(self, plan: NetworkPlan) -> None:
        CALLED.add("plan_networks")

    def change_networks(self, networks: Networks) -> None:
        CALLED.add("change_networks")

    def plan_optimizers(self, plan: OptimizerPlan) -> None:
        CALLED.add("plan_optimizers")
        plan.kind["discriminator"] = torch.optim.SGD
        plan.options["discriminator"] = {"lr": 0.01}

    def learning_rate(self, player: Player, context: Any) -> float:
        CALLED.add("learning_rate")
        return 0.5

    def discriminator_steps(self, steps: int, context: Any) -> int:
        CALLED.add("discriminator_steps")
        return steps + 1

    def before_step(self, networks: Networks, context: Any) -> None:
        CALLED.add("before_step")

    def discriminator_view(self, images: Tensor, view: View) -> Tensor:
        CALLED.add("discriminator_view")
        return images + 0.01 * view.context.normal(tuple(images.shape), "noise")

    def targets(self, targets: Targets, view: View) -> Targets:
        CALLED.add("targets")
        return Targets(real=0.9, fake=targets.fake)

    def wrap_loss(self, loss: Loss) -> Loss:
        CALLED.add("wrap_loss")
        return loss

    def generators_discriminator(self, discriminator: Discriminator, step: Step) -> Discriminator:
        CALLED.add("generators_discriminator")
        return lambda *a: discriminator(*a)

    def discriminator_term(self, step: Step) -> Tensor:
        CALLED.add("discriminator_term")
        assert step.real_features and step.fake_features
        return step.real_gradient.square().mean() + step.fake_gradient.square().mean()

    def generator_term(self, step: Step) -> Tensor:
        CALLED.add("generator_term")
        matched = zip(step.real_features, step.fake_features, strict=True)
        return torch.stack([(r.mean(0) - f.mean(0)).abs().mean() for r, f in matched]).sum()

    def after_discriminator_step(self, networks: Networks, context: Any) -> None:
        CALLED.add("after_discriminator_step")

    def after_generator_step(self, networks: Networks, context: Any) -> None:
        CALLED.add("after_generator_step")

    def state_dict(self) -> dict[str, Any]:
        CALLED.add("state_dict")
        return {"seen": torch.ones(1)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        CALLED.add("load_state_dict")


def test_a_users_own_trick_by_dotted_path_can_use_every_place_of_the_loop(make_trainer: MakeTrainer) -> None:
    CALLED.clear()
    changes = {"tricks": {"loss": "nonsaturating", "tests.stages.test_trainer.EveryPlace": {"weight": 0.1}}}
    trainer = run(make_trainer(changes), until=4)
    assert trainer.images == 2 * 8 * 4, "two discriminator steps an iteration"
    assert trainer.game.optimizers["discriminator"].param_groups[0]["lr"] == 0.005
    make_trainer(changes)
    places = {name for name, value in vars(EveryPlace).items() if callable(value) and not name.startswith("_")}
    assert places - CALLED == set()


def test_the_discriminator_takes_no_gradient_in_the_generators_step(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer()
    trainer.iterate()
    before = weights(trainer)
    for parameter in trainer.networks.discriminator.parameters():
        parameter.grad = None
    trainer.game.generator_step(trainer.context(), lambda: torch.zeros(8, 3, 4, 4), 8)
    assert all(p.grad is None and p.requires_grad for p in trainer.networks.discriminator.parameters())
    after = weights(trainer)
    assert all(torch.equal(before[n], after[n]) for n in before if n.startswith("discriminator."))


def test_a_lazy_term_has_the_mean_gradient_of_an_eager_one(make_trainer: MakeTrainer) -> None:
    """Over 16 steps at fixed weights: 16 times the term on one step in 16 is the term on each."""
    means = {}
    for every in (1, 16):
        tricks = {"gradient_penalty": None, "drift": None, "r1": {"weight": 10, "every": every}}
        trainer = make_trainer({"tricks": tricks}, folder=f"every{every}")
        reals = torch.randn(8, 3, 4, 4, generator=torch.Generator().manual_seed(0))
        network = trainer.networks.discriminator
        trainer.game._move = lambda player, context: None  # type: ignore[method-assign]
        seen = []
        for step in range(16):
            network.zero_grad(set_to_none=True)
            context = trainer.context()
            object.__setattr__(context, "step", step)
            said = trainer.game.discriminator_step(context, reals)
            seen.append(said.get("r1", torch.zeros(())).item())
        means[every] = sum(seen) / 16
    assert means[16] == pytest.approx(means[1], rel=1e-5)


def _share_of_a_run(rank: int, port: int, folder: Path, out: Path) -> None:
    import os

    from espalier.stages.config.load import stage_config
    from tests.conftest import TINY

    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    distributed.start(torch.device("cpu"))
    config = stage_config(TINY, "progan", "r4")
    trainer = new_trainer(config, Store(folder), None, out / "work")
    for _ in range(3):
        trainer.iterate()
    if rank == 0:
        torch.save(trainer.networks.generator.state_dict(), out / "two.pt")
    distributed.stop()


def test_two_processes_give_the_numbers_of_one(make_trainer: MakeTrainer, store: Store, tmp_path: Path) -> None:
    one = make_trainer()
    for _ in range(3):
        one.iterate()
    torch.multiprocessing.spawn(_share_of_a_run, args=(29571, store.path, tmp_path), nprocs=2)  # type: ignore[no-untyped-call]
    two = torch.load(tmp_path / "two.pt", weights_only=True)
    for name, value in one.networks.generator.state_dict().items():
        torch.testing.assert_close(two[name], value, rtol=1e-4, atol=1e-5)


def test_a_record_names_all_code_that_trained_and_only_that(make_trainer: MakeTrainer) -> None:
    run(make_trainer(code="old"), until=10)
    trainer = make_trainer(code="mended")
    assert trainer.record("x").code == "old"
    assert run(trainer).record("x").code == "old+mended"
    finished = make_trainer(code="later")
    assert finished.images == finished.target and finished.record("x").code == "old+mended"
    assert "the code differs" in (resumed(finished) or "")


def test_what_other_code_finished_is_kept_aside_and_brought_back(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    work, target = tmp_path / "work", 800
    run(make_trainer(code="old"), until=10)
    assert set_finished_aside(work, target, "new") is None, "it is under way, and goes on"
    old = run(make_trainer(code="old"))
    assert old.images == target and set_finished_aside(work, target, "old") is None
    assert "starts over; that one is kept in" in (set_finished_aside(work, target, "new") or "")
    new = make_trainer(code="new")
    assert new.step == 0
    assert run(new).record("x").code == "new"
    assert "published again" in (set_finished_aside(work, target, "old") or "")
    again = make_trainer(code="old")
    assert again.done and again.record("x").code == "old"
    assert_same(old, again)


@pytest.mark.parametrize(
    "tricks",
    [
        {"loss": "minimax"},
        {"loss": {"name": "lsgan", "coding": "pearson"}, "packing": {"m": 2}},
        {"loss": "hinge", "relativistic": "average", "packing": {"m": 4}, "minibatch_stddev": {"group": 2}},
        {"loss": "nonsaturating", "relativistic": "paired", "r1": {"every": 2}, "r2": {"every": 2}},
        {"loss": "nonsaturating", "label_smoothing": 0.9, "instance_noise": {"kimg": 1}, "dragan": {}, "n_critic": 2},
        {"loss": "wgan", "feature_matching": {}, "instance_noise": {"kimg": 1}, "packing": {}},
    ],
)
def test_losses_relativistic_forms_and_packing_compose_with_penalties(make_trainer: MakeTrainer, tricks: Any) -> None:
    trainer = make_trainer({"tricks": tricks})
    for _ in range(3):
        said = trainer.iterate()
        assert all(torch.isfinite(value) for value in said.values())
    assert "gradient_penalty" in said or "drift" in said
    assert trainer.game.loss.generator_needs_real == ("relativistic" in tricks)
