"""The state of every stage: DVC says what is up to date, the work folders what is half-way."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espalier.data.errors import InputError
from espalier.data.files import file_digest
from espalier.data.sealed import read_record
from espalier.pipelines.run.dag import CODE_STAGE, Dag, Node, read_dag, with_needs
from espalier.pipelines.run.results import METRICS, metrics_of, verdict_of
from espalier.stages.artifacts.history import History
from espalier.stages.artifacts.workfolder import FAILED, SECTION, checkpoints_in, holder, work_root
from espalier.stages.config.params import PARAMS, read_params
from espalier.stages.config.started import differences, section_of
from espalier.stages.contracts.known import SECTIONS


@dataclass(frozen=True, slots=True)
class State:
    """A stage's state as one word, its details, its final metrics if published, and the monitor's verdict."""

    name: str
    word: str
    detail: str
    metrics: dict[str, float]
    verdict: str = ""


def states(dag: Dag | None = None) -> list[State]:
    """The state of every stage of the DAG, in order.

    Words: "up to date", "stale", "half-way", "training", "missing", and "unreadable" if DVC cannot read its data.
    """
    dag, params = dag or read_dag(), read_params()
    return [_state(node, dag, params) for node in dag.nodes]


def _state(node: Node, dag: Dag, params: dict[str, Any]) -> State:
    metrics, verdict = metrics_of(node), verdict_of(node)[0].partition(":")[0]
    there = node.artifact.is_dir()
    if node.name in dag.unreadable:
        return State(node.name, "unreadable", dag.unreadable[node.name], metrics, verdict)
    if node.name not in dag.stale:
        edited = _edited(node, params)
        return State(node.name, "stale" if edited else "up to date", edited, metrics, verdict)
    word, detail = _work(node, params)
    if word:
        return State(node.name, word, detail, metrics)
    if not there:
        return State(node.name, "missing", "", {})
    reasons = dag.stale[node.name]
    return State(
        node.name, "stale", "dvc is running it" if reasons is None else "; ".join(reasons[:3]), metrics, verdict
    )


def _edited(node: Node, params: dict[str, Any]) -> str:
    """In what params.yaml differs from what a published stage was started with, though DVC takes it for unchanged."""
    trained = _trained(node.artifact / "stage.json").get("section")
    now = _section(node, params) if trained else None
    keys = [] if now is None else differences(trained, now)
    again = f"run it again: dvc repro -f {node.name}"
    return f"made with another {', '.join(keys[:3])} than {PARAMS} has; {again}" if keys else ""


def _work(node: Node, params: dict[str, Any]) -> tuple[str, str]:
    """The state that the work folder of the current configuration shows: training, half-way, or nothing."""
    section = _section(node, params)
    for file in sorted((work_root() / node.name).glob(f"*/{SECTION}"), key=lambda f: -f.stat().st_mtime):
        found = _read(file)
        same = section is not None and found.get("section") == section
        if same and all(_digest(Path(path)) == digest for path, digest in found.get("inputs", {}).items()):
            return _progress(file.parent, int(found["steps"]), float(found["kimg"]))
    return "", ""


def _section(node: Node, params: dict[str, Any]) -> dict[str, Any] | None:
    """What params.yaml says of a stage, as JSON would give it back; None if it says nothing."""
    pipeline, _, stage = node.name.partition("@")
    try:
        found: dict[str, Any] = json.loads(json.dumps(section_of(params, pipeline, stage)))
    except (InputError, TypeError, ValueError):
        return None
    return found


def _progress(folder: Path, steps: int, kimg: float) -> tuple[str, str]:
    step = max((step for step, _ in checkpoints_in(folder)), default=0)
    words = f"step {step} of {steps} ({min(step / steps, 1.0):.0%} of {kimg:g} kimg)"
    failed, probes = folder / FAILED, History(folder / "monitor.csv").rows
    if failed.is_file():
        words += f", failed: {failed.read_text(encoding='utf-8').strip()}"
    elif probes and probes[-1].get("verdict"):
        words += f", {probes[-1]['verdict']}"
    process = holder(folder / "lock")
    if process is not None:
        return "training", f"{words}, process {process}"
    return ("half-way", words) if 0 < step < steps else ("", "")


def _trained(file: Path) -> dict[str, Any]:
    try:
        return read_record(file)
    except (OSError, ValueError):
        return {}


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _digest(path: Path) -> str:
    return file_digest(path) if path.is_file() else ""


def in_use(found: list[State], dag: Dag) -> tuple[list[State], list[str]]:
    """The states of pipelines of which something was made, with all they need, and the stages of the others.

    If no pipeline was begun yet, all are in use.
    """
    made = {state.name for state in found if state.word != "missing" and state.name != CODE_STAGE}
    groups = {name.partition("@")[0] for name in made} - set(SECTIONS)
    begun = [node.name for node in dag.nodes if not groups or node.name in made or node.group in groups]
    used = {node.name for node in with_needs(begun, dag.nodes)}
    return [state for state in found if state.name in used], [state.name for state in found if state.name not in used]


def as_table(found: list[State]) -> Any:
    """A rich table of the states."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for column in ("stage", "state", "verdict", *METRICS):
        table.add_column(column, justify="right" if column in METRICS else "left")
    colours = {
        "up to date": "green",
        "half-way": "yellow",
        "training": "cyan",
        "stale": "yellow",
        "missing": "dim",
        "unreadable": "red",
    }
    for state in found:
        words = Text.assemble(
            (state.word, colours.get(state.word, "white")), f"  {state.detail}" if state.detail else ""
        )
        shown = (f"{state.metrics[n]:.4g}" if n in state.metrics else "" for n in METRICS)
        table.add_row(state.name, words, state.verdict, *shown)
    return table


def console() -> Any:
    """A rich console, which takes no text for markup. If the output is no terminal, a wide one, so that nothing is cut."""
    from rich.console import Console

    found = Console(markup=False, emoji=False, highlight=False)
    return found if found.is_terminal else Console(width=160, markup=False, emoji=False, highlight=False)
