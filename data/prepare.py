"""Prepare a dataset once: decode, crop and halve every image down to 4x4 on all cores, or draw points."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing import active_children, get_context, resource_tracker
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from espalier.data.errors import InputError
from espalier.data.files import whole_folder
from espalier.data.frames import SQUARE, sides
from espalier.data.sealed import digests_in, write_record
from espalier.data.sources.points import PointSource
from espalier.data.sources.source import DamagedImage, Example, Listing, Source
from espalier.data.store import CODES, FORMAT, POINTS, RECORDS, Manifest, Modes

CHUNK = 64
Progress = Callable[[int, int], None]
"""Called with (done, total), counted in images or points."""


def resolutions_of(resolution: int) -> list[int]:
    """The resolution and every halving down to 4."""
    return [resolution >> k for k in range(resolution.bit_length() - 2)]


def halve_mean(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average each 2x2 square: (H, W, channels) -> (H/2, W/2, channels), in float."""
    height, width, channels = images.shape
    means: NDArray[np.float32] = images.reshape(height // 2, 2, width // 2, 2, channels).mean(
        axis=(1, 3), dtype=np.float32
    )
    return means


@dataclass
class Chunk:
    """A worker's report on the images start..stop it has written."""

    start: int
    stop: int
    labels: list[int] = field(default_factory=list)
    records: list[dict[str, Any] | None] = field(default_factory=list)
    damaged: dict[int, str] = field(default_factory=dict)
    enlarged: int = 0
    coloured: bool = False


class Worker:
    """Writes images into the arrays in the folder; one worker per process."""

    def __init__(self, source: Source, listing: Listing, folder: Path) -> None:
        self.source, self.listing = source, listing
        self.images = {
            r: np.load(folder / f"images-{r}.npy", mmap_mode="r+") for r in resolutions_of(source.resolution)
        }
        maps = folder / f"maps-{source.resolution}.npy"
        self.maps = np.load(maps, mmap_mode="r+") if listing.has_maps else None
        self.codes = np.load(folder / CODES, mmap_mode="r+") if listing.code_width else None

    def __call__(self, start: int, stop: int) -> Chunk:
        chunk = Chunk(start, stop)
        for index in range(start, stop):
            try:
                example = self.source.example(self.listing, index)
            except DamagedImage as error:
                chunk.damaged[index] = str(error)
                chunk.labels.append(-1)
                chunk.records.append(None)
            else:
                self._write(index, example)
                chunk.labels.append(example.label)
                chunk.records.append(example.record)
                chunk.enlarged += example.enlarged
                chunk.coloured = chunk.coloured or example.coloured
        return chunk

    def _write(self, index: int, example: Example) -> None:
        exact = example.image.astype(np.float32)
        for resolution, array in self.images.items():
            array[index] = np.rint(exact)
            if resolution > 4:
                exact = halve_mean(exact)
        if self.maps is not None:
            self.maps[index] = example.map
        if self.codes is not None:
            self.codes[index] = example.code


_worker: Worker | None = None


def _start_worker(source: Source, listing: Listing, folder: Path, parent: int) -> None:
    global _worker
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _worker = Worker(source, listing, folder)


