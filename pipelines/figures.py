"""The final figures of a published stage."""

import json

from pipelines.dag import Node

FIGURES = ("kimg", "loss_d", "loss_g", "diversity")
"""Those that are shown where there is no room for all."""


def figures_of(node: Node) -> dict[str, float]:
    """All final figures of a published stage; of a dataset, what its manifest counts. Empty if there are none."""
    for file, wanted in (("metrics.json", None), ("manifest.json", ("count", "channels"))):
        try:
            found = json.loads((node.artifact / file).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        return {k: v for k, v in found.items() if wanted is None or k in wanted}
    return {}
