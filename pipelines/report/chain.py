"""What `espalier report` knows of a chain: for each stage what its artifact, its history and its work folder say."""

import csv
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from espalier.data.errors import InputError
from espalier.pipelines.commands.status import State, states
from espalier.pipelines.run.dag import Node, stages_of
from espalier.pipelines.run.results import figures_of

TONES = {
    "": "none",
    "healthy": "good",
    "converged": "good",
    "learning": "young",
    "plateau": "even",
    "oscillating": "uneasy",
    "collapsing": "uneasy",
}
"""How a verdict is coloured. One that is not named here is bad: what a later version says is rather looked at once too often."""


def tone_of(verdict: str) -> str:
    """A verdict's tone: "good", "young", "even", "uneasy" or "bad"; "none" where there is no verdict."""
    return TONES.get(verdict, "bad")


def state_tone(state: State) -> str:
    """The tone of how a stage stands."""
    return {"up to date": "good", "missing": "none", "damaged": "bad"}.get(state.word, "even")


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened in a training: after so many kimg of its stage, of which kind, in words."""

    kimg: float
    kind: str
    words: str


@dataclass(frozen=True)
class StageFacts:
    """A stage of the chain. `record` is its stage.json, empty where nothing is published; `history` and `monitor` are rows of
    numbers by column (NaN where a cell says nothing), `verdicts` the words of monitor's rows, `seconds` its training time."""

    node: Node
    state: State
    record: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)
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
        """What it was trained with."""
        found = self.record.get("config")
        return found if isinstance(found, dict) else {}

    @property
    def is_dataset(self) -> bool:
        """Whether it prepares data."""
        return self.node.group == "dataset"

    @property
    def there(self) -> bool:
        """Whether it has published something that can be read."""
        return bool(self.record) or (self.is_dataset and (self.node.artifact / "manifest.json").is_file())

    @property
    def plays(self) -> bool:
        """Whether a generator and a discriminator were trained in it."""
        return "tricks" in self.config

    @property
    def kimg(self) -> float:
        """Thousands of images it was trained on."""
        return float(self.record.get("images") or 0) / 1000

    @property
    def verdict(self) -> str:
        """The monitor's last word, empty if there is none."""
        return str(self.record.get("verdict") or "")

    @property
    def samples(self) -> Path | None:
        """Its final picture, if there is one."""
        path = self.node.artifact / "samples.png"
        return path if path.is_file() else None

    def happenings(self) -> list[Happening]:
        """Its events in order: the end of a fade, rollbacks with their remedies, an early stop, what is kept instead."""
        found = [
            Happening(float(e.get("images") or 0) / 1000, str(e.get("kind") or "event"), str(e.get("words") or ""))
            for e in self.record.get("events") or ()
            if isinstance(e, dict)
        ]
        told = [h for h in found if h.kind == "rollback"]
        for number, remedy in enumerate(self.record.get("remedies") or ()):
            if number >= len(told):  # one whose rollback is not told: known, but not when
                found.append(Happening(self.kimg, "remedy", json.dumps(remedy)))
        end = fade_end(self.history)
        if end is not None:
            found.append(Happening(end, "fade end", "the new layers have faded in"))
        return sorted(found, key=lambda h: h.kimg)


@dataclass(frozen=True)
class Chain:
    """A pipeline: its stages with all they need, each after those it needs."""

    pipeline: str
    stages: list[StageFacts]

    @property
    def own(self) -> list[StageFacts]:
        """The pipeline's own stages."""
        return [stage for stage in self.stages if stage.node.group == self.pipeline]

    @property
    def trained(self) -> list[StageFacts]:
        """Those whose networks are there."""
        return [stage for stage in self.own if stage.plays]


def read_chain(pipeline: str) -> Chain:
    """All that is known of a pipeline.

    Raises:
        InputError: there is no such pipeline, or nothing of it has been trained yet.
    """
    from espalier.stages.config.params import read_params, stage_names

    stage_names(read_params(), pipeline)  # a stage is no pipeline, though the DAG would know it
    ordered = stages_of(pipeline)
    known = {state.name: state for state in states()}
    chain = Chain(pipeline, [facts_of(node, known[node.name]) for node in ordered])
    if not any(stage.there for stage in chain.own):
        raise InputError(
            f"nothing of {pipeline} is trained yet, so there is nothing to report; train it first: espalier run {pipeline}"
        )
    return chain


def facts_of(node: Node, state: State) -> StageFacts:
    """All that is known of one stage; what is missing or damaged is left empty, and `state` says so."""
    record, wrong = _record(node.artifact / "stage.json")
    if wrong:
        state = State(node.name, "damaged", f"{wrong}; bring it back with: dvc checkout {node.name}", state.figures)
    monitor = _rows(node.artifact / "monitor.csv")
    return StageFacts(
        node,
        state,
        record,
        figures_of(node),
        _numbers(_rows(node.artifact / "history.csv")),
        _numbers(monitor),
        [row.get("verdict") or "" for row in monitor],
        _seconds(node.name),
    )


def _record(file: Path) -> tuple[dict[str, Any], str]:
    """stage.json, or why it cannot be read."""
    if not file.is_file():
        return {}, ""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}, f"{file} cannot be read"
    return (found, "") if isinstance(found, dict) else ({}, f"{file} is no record of a stage")


def _rows(file: Path) -> list[dict[str, str]]:
    """The rows of a CSV file that have all their cells; none where there is no such file."""
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            return [row for row in csv.DictReader(lines) if None not in row and None not in row.values()]
    except (OSError, ValueError, csv.Error):
        return []


def _numbers(rows: list[dict[str, str]]) -> list[dict[str, float]]:
    """Cells as numbers, NaN where they are none; rows that do not say when they were are left out."""
    found = [{name: number(cell) for name, cell in row.items() if name != "verdict"} for row in rows]
    return [row for row in found if math.isfinite(row.get("kimg", math.nan))]


def number(text: Any) -> float:
    """A number, or NaN where this is none."""
    try:
        return float(text)
    except (TypeError, ValueError):
        return math.nan


def fade_end(history: list[dict[str, float]]) -> float | None:
    """The kimg of the first row after a fade; None where nothing faded."""
    faded = [row["kimg"] for row in history if row.get("alpha", 1.0) < 1.0]
    after = [row["kimg"] for row in history if faded and row["kimg"] > faded[-1]]
    return after[0] if after else None


def _seconds(name: str) -> float | None:
    """How long the newest training of a stage took; None where its work folder has been cleaned away."""
    from espalier.stages.artifacts.workfolder import seconds_of, work_root

    files = sorted((work_root() / name).glob("*/seconds.json"), key=lambda file: file.stat().st_mtime)
    return seconds_of(files[-1].parent) or None if files else None