def _end_with(parent: int) -> None:
    """End this process when its parent is gone, however that ended."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _work(span: tuple[int, int]) -> Chunk:
    assert _worker is not None
    return _worker(*span)


def prepare(
    source: Source | PointSource,
    out: Path,
    progress: Progress,
    workers: int | None = None,
    before_publishing: Callable[[], None] = lambda: None,
) -> list[str]:
    """Prepare `source` into a store at `out`. An existing store is replaced only once the new one is complete.

    The result does not depend on the number of workers (default: one per core that this process may use; points are drawn by
    one). Returns messages for the user: what was skipped, which files were damaged. `before_publishing` is called when all is
    written; if it raises, nothing is replaced.

    Raises:
        InputError: there are no images, or more damaged ones than the source tolerates.
        OSError: the disk is full; `out` is unchanged.
    """
    if isinstance(source, PointSource):
        with whole_folder(out) as folder:
            _draw_points(source, folder)
            before_publishing()
        progress(source.count, source.count)
        return []
    with whole_folder(out) as folder:
        notes = _prepare_images(source, folder, progress, workers or cores())
        before_publishing()
    return notes


def _draw_points(source: PointSource, folder: Path) -> None:
    drawn = source.draw()
    np.save(folder / POINTS, drawn.points)
    np.save(folder / "labels.npy", drawn.labels)
    manifest = Manifest(
        format=FORMAT,
        count=source.count,
        channels=drawn.points.shape[1],
        resolutions=[],
        classes=[str(mode) for mode in range(len(drawn.centres))],
        source=source.model_dump(mode="json"),
        damaged=[],
        digests=digests_in(folder),
        modes=None if drawn.std is None else Modes(centres=drawn.centres.tolist(), std=drawn.std),
    )
    _write_manifest(folder, manifest)


def _prepare_images(source: Source, folder: Path, progress: Progress, workers: int) -> list[str]:
    listing = source.listing()
    _create_arrays(folder, source, listing)
    chunks = _run(source, listing, folder, progress, workers)
    if listing.assumed and any(chunk.coloured for chunk in chunks):
        listing = replace(listing, channels=3)
        _create_arrays(folder, source, listing)
        chunks = _run(source, listing, folder, progress, workers)
    damaged = {listing.names[i]: why for chunk in chunks for i, why in chunk.damaged.items()}
    _refuse_if_too_many(damaged, len(listing.names), source)
    keep = [i for chunk in chunks for i in range(chunk.start, chunk.stop) if i not in chunk.damaged]
    if damaged:
        _compact(folder, keep)
    labels = np.array([label for chunk in chunks for label in chunk.labels], dtype=np.int64)[keep]
    classes, labels, lost = _without_lost_classes(listing.classes, labels) if damaged else (listing.classes, labels, [])
    np.save(folder / "labels.npy", labels)
    records = [record for chunk in chunks for record in chunk.records]
    _write_records(folder, [records[i] for i in keep])
    _write_manifest(folder, _manifest(folder, source, replace(listing, classes=classes), len(keep), damaged))
    notes = [*listing.notes, *_of_size(sum(chunk.enlarged for chunk in chunks), len(keep), source.resolution)]
    return notes + ([_damage_report(damaged)] if damaged else []) + lost


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _of_size(enlarged: int, count: int, resolution: int) -> list[str]:
    """A note on images that are smaller than the resolution."""
    if not enlarged:
        return []
    return [
        f"{enlarged} of {count} images are smaller than {resolution}x{resolution} and were enlarged: they are blurred, and so "
        "will samples be; leave them out, or lower 'resolution'"
    ]


def _without_lost_classes(
    classes: list[str], labels: NDArray[np.int64]
) -> tuple[list[str], NDArray[np.int64], list[str]]:
    """The classes that still have images, the labels counted among those, and a note on the others."""
    there = np.isin(np.arange(len(classes)), labels)
    number = np.cumsum(there) - 1
    lost = [name for name, found in zip(classes, there, strict=True) if not found]
    notes = [f"left out {len(lost)} classes without a readable image: {', '.join(lost[:5])}"] if lost else []
    fresh = np.where(labels < 0, -1, number[labels]) if len(classes) else labels
    return [name for name, found in zip(classes, there, strict=True) if found], fresh.astype(np.int64), notes


def _create_arrays(folder: Path, source: Source, listing: Listing) -> None:
    count = len(listing.names)
    files: dict[str, tuple[int, ...]] = {
        f"images-{r}.npy": (count, *sides(r, listing.shape), listing.channels)
        for r in resolutions_of(source.resolution)
    }
    if listing.has_maps:
        files[f"maps-{source.resolution}.npy"] = (count, source.resolution, source.resolution)
    if listing.code_width:
        files[CODES] = (count, listing.code_width)
    for name, shape in files.items():
        array = open_memmap(folder / name, mode="w+", dtype=np.float32 if name == CODES else np.uint8, shape=shape)
        del array
        # Allocate the space now: if the disk fills up while a sparse file is mapped, the process is killed.
        if hasattr(os, "posix_fallocate"):
            with (folder / name).open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, os.fstat(file.fileno()).st_size)


def _run(source: Source, listing: Listing, folder: Path, progress: Progress, workers: int) -> list[Chunk]:
    total = len(listing.names)
    spans = [(i, min(i + CHUNK, total)) for i in range(0, total, CHUNK)]
    workers = min(workers, len(spans))
    if workers <= 1:
        alone = Worker(source, listing, folder)
        return _collect((alone(*span) for span in spans), total, progress)
    arguments = (source, listing, folder, os.getpid())
    try:
        with _blocked_signals():
            pool = ProcessPoolExecutor(workers, get_context("spawn"), _start_worker, arguments)
            chunks = [pool.submit(_work, span) for span in spans]
        try:
            return _collect((chunk.result() for chunk in chunks), total, progress)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    except BrokenProcessPool as error:
        raise InputError(
            "a process that decodes images was killed, most likely because memory ran out; close other programs, or lower "
            "the dataset's 'resolution' in params.yaml"
        ) from error
    finally:
        for worker in active_children():
            worker.kill()  # before the folder that they write to is published or removed
            worker.join()


@contextmanager
def _blocked_signals() -> Iterator[None]:
    """Processes that are started inside never see the signals that end this one, which may reach all: this one ends them."""
    kinds = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, kinds)
    resource_tracker.ensure_running()  # it is told of none of them, too, and unblocks some when it starts
    signal.pthread_sigmask(signal.SIG_BLOCK, kinds)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _collect(results: Iterator[Chunk], total: int, progress: Progress) -> list[Chunk]:
    chunks = []
    for chunk in results:
        chunks.append(chunk)
        progress(chunk.stop, total)
    return chunks


def _damage_report(damaged: dict[str, str]) -> str:
    lines = [f"  {name}: {why}" for name, why in list(damaged.items())[:10]]
    more = f"\n  ... and {len(damaged) - 10} more, all named in manifest.json" if len(damaged) > 10 else ""
    return f"{len(damaged)} damaged images were left out:\n" + "\n".join(lines) + more


def _refuse_if_too_many(damaged: dict[str, str], total: int, source: Source) -> None:
    if len(damaged) == total:
        raise InputError(f"none of the {total} images in {source.root} can be read.\n{_damage_report(damaged)}")
    if len(damaged) > source.max_damaged * total:
        raise InputError(
            f"{len(damaged)} of {total} images in {source.root} are damaged, more than the tolerated share of "
            f"{source.max_damaged:g}.\n{_damage_report(damaged)}\n"
            "Mend or remove them, or raise the dataset's 'damaged' in params.yaml."
        )


def _compact(folder: Path, keep: list[int]) -> None:
    """Rewrite each array with only the kept rows."""
    for path in sorted(folder.glob("*.npy")):
        rows = np.load(path, mmap_mode="r")
        fresh = path.with_suffix(".fresh")
        array = open_memmap(fresh, mode="w+", dtype=rows.dtype, shape=(len(keep), *rows.shape[1:]))
        for start in range(0, len(keep), CHUNK):
            array[start : start + CHUNK] = rows[keep[start : start + CHUNK]]
        array.flush()
        fresh.rename(path)


def _write_records(folder: Path, records: list[dict[str, Any] | None]) -> None:
    if any(record is not None for record in records):
        lines = (json.dumps(record, sort_keys=True) for record in records)
        (folder / RECORDS).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _manifest(folder: Path, source: Source, listing: Listing, count: int, damaged: dict[str, str]) -> Manifest:
    return Manifest(
        format=FORMAT,
        count=count,
        channels=listing.channels,
        resolutions=resolutions_of(source.resolution),
        classes=listing.classes,
        source=source.model_dump(mode="json"),
        damaged=sorted(damaged),
        digests=digests_in(folder),
        code_width=listing.code_width or None,
        shape=None if listing.shape == SQUARE else listing.shape,
    )


def _write_manifest(folder: Path, manifest: Manifest) -> None:
    without = {name for name in ("modes", "code_width", "shape") if getattr(manifest, name) is None}
    write_record(folder / "manifest.json", manifest.model_dump(mode="json", exclude=without))
