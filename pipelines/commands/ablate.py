"""Train one stage with every combination of options, several seeds each, to see which options help.

Each run is a DVC experiment in its own workspace. Runs are sequential: git and DVC do not support two at the same
time, and each training run uses all cores. A finished run is identified by everything that determines its weights,
and is not repeated.
"""

import copy
import csv
import itertools
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espalier.data.errors import InputError
from espalier.data.files import file_digest, whole_file
from espalier.pipelines.run.options import RunOptions
from espalier.pipelines.run.plan import planned
from espalier.pipelines.run.processes import Processes
from espalier.pipelines.run.repro import repro, repro_command
from espalier.pipelines.run.results import metrics_of
from espalier.stages.config.params import PARAMS, read_params
from espalier.stages.config.plain_yaml import read_plain

FOLDER = Path("ablations")
HEAD = ("key", "combination", "seed", "outcome", "metrics")
OFF = "off"


@dataclass(frozen=True, slots=True)
class Axis:
    """One `--over`: the path of an option within its stage, and its values as text."""

    path: str
    values: tuple[str, ...]

    @property
    def name(self) -> str:
        """The path as the user wrote it."""
        return self.path.removeprefix("tricks.")


@dataclass(frozen=True, slots=True)
class Trial:
    """One training run: the chosen values by path, the seed, and the key of everything that determines its weights."""

    combination: str
    choices: tuple[tuple[str, Any], ...]
    seed: int
    key: str


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of a trial: its final metrics, or none if it failed."""

    trial: Trial
    metrics: dict[str, float]


def parse_axis(text: str) -> Axis:
    """ "loss=wgan,hinge" or "gradient_penalty.weight=1,10".

    Raises:
        InputError: no key or no values.
    """
    from espalier.stages.config.stage import StageConfig

    key, equals, rest = text.partition("=")
    values = tuple(v.strip() for v in re.split(r",(?![^\[{]*[\]}])", rest))
    if not key.strip() or not equals or not all(values):
        raise InputError(f"--over {text}: expected KEY=VALUE,VALUE, such as loss=wgan,hinge or packing=1,2")
    first = key.strip().split(".")[0]
    return Axis(key.strip() if first in StageConfig.model_fields else f"tricks.{key.strip()}", values)


def _value(text: str) -> Any:
    return None if text == OFF else read_plain(text.encode(), f"--over: the value {text!r}")


def trials(pipeline: str, stage: str, axes: list[Axis], seeds: int) -> tuple[list[Trial], dict[str, str]]:
    """Every valid combination with `seeds` seeds each; and the invalid ones, each with its reason.

    Raises:
        InputError: no such stage, or no combination is valid.
    """
    params = read_params()
    section = params.get(pipeline)
    if isinstance(section, dict) and "matrix" in section:
        raise InputError(f"{PARAMS}: {pipeline}: a matrix is already an ablation; run it with dvc repro")
    first = _config(params, pipeline, stage, {}).seed
    found, refused = [], {}
    for values in itertools.product(*(axis.values for axis in axes)):
        combination = " ".join(f"{axis.name}={value}" for axis, value in zip(axes, values, strict=True))
        choices = {axis.path: _value(value) for axis, value in zip(axes, values, strict=True)}
        try:
            for seed in range(first, first + seeds):
                config = _config(params, pipeline, stage, {**choices, "seed": seed})
                found.append(Trial(combination, tuple(choices.items()), seed, _key(config)))
        except InputError as error:
            refused[combination] = str(error)
    if not found:
        raise InputError("no combination is valid:\n" + "\n".join(f"{c}: {why}" for c, why in refused.items()))
    return found, refused


def _config(params: dict[str, Any], pipeline: str, stage: str, choices: dict[str, Any]) -> Any:
    from espalier.stages.config.load import stage_config

    changed = copy.deepcopy(params)
    for path, value in choices.items():
        place = changed[pipeline]["stages"][stage]
        *way, last = path.split(".")
        for key in way:
            if not isinstance(place.get(key), dict):
                place[key] = {}
            place = place[key]
        place[last] = value
    return stage_config(changed, pipeline, stage)


def _key(config: Any) -> str:
    """Digest of everything that determines the result of a training run, as far as known before its inputs exist."""
    from espalier.stages.artifacts.record import Input
    from espalier.stages.artifacts.work_key import work_key

    data, parent = (Input(path=str(path), digest=_made(path)) for path in (config.dataset, config.after))
    return f"{work_key(config, data, parent, None)}-{config.kimg:g}"


def _made(folder: Path) -> str:
    for name in ("manifest.json", "stage.json"):
        if (folder / name).is_file():
            return file_digest(folder / name)
    return "not made yet"


def overrides(params: dict[str, Any], pipeline: str, stage: str, trial: Trial) -> tuple[str, ...]:
    """The trial's choices as overrides of `dvc exp run -S`: a new key is prefixed with +."""
    said = []
    for path, value in (*trial.choices, ("seed", trial.seed)):
        place: Any = params[pipeline]["stages"][stage]
        for key in path.split("."):
            place = place[key] if isinstance(place, dict) and key in place else _MISSING
        said.append(f"{'+' if place is _MISSING else ''}{pipeline}.stages.{stage}.{path}={_hydra(value)}")
    return tuple(said)


