"""The final metrics of a published stage."""

import json

from espalier.pipelines.run.dag import Node

METRICS = ("kimg", "loss_d", "loss_g", "diversity")
"""Metrics to show where space is limited."""


def verdict_of(node: Node) -> tuple[str, list[str]]:
    """The monitor's final verdict on a published stage, with its evidence, and the stage's events; empty if none."""
    try:
        found = json.loads((node.artifact / "stage.json").read_text(encoding="utf-8"))
        said = ": ".join(part for part in (found.get("verdict"), found.get("evidence")) if part)
        events = [
            f"{event['kind']} at {event['images'] / 1000:.4g} kimg: {event['words']}"
            for event in found.get("events", ())
        ]
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return "", []
    return said, events


def metrics_of(node: Node) -> dict[str, float]:
    """All final metrics of a published stage; for a dataset, the counts in its manifest. Empty if there are none."""
    for file, wanted in (("metrics.json", None), ("manifest.json", ("count", "channels"))):
        try:
            found = json.loads((node.artifact / file).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        return {k: v for k, v in found.items() if wanted is None or k in wanted}
    return {}
