"""A prepared dataset on disk: memory-mapped arrays, labels, and a sealed manifest with the digest of each file.

Every file is checked against its digest before it is first read.

Images: one array per resolution.

artifacts/datasets/dolls/
  manifest.json       counts, channels, resolutions, classes, source, digest of each array
  images-64.npy       uint8 (N, 64, 64, channels); images-32.npy, ... images-4.npy likewise
  labels.npy          int64 (N,), -1 where an image has no class
  maps-64.npy         uint8 (N, 64, 64) segmentation classes 0..6, if the source has maps
  codes.npy           float32 (N, code_width) sentence codes, if the data includes them
  records.jsonl       one line per image: file name, or attributes and sentence

Points: a single array, no resolutions.

artifacts/datasets/ring/
  manifest.json       the same, plus the modes (centres and standard deviation); channels is the number of dimensions
  points.npy          float32 (N, channels)
  labels.npy          int64 (N,): each point's mode, -1 if there are no modes
"""

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from espalier.data.errors import InputError
from espalier.data.frames import sides
from espalier.data.sealed import Damaged, check_file, format_of, read_record

FORMAT = 1
POINTS = "points.npy"
CODES = "codes.npy"
RECORDS = "records.jsonl"


class Modes(BaseModel):
    """The modes the points were drawn from: K `centres` in d dimensions, and the `std` they share along every axis."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    centres: list[list[float]]
    std: float


class Manifest(BaseModel):
    """The contents of a store. `digests` maps each array's file name to its SHA-256. `modes` is set for points drawn from
    modes, `code_width` for images whose data includes sentence codes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int
    count: int
    channels: int
    resolutions: list[int]
    classes: list[str]
    source: dict[str, Any]
    damaged: list[str]
    digests: dict[str, str]
    modes: Modes | None = None
    code_width: int | None = None
    shape: tuple[int, int] | None = None
    """Height and width at the smallest size, if images are not square."""


