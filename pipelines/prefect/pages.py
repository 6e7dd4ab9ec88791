"""Markdown reports of finished stages and runs, with embedded images."""

import base64
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espalier.pipelines.run.dag import Node
from espalier.pipelines.run.results import METRICS, metrics_of, verdict_of

IMAGE_WIDTH = 640
CURVES_WIDTH = 1200


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a stage ended: its state ("Completed", "Cached", "Failed", "Unfinished", ...), the reason, the wall time."""

    word: str
    detail: str = ""
    seconds: float = 0.0


def key_of(name: str) -> str:
    """The artifact key of a stage or a target: lower-case letters, numbers and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def stage_page(node: Node, seconds: float | None) -> str:
    """The page of a stage that ran for `seconds` (None: it was up to date): verdict, metrics, samples, curves and inputs."""
    from espalier.stages.process.progress import clock

    said, events = verdict_of(node)
    how = "**Unchanged**: an earlier run made it." if seconds is None else f"**Completed** in {clock(seconds)}."
    lines = [f"# {node.name}", "", how, "", *([said, ""] if said else [])]
    lines += [*(f"- {event}" for event in events), ""] if events else []
    if node.needs:
        lines += ["Made from " + ", ".join(f"[{name}](/artifacts/key/{key_of(name)})" for name in node.needs) + ".", ""]
    lines += [*_table(["metric", "value"], [[k, _number(v)] for k, v in metrics_of(node).items()]), ""]
    lines += _image(node.artifact / "samples.png", "samples, from the same latents in every run", IMAGE_WIDTH)
    lines += _image(node.artifact / "curves.png", "curves over thousands of images", CURVES_WIDTH)
    return "\n".join(lines)


def run_page(title: str, nodes: Sequence[Node], outcomes: dict[str, Outcome], verdict: str) -> str:
    """The page of a whole run: every stage with its time and metrics, and the last available samples."""
    from espalier.stages.process.progress import clock

    metrics_by_stage = {node.name: metrics_of(node) for node in nodes}
    names = [name for name in METRICS if any(name in metrics for metrics in metrics_by_stage.values())]
    rows = []
    for node in nodes:
        outcome, metrics = outcomes.get(node.name, Outcome("Not run")), metrics_by_stage[node.name]
        time = clock(outcome.seconds) if outcome.seconds else ""
        values = [_number(metrics[name]) if name in metrics else "" for name in names]
        rows.append([f"[{node.name}](/artifacts/key/{key_of(node.name)})", outcome.word, time, *values])
    lines = [f"# {title}", "", verdict, "", *_table(["stage", "outcome", "time", *names], rows), ""]
    with_samples = [node for node in nodes if (node.artifact / "samples.png").is_file()]
    if with_samples:
        lines += _image(with_samples[-1].artifact / "samples.png", with_samples[-1].name, IMAGE_WIDTH)
    return "\n".join(lines)


def metric_rows(node: Node) -> list[dict[str, Any]]:
    """The table artifact of a stage."""
    return [{"metric": name, "value": value} for name, value in metrics_of(node).items()]


def image_markdown(path: Path, title: str) -> str:
    """An image embedded in the page, with its title; empty if there is none."""
    return "\n".join(_image(path, title, IMAGE_WIDTH))


def _image(path: Path, title: str, width: int) -> list[str]:
    if not path.is_file():
        return []
    return [f"## {title}", "", f'<img src="{_data_uri(path, width)}" width="{width}">', ""]


def _data_uri(path: Path, width: int) -> str:
    """The image as a data URI, downscaled if it is wider than twice the displayed width."""
    from PIL import Image

    with Image.open(path) as image:
        if image.width <= 2 * width:
            data = path.read_bytes()
        else:
            height = round(image.height * 2 * width / image.width)
            file = io.BytesIO()
            image.convert("RGB").resize((2 * width, height), Image.Resampling.LANCZOS).save(file, format="PNG")
            data = file.getvalue()
    return "data:image/png;base64," + base64.b64encode(data).decode("ascii")


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    return [line(head), line(["---"] * len(head)), *(line(row) for row in rows)] if rows else []


def _number(value: float) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
