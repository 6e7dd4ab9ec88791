"""What an image costs each recipe: CPU seconds of one thread, timed by turns in one process, so that machines cancel out.

A second is so long that `SECONDS` of them show ProGAN's chain as many images as on the machine of the first row: `UNIT`
thousand in its last stage. Another machine, or a busy one, trains a run as far, though not as fast.
"""

import csv
import statistics
import tempfile
import time
from functools import cache
from pathlib import Path

import torch

from benchmarks.speedrun import runs
from benchmarks.speedrun.judging import CPU
from benchmarks.speedrun.runs import OPTIONS, PLAIN, RECIPES, SECONDS, Run, is_augmented, stages
from espalier.data.files import whole_file
from espalier.data.store import Store
from espalier.stages.config.stage import StageConfig
from espalier.stages.loop.trainer import Trainer
from espalier.stages.types.inputs import inputs_of
from espalier.stages.types.train import trainer_of

UNIT, ROUNDS = 108.0, 7
Key = tuple[str, str, bool]
"""Pipeline, stage, and whether it is augmented."""


def key_of(config: StageConfig) -> Key:
    """Of a stage."""
    return config.pipeline, config.stage, is_augmented(config)


@cache
def costs() -> dict[Key, float]:
    """Seconds of a thousand images of every stage, from `docs/speedrun/costs.csv`."""
    with (runs.ROWS / "costs.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {(row["pipeline"], row["stage"], row["augmented"] == "yes"): float(row["seconds"]) for row in rows}


def measure() -> None:
    """Time every stage of every recipe by turns, and write `docs/speedrun/costs.csv`; the first round is left out."""
    torch.set_num_threads(1)
    trainers = {key_of(config): _alone(config) for config in _every_stage()}
    spent: dict[Key, list[float]] = {key: [] for key in trainers}
    for _ in range(ROUNDS + 1):
        for key, trainer in trainers.items():
            shown, begun = trainer.images, time.process_time()
            trainer.iterate()
            spent[key].append((time.process_time() - begun) * 1000 / (trainer.images - shown))
    found = {key: statistics.median(times[1:]) for key, times in spent.items()}
    chain = {config.stage: config.kimg for config in stages(Run("dolls64", "progan", 0))} | {"r64": UNIT}
    unit = SECONDS / sum(kimg * found["speed_progan", stage, False] for stage, kimg in chain.items())
    with whole_file(runs.ROWS / "costs.csv") as partial:
        lines = [f"{p},{s},{'yes' if a else 'no'},{seconds * unit:.4g}" for (p, s, a), seconds in sorted(found.items())]
        partial.write_text("\n".join(["pipeline,stage,augmented,seconds", *lines]) + "\n", encoding="utf-8")


def _every_stage() -> list[StageConfig]:
    """Every stage, with and without augmentation, once."""
    every = [Run(world, recipe, 0) for recipe in RECIPES | OPTIONS for world in ("dolls64", "few64")]
    plain = [Run("few64", recipe + PLAIN, 0) for recipe in RECIPES | OPTIONS]
    return list({key_of(config): config for run in (*every, *plain) for config in stages(run)}.values())


def _alone(config: StageConfig) -> Trainer:
    """A trainer of a stage as if it grew from nothing: it costs as much."""
    store = Path("artifacts/datasets/dolls64")
    config = config.model_copy(update={"dataset": store, "after": store})
    return trainer_of(
        config, inputs_of(config, Store(store), None, CPU, "speedrun"), None, Path(tempfile.mkdtemp()), CPU
    )
