"""Where every stage stands: by DVC's word what is up to date, by the work folders what is half-way."""

from dataclasses import dataclass
from typing import Any

from espalier.data.errors import InputError
from espalier.pipelines.run.dag import Node, changed, nodes
from espalier.pipelines.run.results import FIGURES, figures_of, verdict_of
from espalier.stages.artifacts.workfolder import work_root


@dataclass(frozen=True, slots=True)
class State:
    """A stage's state in a word, the rest of the sentence, its final figures, if published, and the monitor's verdict."""

    name: str
    word: str
    detail: str
    figures: dict[str, float]
    verdict: str = ""


def states() -> list[State]:
    """The state of every stage of the DAG, in order.

    Words: "up to date", "stale", "half-way", "training", "missing".
    """
    stale = changed()
    return [_state(node, stale) for node in nodes()]


def _state(node: Node, stale: dict[str, list[str] | None]) -> State:
    figures, verdict = figures_of(node), verdict_of(node)[0].partition(":")[0]
    there = node.artifact.is_dir()
    if node.name not in stale:
        return State(node.name, "up to date", "", figures, verdict)
    word, detail = _work(node)
    if word:
        return State(node.name, word, detail, figures)
    if not there:
        return State(node.name, "missing", "", {})
    reasons = stale[node.name]
    return State(
        node.name, "stale", "dvc is at work on it" if reasons is None else "; ".join(reasons[:3]), figures, verdict
    )


def _work(node: Node) -> tuple[str, str]:
    """What the work folder of the stage as it is configured now says: in training, half-way, or nothing."""
    if "@" not in node.name or not (work_root() / node.name).is_dir():
        return "", ""  # before torch is imported, which takes seconds
    from espalier.stages.config.load import stage_config
    from espalier.stages.config.params import read_params
    from espalier.stages.loop.position import read_position

    try:
        config = stage_config(read_params(), *node.name.split("@", 1))
        position = read_position(config)
    except InputError:
        return "", ""
    words = f"step {position.step} of {position.steps} ({position.share:.0%} of {config.kimg:g} kimg)"
    words += f", {position.verdict}" if position.verdict else ""
    if position.process is not None:
        return "training", f"{words}, process {position.process}"
    return ("half-way", words) if 0 < position.step < position.steps else ("", "")


def as_table(found: list[State]) -> Any:
    """A rich table of the states."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("stage", "state", "verdict", *FIGURES):
        table.add_column(column, justify="right" if column in FIGURES else "left")
    colours = {"up to date": "green", "half-way": "yellow", "training": "cyan", "stale": "yellow", "missing": "dim"}
    for state in found:
        words = f"[{colours.get(state.word, 'white')}]{state.word}[/]" + (f"  {state.detail}" if state.detail else "")
        shown = (f"{state.figures[n]:.4g}" if n in state.figures else "" for n in FIGURES)
        table.add_row(state.name, words, state.verdict, *shown)
    return table


def console() -> Any:
    """A rich console. Away from a terminal nothing may be cut to its width."""
    from rich.console import Console

    found = Console()
    return found if found.is_terminal else Console(width=160)
