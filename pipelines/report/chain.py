"""The data behind `espalier report`: for each stage, its artifact, its history and its work folder."""

import csv
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from espalier.data.errors import InputError
from espalier.data.sealed import check_file, read_record
from espalier.pipelines.commands.status import State, states
from espalier.pipelines.run.dag import Node, read_dag, stages_of
from espalier.pipelines.run.results import metrics_of

TABLES = ("history.csv", "monitor.csv")
TONES = {
    "": "none",
    "healthy": "good",
    "converged": "good",
    "learning": "young",
    "plateau": "even",
    "oscillating": "uneasy",
    "collapsing": "uneasy",
}
"""Colour of each verdict. Unknown verdicts, as of a later version, count as bad, to be on the safe side."""


def tone_of(verdict: str) -> str:
    """A verdict's tone: "good", "young", "even", "uneasy" or "bad"; "none" if there is no verdict."""
    return TONES.get(verdict, "bad")


def state_tone(state: State) -> str:
    """The tone of a stage's state."""
    return {"up to date": "good", "missing": "none", "damaged": "bad"}.get(state.word, "even")


@dataclass(frozen=True, slots=True)
class Happening:
    """An event during training: the kimg of its stage, its kind, a description."""

    kimg: float
    kind: str
    words: str


@dataclass(frozen=True)
class StageFacts:
    """A stage of the chain. `record` is its stage.json, empty if nothing is published; `history` and `monitor` are rows of
    numbers by column (NaN for an empty cell), `verdicts` the verdicts of the monitor's rows, `seconds` its training time."""

    node: Node
    state: State
    record: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    monitor: list[dict[str, float]] = field(default_factory=list)
    verdicts: list[str] = field(default_factory=list)
    seconds: float | None = None

    @property
    def name(self) -> str:
        """Its name within its group, such as r8."""
        return self.node.name.partition("@")[2] or self.node.name

    @property
    def config(self) -> dict[str, Any]:
        """The configuration it was trained with."""
        found = self.record.get("config")
        return found if isinstance(found, dict) else {}

    @property
    def is_dataset(self) -> bool:
        """Whether it prepares a dataset."""
        return self.node.group == "dataset"

    @property
    def there(self) -> bool:
        """Whether it has published a readable artifact."""
        return bool(self.record) or (self.is_dataset and (self.node.artifact / "manifest.json").is_file())

    @property
    def plays(self) -> bool:
        """Whether it trained a generator and a discriminator."""
        return "tricks" in self.config

    @property
    def kimg(self) -> float:
        """Thousands of images it was trained on."""
        return float(self.record.get("images") or 0) / 1000

    @property
    def verdict(self) -> str:
        """The monitor's final verdict; empty if there is none."""
        return str(self.record.get("verdict") or "")

    @property
    def samples(self) -> Path | None:
        """Its final sample sheet, if there is one."""
        path = self.node.artifact / "samples.png"
        return path if path.is_file() else None

    def happenings(self) -> list[Happening]:
        """Its events in order: end of the fade-in, rollbacks with their remedies, early stopping, a kept earlier checkpoint."""
        found = [
            Happening(float(e.get("images") or 0) / 1000, str(e.get("kind") or "event"), str(e.get("words") or ""))
            for e in self.record.get("events") or ()
            if isinstance(e, dict)
        ]
        rollbacks = [h for h in found if h.kind == "rollback"]
        for number, remedy in enumerate(self.record.get("remedies") or ()):
            if number >= len(rollbacks):  # its rollback is not recorded, so its time is unknown
                found.append(Happening(self.kimg, "remedy", json.dumps(remedy)))
        end = fade_end(self.history)
        if end is not None:
            found.append(Happening(end, "fade end", "the new layers have faded in"))
        return sorted(found, key=lambda h: h.kimg)


@dataclass(frozen=True)
class Chain:
    """A pipeline: its stages and all their dependencies, in topological order."""

    pipeline: str
    stages: list[StageFacts]

    @property
    def own(self) -> list[StageFacts]:
        """The pipeline's own stages."""
        return [stage for stage in self.stages if stage.node.group == self.pipeline]

    @property
    def trained(self) -> list[StageFacts]:
        """Its own stages with trained networks."""
        return [stage for stage in self.own if stage.plays]


def read_chain(pipeline: str) -> Chain:
    """Read the data of a pipeline.

    Raises:
        InputError: there is no such pipeline, or no stage of it has been trained yet.
    """
    from espalier.stages.config.params import read_params, stage_names

    stage_names(read_params(), pipeline)  # reject stage names, which the DAG would accept
    dag = read_dag()
    ordered = stages_of(pipeline, known=dag.nodes)
    known = {state.name: state for state in states(dag)}
    chain = Chain(pipeline, [facts_of(node, known[node.name]) for node in ordered])
    if not any(stage.there for stage in chain.own):
        raise InputError(
            f"no stage of {pipeline} is trained yet, so there is nothing to report; train it first: espalier run {pipeline}"
        )
    return chain


def facts_of(node: Node, state: State) -> StageFacts:
    """Read the data of one stage. Missing or damaged parts are empty, and `state` says so."""
    record, wrong = _record(node.artifact / "stage.json")
    if wrong:
        state = State(node.name, "damaged", f"{wrong}; restore it with: dvc checkout {node.name}", state.metrics)
    monitor = _rows(node.artifact / "monitor.csv")
    return StageFacts(
        node,
        state,
        record,
        metrics_of(node),
        _numbers(_rows(node.artifact / "history.csv")),
        _numbers(monitor),
        [row.get("verdict") or "" for row in monitor],
        _seconds(node.name),
    )


def _record(file: Path) -> tuple[dict[str, Any], str]:
    """stage.json, or why it or a table beside it cannot be read."""
    if not file.is_file():
        return {}, ""
    try:
        found = read_record(file)
    except (OSError, ValueError) as error:
        return {}, f"{file} {error}"
    for table in TABLES:
        if (file.parent / table).is_file():
            try:
                check_file(file.parent, table, found.get("digests", {}))
            except (OSError, ValueError) as error:
                return {}, f"{file.parent / table} {error}"
    return found, ""


def _rows(file: Path) -> list[dict[str, str]]:
    """The complete rows of a CSV file; empty if there is no such file."""
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            return [row for row in csv.DictReader(lines) if None not in row and None not in row.values()]
    except (OSError, ValueError, csv.Error):
        return []


def _numbers(rows: list[dict[str, str]]) -> list[dict[str, float]]:
    """Convert cells to numbers, NaN if not a number; skip rows without kimg."""
    found = [{name: number(cell) for name, cell in row.items() if name != "verdict"} for row in rows]
    return [row for row in found if math.isfinite(row.get("kimg", math.nan))]


def number(text: Any) -> float:
    """Convert to a number; NaN if it is not one."""
    try:
        return float(text)
    except (TypeError, ValueError):
        return math.nan


def fade_end(history: list[dict[str, float]]) -> float | None:
    """The kimg of the first row after the fade-in; None if there was no fade-in."""
    faded = [row["kimg"] for row in history if row.get("alpha", 1.0) < 1.0]
    after = [row["kimg"] for row in history if faded and row["kimg"] > faded[-1]]
    return after[0] if after else None


def _seconds(name: str) -> float | None:
    """Wall time of the latest training of a stage; None if its work folder has been removed."""
    from espalier.stages.artifacts.workfolder import seconds_of, work_root

    files = sorted((work_root() / name).glob("*/seconds.json"), key=lambda file: file.stat().st_mtime)
    return seconds_of(files[-1].parent) or None if files else None
