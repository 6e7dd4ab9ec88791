"""Publish a finished stage: its artifact, written atomically, determined only by (params, data, code)."""

from pathlib import Path
from typing import Any

from espalier.data.files import whole_folder, write_json
from espalier.stages.artifacts.artifact import write_artifact, write_examples
from espalier.stages.artifacts.history import History
from espalier.stages.contracts.component import Metrics
from espalier.stages.contracts.published import finite
from espalier.stages.contracts.publishing import before_publishing, started_with
from espalier.stages.loop.curves import draw_curves
from espalier.stages.loop.own_component import OWN_FILES
from espalier.stages.loop.resume import Components
from espalier.stages.loop.trainer import Trainer


def publish(
    run: Trainer, components: Components, artifact: Path, until: int, changes: dict[str, Any] | None = None
) -> Metrics:
    """Write the artifact, replacing an older one. Returns its final metrics.

    `run` is in the state to publish, `until` is the last trained step; `changes` update the record if the two differ.
    """
    run.game.before_step(run.context())
    metrics: Metrics = {"step": run.step, "kimg": run.images / 1000}
    with whole_folder(artifact) as folder:
        (folder / OWN_FILES).mkdir()
        for component in components:
            metrics |= component.publish(run, folder, until)
        metrics = finite(metrics, run.config.name)
        write_json(folder / OWN_FILES / "index.json", sorted(path.name for path in (folder / OWN_FILES).iterdir()))
        record = run.record("finished").model_copy(update={"section": started_with(), **run.about, **(changes or {})})
        write_json(folder / "metrics.json", metrics)
        own = run.config.conditioning is not None
        write_examples(folder, run.batches.conditioning.examples(run.batches.kind.shown), own)
        rows, probes = (History(folder / name).rows for name in ("history.csv", "monitor.csv"))
        draw_curves(rows, folder / "curves.png", run.config.name, probes, record.events)
        write_artifact(folder, record, run.networks)
        before_publishing()
    return metrics
