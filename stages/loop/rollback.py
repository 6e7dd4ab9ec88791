"""Going back to the best checkpoint of a sick training, and on from there with the next remedy.

What the remedy leaves as it was is carried over: weights by name and shape, an optimiser's moments where its network kept its
shape. The rest begins anew, and that is said. A training that was never good for anything begins from the start.
"""

from pathlib import Path
from typing import Any

import torch

from espalier.data.errors import InputError
from espalier.stages.artifacts.checkpoint import Checkpoint, read_checkpoint
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
    """Training has come to a verdict for which there may be a remedy."""

    def __init__(self, verdict: Verdict, step: int, images: int) -> None:
        super().__init__(verdict.evidence)
        self.verdict, self.step, self.images = verdict, step, images


def interventions_in(folder: Path, target: int) -> Interventions:
    """What had been done to the training that will be gone on with, to a target of images."""
    for _, path in checkpoints_in(folder):
        try:
            record = read_checkpoint(path).record
        except InputError:  # the trainer says so when it resumes
            continue
        if record.before < target:
            return interventions_of(record)
    return NO_INTERVENTIONS


def way_back(folder: Path, done: Interventions) -> Checkpoint | None:
    """The checkpoint to go back to: the best since the last remedy; none, which is the start, where a remedy failed from it."""
    best = best_checkpoint(folder)
    return best if best is not None and best.record.remedies == done.recorded() else None


def next_remedy(config: StageConfig, done: Interventions, sick: Sick) -> tuple[Remedy | None, list[str]]:
    """The first remedy for this verdict that has not been taken and that the stage can have, and why others cannot be.

    None where there is none left.
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
            refused.append(f"{remedy.words} was left out: {error}")
            continue
        return remedy, refused
    return None, refused


def rolled_back(done: Interventions, sick: Sick, remedy: Remedy, to: Checkpoint | None) -> Interventions:
    """What had been done, and this: back to a checkpoint, and on with a remedy."""
    where = f"back to {to.record.images / 1000:.4g} kimg" if to else "back to the start"
    words = f"{sick.verdict.word}: {sick.verdict.evidence}; {where}, and on with {remedy.words}"
    step = to.record.step if to else 0
    return done.and_then(Event(step=sick.step, images=sick.images, kind="rollback", words=words, to=step), remedy)


def forget_after(folder: Path, step: int) -> None:
    """Remove checkpoints from a step on, which would be resumed from."""
    for at, path in checkpoints_in(folder):
        if at >= step:
            path.unlink()


def carry_over(networks: Networks, optimizers: dict[Any, torch.optim.Optimizer], state: dict[str, Any]) -> list[str]:
    """Take from a checkpoint's state what fits. Returns a sentence for each network with weights that begin anew."""
    said = []
    for name, module in networks.modules().items():
        given = state.get(name, state["generator"])
        fresh = load_fitting(module, given)
        if fresh:
            some = ", ".join(fresh[:4]) + " ..." * (len(fresh) > 4)
            said.append(f"the {name} begins anew in {len(fresh)} of its tensors: {some}")
        optimizer, kept = optimizers.get(name), state.get(f"optimizer.{name}")
        if optimizer is not None and kept is not None and set(given) == set(module.state_dict()) and not fresh:
            _load_moments(optimizer, kept)
    return said


def _load_moments(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """An optimiser's moments, with the options that it has now; those of another kind, or of other weights, are left."""
    pairs = list(zip(optimizer.param_groups, state["param_groups"], strict=True))
    if any(len(now["params"]) != len(old["params"]) or set(now) != set(old) for now, old in pairs):
        return
    optimizer.load_state_dict({**state, "param_groups": [{**now, "params": old["params"]} for now, old in pairs]})
