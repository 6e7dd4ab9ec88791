"""The final metrics of a published stage."""

import json

from espalier.data.sealed import check_file, read_record
from espalier.pipelines.run.dag import Node

METRICS = ("kimg", "loss_d", "loss_g", "diversity")
"""Metrics to show where space is limited."""


def verdict_of(node: Node) -> tuple[str, list[str]]:
    """The monitor's final verdict on a published stage, with its evidence, and the stage's events; empty if none."""
    try:
        found = read_record(node.artifact / "stage.json")
        said = ": ".join(part for part in (found.get("verdict"), found.get("evidence")) if part)
        events = [
            f"{event['kind']} at {event['images'] / 1000:.4g} kimg: {event['words']}"
            for event in found.get("events", ())
        ]
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return "", []
    return said, events


def metrics_of(node: Node) -> dict[str, float]:
    """All final metrics of a published stage; for a dataset, the counts in its manifest. Empty if there are none, or if they
    are damaged."""
    folder = node.artifact
    try:
        if (folder / "manifest.json").is_file():
            manifest = read_record(folder / "manifest.json")
            return {name: manifest[name] for name in ("count", "channels")}
        digests = read_record(folder / "stage.json")["digests"]
        found: dict[str, float] = json.loads(check_file(folder, "metrics.json", digests).read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError):
        return {}
    return found
