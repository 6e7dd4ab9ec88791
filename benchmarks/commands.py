"""python -m benchmarks.commands: what commands cost that train nothing, at 6 and at 60 stages."""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from ruamel.yaml import YAML

from benchmarks.worlds import markdown, write_table

STAGES, REPEATS = (6, 60), 3
COMMANDS = ("espalier --help", "espalier run nothing", "dvc status", "espalier status", "espalier run points")
"""The second is an error; the last has nothing to train."""
CODE = "python -m espalier.stages.run"
DVC = {
    "stages": {
        "code": {"cmd": f"{CODE} fingerprint", "outs": ["artifacts/code"], "always_changed": True},
        "dataset": {
            "foreach": "${datasets}",
            "do": {
                "cmd": f"{CODE} dataset ${{key}}",
                "params": ["datasets.${key}"],
                "deps": ["${item.root}", "artifacts/code/dataset/${key}"],
                "outs": ["artifacts/datasets/${key}"],
            },
        },
        "points": {
            "matrix": {"seed": "${points.matrix.seed}"},
            "cmd": f"{CODE} points ${{key}}",
            "params": ["points.common"],
            "deps": ["artifacts/datasets/ring", "artifacts/code/points/${key}"],
            "outs": ["artifacts/points/${key}"],
        },
    }
}


def params(stages: int) -> dict[str, object]:
    """A pipeline of so many short trainings on points; the dataset and the code are two stages more."""
    return {
        "datasets": {
            "ring": {"source": "mixtures.Mixture", "shape": "ring", "root": "artifacts/code/dataset/ring", "count": 500}
        },
        "points": {
            "common": {
                "dataset": "artifacts/datasets/ring",
                "batch_size": 8,
                "kimg": 0.1,
                "network": {"name": "mlp", "generator_width": 8, "discriminator_width": 8},
                "tricks": {"loss": "nonsaturating"},
                "watch": {"sample_kimg": 100},
            },
            "matrix": {"seed": [f"s{seed}" for seed in range(stages - 2)]},
            "options": {"seed": {f"s{seed}": {"seed": seed} for seed in range(stages - 2)}},
        },
    }


def make_project(root: Path, stages: int) -> None:
    """A project with everything trained."""
    shutil.copy(Path(__file__).parent / "mixtures.py", root)
    for name, value in (("params.yaml", params(stages)), ("dvc.yaml", DVC)):
        with (root / name).open("w", encoding="utf-8") as file:
            YAML().dump(value, file)
    for command in (("git", "init", "-q"), ("dvc", "init", "-q"), ("dvc", "repro", "-q")):
        subprocess.run(command, cwd=root, check=True, stdout=subprocess.DEVNULL)


def cpu_seconds(command: str, root: Path) -> float:
    """CPU seconds of a command and its processes; the median of a few runs."""
    found = []
    for _ in range(REPEATS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command.split(), cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(found)


def measure(stages: int) -> list[float]:
    """CPU seconds of each command in a project of so many stages."""
    with tempfile.TemporaryDirectory() as place:
        make_project(Path(place), stages)
        return [cpu_seconds(command, Path(place)) for command in COMMANDS]


def main() -> int:
    """Measure, and write docs/tables/commands.md."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    columns = [measure(stages) for stages in STAGES]
    rows = [
        [f"`{command}`", *(f"{seconds:.1f}" for seconds in found)]
        for command, found in zip(COMMANDS, zip(*columns, strict=True), strict=True)
    ]
    text = f"""# What commands cost that train nothing

{markdown(["command", *(f"{count} stages" for count in STAGES)], rows)}

CPU seconds of a command with its processes, the median of {REPEATS} runs, in a project of small trainings on points of which
all are up to date. `espalier run nothing` is refused, since there is no such pipeline; `espalier run points` has nothing to
train. Made by `python -m benchmarks.commands`."""
    write_table("commands", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
