"""python -m benchmarks.monitor_cost: the share of training time that the monitor takes, at its default schedule.

On the datasets of params.yaml (`dvc repro dataset@dolls` first) and of benchmarks/params.yaml's grid (`dvc repro
dataset@sick_grid` in benchmarks/). Iterations are run in blocks, each with the probe that follows it; the share is the probes'
time over all. The first block is left out.
"""

import argparse
import contextlib
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.worlds import ROOT, TABLES, markdown
from espalier.data.errors import InputError
from espalier.data.store import Store
from espalier.stages.config.load import stage_config
from espalier.stages.config.params import read_params
from espalier.stages.loop.watch import Watch
from espalier.stages.types.inputs import inputs_of
from espalier.stages.types.train import trainer_of

BLOCKS = 2
POINTS = "well_grid", "paired-0"
CPU = torch.device("cpu")
HEAD = ("stage", "images", "batch", "iterations a probe", "ms an iteration", "ms a probe", "share of time")


@dataclass(frozen=True)
class Cost:
    """Milliseconds of an iteration and of a probe, and the probe's share of the time, in %."""

    step: float
    probe: float
    share: float


def measure(params: dict[str, Any], pipeline: str, stage: str) -> Cost:
    """Train some blocks of a stage, without its parent's weights."""
    config = stage_config(params, pipeline, stage)
    with tempfile.TemporaryDirectory() as folder:
        trainer = trainer_of(config, inputs_of(config, Store(config.dataset), None, CPU, ""), None, Path(folder), CPU)
        watch = Watch(config)
        watch.cut(trainer, 0)
        watch.start(trainer)
        if trainer.monitor.probe is None:
            raise InputError(f"{config.name}: the dataset {config.dataset} has too few samples for a probe")
        steps, probes = [], []
        for _ in range(BLOCKS + 1):
            begun = time.perf_counter()
            for _ in range(config.monitor.steps - 1):
                watch.after_step(trainer, trainer.iterate())
            terms = trainer.iterate()
            trained = time.perf_counter()
            watch.after_step(trainer, terms)
            steps.append((trained - begun) / config.monitor.steps)
            probes.append(time.perf_counter() - trained)
    step, probe = 1000 * statistics.fmean(steps[1:]), 1000 * statistics.fmean(probes[1:])
    return Cost(step, probe, 100 * probe / (probe + config.monitor.steps * step))


def main() -> int:
    """Measure and write docs/tables/monitor_cost.md."""
    rows = []
    params = read_params()
    cases = [(params, "progan", name, Path()) for name in params["progan"]["stages"]]
    with contextlib.chdir(ROOT):
        cases.append((read_params(), *POINTS, ROOT))
    for of, pipeline, stage, root in cases:
        with contextlib.chdir(root):
            cost = measure(of, pipeline, stage)
        config = stage_config(of, pipeline, stage)
        size = f"{config.resolution}x{config.resolution}" if config.resolution else "points"
        print(f"{pipeline} {stage}: {cost.share:.1f} % of {cost.step:.1f} ms an iteration", flush=True)
        rows.append(
            [
                f"{pipeline} {stage}",
                size,
                config.batch_size,
                config.monitor.steps,
                f"{cost.step:.1f}",
                f"{cost.probe:.0f}",
                f"{cost.share:.1f} %",
            ]
        )
    text = (
        "# What watching costs\n\n"
        f"{markdown(HEAD, rows)}\n\n"
        f"256 fakes and 256 reals a probe, the mean of {BLOCKS} blocks, "
        f"{torch.get_num_threads()} threads. Made by `python -m benchmarks.monitor_cost`.\n"
    )
    (TABLES / "monitor_cost.md").write_text(text, encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    sys.exit(main())