_MISSING = object()


def _hydra(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_hydra(inner)}" for key, inner in value.items()) + "}"
    return "[" + ",".join(map(_hydra, value)) + "]" if isinstance(value, list) else str(value)


def run_all(pipeline: str, stage: str, wanted: list[Trial]) -> Iterator[Result]:
    """Run the missing trials in order and yield each result.

    Raises:
        InputError: a run cannot be started. KeyboardInterrupt: it was stopped by Ctrl-C, within a run or between two.
    """
    path, begun = table_path(pipeline, stage), time.monotonic()
    done = read_results(path, wanted)
    missing = [trial for trial in wanted if trial.key not in done]
    yield from (done[trial.key] for trial in wanted if trial.key in done)
    for ran, trial in enumerate(missing):
        left = f", about {(time.monotonic() - begun) / ran * (len(missing) - ran) / 60:.0f} min left" if ran else ""
        place = f"run {len(wanted) - len(missing) + ran + 1} of {len(wanted)}"
        print(f"\n{place}: {trial.combination} seed {trial.seed}{left}", flush=True)
        result = _run(pipeline, stage, trial)
        done[trial.key] = result
        write_results(path, list(done.values()))
        yield result


def _run(pipeline: str, stage: str, trial: Trial) -> Result:
    options = RunOptions(overrides=overrides(read_params(), pipeline, stage, trial))
    with planned(f"{pipeline}@{stage}", options) as plan:
        processes = Processes()
        code = repro(repro_command([node.name for node in plan.nodes]), processes)
        if processes.stopped_for is not None:
            raise KeyboardInterrupt
        if code:
            return Result(trial, {})
        plan.finish()
        return Result(trial, metrics_of(plan.nodes[-1]))


def table_path(pipeline: str, stage: str) -> Path:
    """The file with the runs of this stage."""
    return FOLDER / f"{pipeline}-{stage}.csv"


def read_results(path: Path, wanted: list[Trial]) -> dict[str, Result]:
    """The finished runs among `wanted`, by key; a failed run counts as missing."""
    if not path.is_file():
        return {}
    by_key = {trial.key: trial for trial in wanted}
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row.get("key") in by_key and row.get("outcome") == "finished"]
    return {row["key"]: Result(by_key[row["key"]], _metrics(row["metrics"])) for row in rows}


def _metrics(text: str) -> dict[str, float]:
    return {name: float(value) for name, value in (pair.split("=") for pair in text.split())}


def write_results(path: Path, results: list[Result]) -> None:
    """Write one row per run; keep existing rows from other ablations of the stage."""
    mine = {result.trial.key for result in results}
    others: list[list[str]] = []
    if path.is_file():
        with path.open(newline="", encoding="utf-8") as file:
            others = [row for row in list(csv.reader(file))[1:] if row and row[0] not in mine]
    rows = [
        [r.trial.key, r.trial.combination, str(r.trial.seed), "finished" if r.metrics else "failed",
         " ".join(f"{name}={value:g}" for name, value in r.metrics.items())]
        for r in results
    ]  # fmt: skip
    with whole_file(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([HEAD, *others, *rows])
