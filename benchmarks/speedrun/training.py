"""Train a run for its time, judging on the way."""

import subprocess
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import torch

from benchmarks.speedrun import runs
from benchmarks.speedrun.costs import costs, key_of
from benchmarks.speedrun.judging import CPU, judged
from benchmarks.speedrun.rows import read, write
from benchmarks.speedrun.runs import AT, Run, stages
from benchmarks.worlds import ROOT
from espalier.data.files import whole_file, whole_folder
from espalier.data.store import Store
from espalier.stages.artifacts.artifact import Artifact, load_artifact, write_artifact
from espalier.stages.config.stage import StageConfig
from espalier.stages.loop.resume import resume
from espalier.stages.loop.trainer import Trainer
from espalier.stages.types.inputs import inputs_of
from espalier.stages.types.train import trainer_of


def train(run: Run, seconds: float, folder: Path) -> None:
    """Train until the time is used up, judging on the way; goes on where an earlier call was ended."""
    torch.set_num_threads(1)
    spent, parent, chain = 0.0, None, stages(run)
    begun = folder / "begun"
    if not begun.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        begun.write_text(f"{date.today()},{_commit()}", encoding="utf-8")
    for number, config in enumerate(chain):
        cost, artifact = costs()[key_of(config)] / 1000, folder / f"{config.stage}-artifact"
        if (artifact / "stage.json").is_file():
            parent = load_artifact(artifact)
            spent += parent.record.images * cost
            continue
        trainer = _trainer(config, run, parent, folder / config.stage)
        last = number == len(chain) - 1
        for images in _iterations(trainer, (seconds - spent) / cost, endless=last):
            now = spent + images * cost
            if last and _due(measured_in(folder), now, seconds):
                _note(folder, trainer, now)
        if last:
            break
        with whole_folder(artifact) as partial:
            write_artifact(partial, trainer.record("finished"), trainer.networks)
        parent = load_artifact(artifact)
        spent += trainer.images * cost
    if run.rows.is_file():
        return
    with whole_file(run.rows) as partial:
        write(partial, measured_in(folder))
    with (runs.ROWS / "runs.csv").open("a", encoding="utf-8") as file:
        file.write(f"{run.name},{begun.read_text(encoding='utf-8')}\n")


def measured_in(folder: Path) -> list[dict[str, float]]:
    """The measurements of a run so far."""
    file = folder / "rows.csv"
    return read(file) if file.is_file() else []


def _commit() -> str:
    command = ("git", "rev-parse", "--short", "HEAD")
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def _trainer(config: StageConfig, run: Run, parent: Artifact | None, folder: Path) -> Trainer:
    folder.mkdir(parents=True, exist_ok=True)
    inputs = inputs_of(config, Store(Path("artifacts/datasets", run.world)), parent, CPU, "speedrun")
    trainer = trainer_of(config, inputs, parent, folder, CPU)
    resume(trainer, [])
    return trainer


def _iterations(trainer: Trainer, most: float, endless: bool) -> Iterator[int]:
    """Iterate for so many images, or the stage's; yields the images so far. Keeps a checkpoint a minute."""
    kept = time.monotonic()
    while trainer.images < most and (endless or trainer.images < trainer.target):
        trainer.iterate()
        if time.monotonic() - kept > 60:
            trainer.checkpoint()
            kept = time.monotonic()
        yield trainer.images
    trainer.checkpoint()


def _due(rows: list[dict[str, float]], spent: float, seconds: float) -> bool:
    """Whether a time to judge has passed since the last row."""
    before = rows[-1]["seconds"] if rows else 0.0
    return any(before < share * seconds <= spent for share in AT)


def _note(folder: Path, trainer: Trainer, spent: float) -> None:
    images = trainer.made(trainer.latents(runs.COUNT))[:]
    row = {"seconds": round(spent, 1), "kimg": trainer.images / 1000, **judged(images)}
    with whole_file(folder / "rows.csv") as partial:
        write(partial, [*measured_in(folder), row])
