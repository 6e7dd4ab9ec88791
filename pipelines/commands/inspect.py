"""Describe an artifact and its lineage, down to the dataset."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from espalier.data.errors import InputError
from espalier.data.frames import sides

MOST_CLASSES = 20
"""Classes that are listed."""

if TYPE_CHECKING:
    from espalier.stages.artifacts.record import Record


def describe(path: Path) -> Iterator[str]:
    """Lines with an artifact's or checkpoint's configuration, lineage and versions, or what a prepared dataset holds.

    Raises:
        InputError: there is no readable artifact, checkpoint or dataset at this path.
    """
    if (path / "manifest.json").is_file():
        yield from _of_dataset(path)
        return
    from espalier.stages.artifacts.artifact import load_artifact
    from espalier.stages.artifacts.checkpoint import read_checkpoint

    record = read_checkpoint(path).record if path.is_file() else load_artifact(path).record
    config = record.config
    yield f"{path}: {config['pipeline']}@{config['stage']}, {record.outcome}"
    yield f"  trained   {record.step} steps, {record.images / 1000:g} kimg at {_size(config['resolution'], record.shape)}"
    if record.verdict:
        yield f"  verdict   {record.verdict}: {record.evidence}"
    for event in record.events:
        yield f"  {event.kind:9} at {event.images / 1000:g} kimg: {event.words}"
    yield f"  code      {record.code[:16]}   " + "  ".join(f"{k} {v}" for k, v in record.versions.items())
    yield f"  seed {config['seed']}, batch {config['batch_size']}, network {_options(config['network'])}"
    yield f"  adam {_options(config['adam'])}"
    for name, options in config["tricks"].items():
        yield f"  trick {name}: {_options(options)}"
    if record.start is not None:
        yield f"resumed from {record.start.path}   {record.start.digest[:16]}"
    yield "came from"
    yield from _ancestors(record)


def _of_dataset(path: Path) -> Iterator[str]:
    from espalier.data.store import Store

    store = Store(path)
    manifest, labels = store.manifest, store.labels()
    yield f"{path}: {manifest.count} {'points' if store.holds_points else 'images'}, {manifest.channels} channels"
    if not store.holds_points:
        sizes = ", ".join("x".join(map(str, sides(side, store.shape))) for side in manifest.resolutions)
        how = "each whole image, padded" if manifest.source.get("fit") == "pad" else "the middle of each image"
        yield f"  sizes     {sizes} (height x width): {how}, resized"
    yield f"  source    {_options({key: value for key, value in manifest.source.items() if value is not None})}"
    for number, name in enumerate(manifest.classes[:MOST_CLASSES]):
        yield f"  class     {name}: {int((labels == number).sum())}"
    if len(manifest.classes) > MOST_CLASSES:
        yield f"  ... and {len(manifest.classes) - MOST_CLASSES} more classes"
    yield f"  damaged   {len(manifest.damaged)} left out" + (
        f": {', '.join(manifest.damaged[:5])}" if manifest.damaged else ""
    )
    yield f"  digest    {store.digest[:16]}"
    yield f"to see some as training does: espalier sample {path}"


def _size(resolution: int | None, shape: tuple[int, int]) -> str:
    return "points" if resolution is None else "x".join(map(str, sides(resolution, shape)))


def _options(options: dict[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in options.items()) or "no options"


def _ancestors(record: "Record") -> Iterator[str]:
    from espalier.stages.artifacts.artifact import load_artifact

    dataset = f"  dataset {record.dataset.path}   {record.dataset.digest[:16]}"
    if record.parent is None:
        yield dataset
        return
    parent = Path(record.parent.path)
    try:
        there = load_artifact(parent)
    except InputError:
        yield f"  parent  {parent}   {record.parent.digest[:16]}   (no longer there)"
        yield dataset
        return
    note = "" if there.digest == record.parent.digest else "   (has been retrained since)"
    yield f"  parent  {parent}   {record.parent.digest[:16]}{note}"
    yield from _ancestors(there.record)
