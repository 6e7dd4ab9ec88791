"""What every stage publishes: a folder with stage.json, metrics.json and weights; one writer and one reader."""

import json
import platform
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import safetensors.torch
import torch
from torch import Tensor, nn

from espalier.data.errors import InputError
from espalier.data.files import whole_folder, write_json
from espalier.data.store import file_digest
from espalier.stages.process.distribution import NAME

T = TypeVar("T")


def library_versions() -> dict[str, str]:
    """Versions of what computes."""
    return {"python": platform.python_version(), "torch": torch.__version__, "espalier": version(NAME)}


def save_weights(folder: Path, networks: Mapping[str, nn.Module]) -> dict[str, str]:
    """NAME.safetensors for each network. Returns each file's digest."""
    digests = {}
    for name, network in networks.items():
        tensors = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
        file = folder / f"{name}.safetensors"
        safetensors.torch.save_file(tensors, file)
        digests[file.name] = file_digest(file)
    return digests


@contextmanager
def published(
    out: Path, record: dict[str, Any], metrics: dict[str, float], networks: Mapping[str, nn.Module] | None = None
) -> Iterator[Path]:
    """Publish a stage's folder, whole or not at all; what else belongs into it is written inside this context."""
    with whole_folder(out) as folder:
        save_weights(folder, networks or {})
        write_json(folder / "stage.json", {**record, "versions": library_versions()})
        write_json(folder / "metrics.json", metrics)
        yield folder


@dataclass(frozen=True)
class Published:
    """A stage's record, and the weights of one network, on the CPU, with their file's digest."""

    record: dict[str, Any]
    weights: dict[str, Tensor]
    digest: str


def read_published(path: Path, network: str, what: str, group: str, build: Callable[[Published], T]) -> T:
    """What `build` makes of a published network. `what` it is in an error; `group`: dvc.yaml's stages that publish it.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    file, record = path / f"{network}.safetensors", path / "stage.json"
    if not file.is_file() or not record.is_file():
        raise InputError(f"there is no {what} at {path}; train it first: dvc repro {group}@{path.name}")
    try:
        found = json.loads(record.read_text(encoding="utf-8"))
        return build(Published(found, safetensors.torch.load_file(file), file_digest(file)))
    except (safetensors.SafetensorError, RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"the {what} at {path} cannot be read: {error}. Train it again: dvc repro -f {group}@{path.name}"
        ) from error
