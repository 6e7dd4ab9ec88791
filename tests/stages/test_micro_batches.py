"""A batch in micro-batches has the gradients of the whole batch, with every trick on every network, or is refused."""

from pathlib import Path
from typing import Any

import pytest
import torch

from espalier.data.errors import InputError
from espalier.data.store import Store
from espalier.models import processes
from espalier.stages.loop.trainer import Trainer
from espalier.stages.tricks.catalogue import LOSSES, TRICKS
from tests.stages import test_tricks_together as together
from tests.stages.conftest import MakeTrainer
from tests.stages.test_processes import EXTRA, STILL
from tests.stages.test_tricks_together import NETWORKS, OPTIONS, classed  # noqa: F401  (a fixture)
from tests.training import new_trainer

Steps = list[dict[str, torch.Tensor]]
LAYER: dict[str, dict[str, str]] = {
    "dcgan": {"norm": {"generator": "layer", "discriminator": "layer"}},  # type: ignore[dict-item]
    "resnet": {"norm": {"generator": "layer"}},  # type: ignore[dict-item]
}
"""Norms of one sample, where the networks' own are of a batch."""
CASES = {
    **{name: {name: OPTIONS.get(name, {})} for name in TRICKS},
    **{f"loss {n}": {"loss": n} for n in LOSSES},
    **EXTRA,
}
CASES |= {"schedule": {"schedule": STILL}, "ttur": {"ttur": {"generator": 1e-12, "discriminator": 2e-12}}}


def trained(tricks: dict[str, Any], network: str, micro: int | None, store: Store, folder: Path) -> Steps:
    """The terms of two iterations, and the gradients of the last; the weights stand still."""
    tricks = {"loss": "nonsaturating", **(LAYER.get(network, {}) if "norm" not in tricks else {}), **tricks}
    config = together.configured(tricks, network, learning_rate=1e-12)
    config = type(config).model_validate({**config.resolved(), "micro_batch": micro})
    trainer = new_trainer(config, store, None, folder)
    steps = [trainer.iterate() for _ in range(2)]
    return [*steps, gradients(trainer)]


def gradients(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {
        f"{player}.{name}": parameter.grad.clone()
        for player in ("generator", "discriminator")
        for name, parameter in trainer.networks.of(player).named_parameters()  # type: ignore[arg-type]
        if parameter.grad is not None
    }


@pytest.mark.parametrize("name", CASES)
def test_the_gradients_are_those_of_the_whole_batch(name: str, classed: Store, tmp_path: Path) -> None:  # noqa: F811
    shown, refusals = 0, []
    for network in NETWORKS:
        try:
            parts = trained(CASES[name], network, 4, classed, tmp_path)
        except (InputError, ValueError) as error:
            refusals.append(str(error))
            continue
        shown += 1
        whole = trained(CASES[name], network, None, classed, tmp_path)
        for place, (one, both) in enumerate(zip(whole, parts, strict=True)):
            assert one.keys() == both.keys()
            largest = max(float(value.abs().max()) for value in one.values())
            for key, value in one.items():
                apart = float((value - both[key]).abs().max()) / max(float(value.abs().max()), 0.05 * largest)
                assert apart < 2e-4, f"{name} on {network}: {key} of step {place} is off by {apart:.1e}"
    assert shown or refusals
    if not shown:
        assert all(len(text) > 60 for text in refusals), refusals


def test_which_tricks_need_the_whole_batch(classed: Store, tmp_path: Path) -> None:  # noqa: F811
    refused = set()
    for name in TRICKS:
        config = together.configured({"loss": "hinge"}, "progan")
        tricks = {**config.tricks.resolved(), name: OPTIONS.get(name, {})}
        try:
            type(config).model_validate({**config.resolved(), "tricks": tricks, "micro_batch": 4})
        except ValueError as error:
            if f"micro_batch and tricks.{name} cannot be together" in str(error):
                refused.add(name)
    assert refused == {
        "relativistic", "minibatch_discrimination", "spectral_norm", "replay", "unrolled", "dragan", "lecam",
        "feature_matching", "perceptual",
    } | ({"matching_aware", "path_length"} & refused)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"batch_size": 8, "micro_batch": 3}, "3 does not divide the 8 samples of a process into whole groups of 1; use one of 1, 2, 4, 8"),
        ({"batch_size": 8, "micro_batch": 1, "tricks": {"packing": 2}}, "into whole groups of 2; use one of 2, 4, 8"),
        ({"batch_size": 8, "micro_batch": 16}, "use one of 1, 2, 4, 8"),
        ({"batch_size": 8, "micro_batch": 2, "tricks": {"minibatch_stddev": {"group": 4}}}, "a micro-batch gives 2 logits, which"),
        ({"batch_size": 8, "micro_batch": 4, "tricks": {"lecam": {}}}, "micro_batch and tricks.lecam cannot be together: its averages"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(make_trainer: MakeTrainer, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as refused:
        make_trainer({"kimg": 0.1, **changes})
    assert said in str(refused.value), refused.value


def test_batch_norm_is_refused(classed: Store) -> None:  # noqa: F811
    config = together.configured({"loss": "hinge"}, "dcgan")
    with pytest.raises(ValueError, match="batch norm's statistics are of the whole batch; use another norm"):
        type(config).model_validate({**config.resolved(), "micro_batch": 4})


def test_a_statistic_of_the_whole_batch_cannot_be_had_by_mistake() -> None:
    with processes.part(0, 2):
        with pytest.raises(RuntimeError, match="whole batch"):
            processes.mean(torch.ones(2))
        assert processes.mine(torch.arange(6)).tolist() == [0, 2, 4]
    with processes.part(1, 2):
        assert processes.mine(torch.arange(6)).tolist() == [1, 3, 5]
    assert processes.mean(torch.ones(2)).tolist() == [1, 1]


def test_a_micro_batch_takes_less_memory(make_trainer: MakeTrainer) -> None:
    """What the networks see at once is a quarter."""
    seen: list[int] = []
    trainer = make_trainer({"kimg": 0.1, "batch_size": 16, "micro_batch": 4, "tricks": {"minibatch_stddev": None}})
    trainer.networks.discriminator.register_forward_hook(lambda m, given, made: seen.append(len(given[0])))
    trainer.networks.generator.register_forward_hook(lambda m, given, made: seen.append(len(made)))
    trainer.iterate()
    assert set(seen) == {4}
