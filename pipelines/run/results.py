"""The final figures of a published stage."""

import json

from espalier.pipelines.run.dag import Node

FIGURES = ("kimg", "loss_d", "loss_g", "diversity")
"""Those that are shown where there is no room for all."""


def verdict_of(node: Node) -> tuple[str, list[str]]:
    """What the monitor said of a published stage at its end, word and evidence, and what happened to it; empty where nothing."""
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


def figures_of(node: Node) -> dict[str, float]:
    """All final figures of a published stage; of a dataset, what its manifest counts. Empty if there are none."""
    for file, wanted in (("metrics.json", None), ("manifest.json", ("count", "channels"))):
        try:
            found = json.loads((node.artifact / file).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        return {k: v for k, v in found.items() if wanted is None or k in wanted}
    return {}
