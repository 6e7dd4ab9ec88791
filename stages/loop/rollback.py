"""Roll a failing run back to its best checkpoint and continue with the next remedy.

Whatever the remedy leaves unchanged is carried over: weights by name and shape, optimiser moments if the network kept its shape.
The rest is reinitialised, and reported. A run that never reached a usable quality restarts from the beginning.
"""

from pathlib import Path
from typing import Any

import torch

from espalier.stages.artifacts.checkpoint import Checkpoint, newest_record
from espalier.stages.artifacts.record import Event
from espalier.stages.artifacts.workfolder import checkpoints_in
from espalier.stages.config.remedies import with_remedies
from espalier.stages.config.stage import StageConfig
from espalier.stages.loop.interventions import NO_INTERVENTIONS, Interventions, interventions_of
from espalier.stages.loop.keep_best import best_checkpoint
from espalier.stages.monitor.options import Remedy
from espalier.stages.monitor.verdict import Verdict
from espalier.stages.networks.build import load_fitting
from espalier.stages.tricks.parts import Networks


class Sick(Exception):
    """Training is failing, and a remedy may be available."""

    def __init__(self, verdict: Verdict, step: int, images: int) -> None:
        super().__init__(verdict.evidence)
        self.verdict, self.step, self.images = verdict, step, images


def interventions_in(folder: Path, target: int) -> Interventions:
    """Interventions so far in the run that will be resumed, up to a target number of images."""
    record = newest_record(folder, target)
    return NO_INTERVENTIONS if record is None else interventions_of(record)


def way_back(folder: Path, done: Interventions) -> Checkpoint | None:
    """The checkpoint to roll back to: the best since the last remedy; None (the start) if a remedy has already failed from it."""
    best = best_checkpoint(folder)
    return best if best is not None and best.record.remedies == done.recorded() else None


def next_remedy(config: StageConfig, done: Interventions, sick: Sick) -> tuple[Remedy | None, list[str]]:
    """Return the first untried remedy for this verdict that suits the stage, and why others were skipped.

    The remedy is None if none is left.
    """
    refused: list[str] = []
    if config.heal is None or done.rollbacks >= config.heal.at_most:
        return None, refused
    for remedy in config.heal.against(sick.verdict.word):
        if remedy in done.remedies:
            continue
        try:
            with_remedies(config, (*done.remedies, remedy))
        except ValueError as error:
            refused.append(f"{remedy.words} was skipped: {error}")
            continue
        return remedy, refused
    return None, refused


def rolled_back(done: Interventions, sick: Sick, remedy: Remedy, to: Checkpoint | None) -> Interventions:
    """Return `done` plus this rollback to a checkpoint with a remedy."""
    where = f"rolled back to {to.record.images / 1000:.4g} kimg" if to else "restarted"
    words = f"{sick.verdict.word}: {sick.verdict.evidence}; {where} and resumed with {remedy.words}"
    step = to.record.step if to else 0
    return done.and_then(Event(step=sick.step, images=sick.images, kind="rollback", words=words, to=step), remedy)


def forget_after(folder: Path, step: int) -> None:
    """Remove checkpoints from a step on, so that training does not resume from them."""
    for at, path in checkpoints_in(folder):
        if at >= step:
            path.unlink()


def carry_over(networks: Networks, optimizers: dict[Any, torch.optim.Optimizer], state: dict[str, Any]) -> list[str]:
    """Load whatever fits from a checkpoint's state. Returns a message for each network with reinitialised weights."""
    said = []
    for name, module in networks.modules().items():
        given = state.get(name, state["generator"])
        fresh = load_fitting(module, given)
        if fresh:
            some = ", ".join(fresh[:4]) + " ..." * (len(fresh) > 4)
            said.append(f"the {name} is reinitialised in {len(fresh)} of its tensors: {some}")
        optimizer, kept = optimizers.get(name), state.get(f"optimizer.{name}")
        if optimizer is not None and kept is not None and set(given) == set(module.state_dict()) and not fresh:
            _load_moments(optimizer, kept)
    return said


def _load_moments(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Load an optimiser's moments but keep its current options; skip those of another optimiser or other weights."""
    pairs = list(zip(optimizer.param_groups, state["param_groups"], strict=True))
    if any(len(now["params"]) != len(old["params"]) or set(now) != set(old) for now, old in pairs):
        return
    optimizer.load_state_dict({**state, "param_groups": [{**now, "params": old["params"]} for now, old in pairs]})
