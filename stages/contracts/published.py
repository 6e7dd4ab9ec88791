"""Write and read what every stage publishes: a folder with metrics.json, weights, and stage.json, which seals them all."""

import math
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
from espalier.data.sealed import Damaged, check_file, digests_in, read_record, write_record
from espalier.stages.contracts.publishing import before_publishing, started_with
from espalier.stages.process.distribution import NAME

T = TypeVar("T")


def library_versions() -> dict[str, str]:
    """Versions of Python, PyTorch and this package."""
    return {"python": platform.python_version(), "torch": torch.__version__, "espalier": version(NAME)}


def save_weights(folder: Path, networks: Mapping[str, nn.Module]) -> None:
    """Save each network as NAME.safetensors."""
    for name, network in networks.items():
        tensors = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
        safetensors.torch.save_file(tensors, folder / f"{name}.safetensors")


def finite(metrics: Mapping[str, float], stage: str) -> dict[str, float]:
    """The metrics that are numbers; says which are not, and are left out."""
    found = {name: value for name, value in metrics.items() if math.isfinite(value)}
    for name in metrics.keys() - found.keys():
        print(f"{stage}: the metric {name} has no value here ({metrics[name]}), and is left out", flush=True)
    return found


@contextmanager
def published(
    out: Path, record: dict[str, Any], metrics: dict[str, float], networks: Mapping[str, nn.Module] | None = None
) -> Iterator[Path]:
    """Publish a stage's folder atomically. Write additional files inside this context; the record gets their digests."""
    with whole_folder(out) as folder:
        save_weights(folder, networks or {})
        write_json(folder / "metrics.json", finite(metrics, f"{out.parent.name}@{out.name}"))
        yield folder
        about = {"section": started_with(), "versions": library_versions(), "digests": digests_in(folder)}
        write_record(folder / "stage.json", {**record, **about})
        before_publishing()


@dataclass(frozen=True)
class Published:
    """A stage's record, and one network's weights (on the CPU) with the digest of their file."""

    record: dict[str, Any]
    weights: dict[str, Tensor]
    digest: str


def read_published(path: Path, network: str, what: str, group: str, build: Callable[[Published], T]) -> T:
    """Load a published network and pass it to `build`. `what`: its name in errors; `group`: the dvc.yaml group that publishes it.

    Raises:
        InputError: it does not exist or cannot be read.
    """
    file, record = path / f"{network}.safetensors", path / "stage.json"
    if not file.is_file() or not record.is_file():
        raise InputError(f"there is no {what} at {path}; train it first: dvc repro {group}@{path.name}")
    try:
        found = read_record(record)
        check_file(path, file.name, found["digests"])
        return build(Published(found, safetensors.torch.load_file(file), found["digests"][file.name]))
    except Damaged as error:
        raise InputError(
            f"the {what} at {path} cannot be read: a file of it {error}. Train it again: dvc repro -f {group}@{path.name}"
        ) from error
    except (safetensors.SafetensorError, RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"the {what} at {path} cannot be read: {error}. Train it again: dvc repro -f {group}@{path.name}"
        ) from error