class Store:
    """A prepared dataset, opened for reading.

    Raises:
        InputError: there is no store, it is incomplete, or it has another format.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        manifest = path / "manifest.json"
        if not manifest.is_file():
            raise InputError(f"there is no prepared dataset at {path}; make it with: dvc repro dataset@{path.name}")
        if format_of(manifest) not in (None, FORMAT):
            raise InputError(
                f"the dataset at {path} has format {format_of(manifest)}, this version reads {FORMAT}; "
                f"prepare it again: dvc repro -f dataset@{path.name}"
            )
        self._intact: set[str] = set()
        try:
            self.manifest = Manifest.model_validate(read_record(manifest))
        except ValidationError as error:
            raise self._damaged("manifest.json", "cannot be read") from error
        except Damaged as error:
            raise self._damaged("manifest.json", str(error)) from error

    def _damaged(self, file: str, why: str) -> InputError:
        return InputError(
            f"the dataset at {self.path} is damaged: {file} {why}.\n"
            f"Prepare it again: dvc repro -f dataset@{self.path.name}"
        )

    @cached_property
    def digest(self) -> str:
        """One SHA-256 over everything that training may read."""
        content = [self.manifest.count, self.manifest.channels, sorted(self.manifest.digests.items())]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def _array(self, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
        try:
            array: NDArray[Any] = np.load(self._verified(name), mmap_mode="r")
        except (ValueError, OSError, EOFError) as error:
            raise self._damaged(name, f"cannot be read ({error})") from error
        if array.shape != shape:
            raise self._damaged(name, f"has shape {array.shape}, the manifest says {shape}")
        return array

    @property
    def holds_points(self) -> bool:
        """Whether this store holds points rather than images."""
        return POINTS in self.manifest.digests

    def points(self) -> NDArray[np.float32]:
        """The points, float32 (N, channels), memory-mapped.

        Raises:
            InputError: this is a store of images, or it is damaged.
        """
        if not self.holds_points:
            raise InputError(
                f"the dataset at {self.path} holds images, not points; "
                "take a dataset of points, or a network for images"
            )
        return self._array(POINTS, (self.manifest.count, self.manifest.channels))

    def images(self, resolution: int) -> NDArray[np.uint8]:
        """The images at a resolution, uint8 (N, R, R, channels), memory-mapped; the longer side is R if they are not square.

        Raises:
            InputError: there are no images at this resolution, this is a store of points, or it is damaged.
        """
        if self.holds_points:
            raise InputError(
                f"the dataset at {self.path} holds points, not images; "
                "take a dataset of images, or a network for points"
            )
        if resolution not in self.manifest.resolutions:
            raise InputError(
                f"the dataset at {self.path} has no {resolution}x{resolution} images (it has "
                f"{', '.join(map(str, sorted(self.manifest.resolutions)))}); raise its 'resolution' in params.yaml"
            )
        size = sides(resolution, self.shape)
        return self._array(f"images-{resolution}.npy", (self.manifest.count, *size, self.manifest.channels))

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the smallest images."""
        return self.manifest.shape or (4, 4)

    def maps(self, resolution: int) -> NDArray[np.uint8]:
        """The images' segmentation maps at a resolution, uint8 (N, R, R), memory-mapped; R from 8 up.

        Classes: 0 background, 1 hair and hat, 2 face, neck and sunglasses, 3 upper clothes, 4 trousers, skirt or dress,
        5 legs and shoes, 6 arms and hands. Below the full resolution each pixel is the one just past the middle of the
        square of pixels it replaces.

        Raises:
            InputError: the source has no maps, none at this resolution, or the store is damaged.
        """
        full = max(self.manifest.resolutions, default=0)
        if f"maps-{full}.npy" not in self.manifest.digests:
            raise InputError(
                f"the dataset at {self.path} has no segmentation maps (its source is "
                f"{self.manifest.source.get('source')}); take one of 'source: dolls', 'people' or 'fashiongan'"
            )
        if resolution not in self.manifest.resolutions or resolution < 8:
            there = ", ".join(str(r) for r in sorted(self.manifest.resolutions) if r >= 8)
            raise InputError(
                f"the dataset at {self.path} has no {resolution}x{resolution} maps (maps start at 8x8; it has "
                f"{there or 'none'}); take one that it has, or raise its 'resolution' in params.yaml"
            )
        step = full // resolution
        return self._array(f"maps-{full}.npy", (self.manifest.count, full, full))[
            :, step // 2 :: step, step // 2 :: step
        ]

    def codes(self) -> NDArray[np.float32] | None:
        """The sentence codes included in the data, float32 (N, code_width), memory-mapped; None if there are none.

        Raises:
            InputError: the store is damaged.
        """
        if CODES not in self.manifest.digests:
            return None
        return self._array(CODES, (self.manifest.count, self.manifest.code_width or 0))

    def labels(self) -> NDArray[np.int64]:
        """Class labels, int64 (N,); -1 where an image has none."""
        return self._array("labels.npy", (self.manifest.count,))

    def records(self) -> list[dict[str, Any]]:
        """Metadata of each image, such as attributes and sentence; empty where the source has none.

        Raises:
            InputError: the store is damaged.
        """
        if RECORDS not in self.manifest.digests:
            return [{} for _ in range(self.manifest.count)]
        lines = self._verified(RECORDS).read_text(encoding="utf-8").splitlines()
        return [json.loads(line) or {} for line in lines]

    def verify_conditions(self) -> None:
        """Read maps, codes and records once and check them against their digests.

        Raises:
            InputError: a byte differs from what was prepared.
        """
        for name in self.manifest.digests:
            if name.startswith("maps-") or name in (CODES, RECORDS):
                self._verified(name)

    def verify(self, resolution: int | None) -> None:
        """Read the images at a resolution (the points if None) once and check them against their digest.

        Raises:
            InputError: a byte differs from what was prepared, or the store holds no such array.
        """
        if resolution is None:
            self.points()
        else:
            self.images(resolution)

    def _verified(self, name: str) -> Path:
        """The path of a file, whose digest is checked the first time.

        Raises:
            InputError: it is missing, or a byte differs from what was prepared.
        """
        if name not in self._intact:
            try:
                check_file(self.path, name, self.manifest.digests)
            except FileNotFoundError as error:
                raise self._damaged(name, "is missing") from error
            except Damaged as error:
                raise self._damaged(name, "differs from what was prepared (its digest does not match)") from error
            except OSError as error:
                raise self._damaged(name, f"cannot be read ({error})") from error
            self._intact.add(name)
        return self.path / name
