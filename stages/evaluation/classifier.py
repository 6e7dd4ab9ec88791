"""A published classifier of digits, ready to use; `types/classifier.py` trains them."""

import json
from pathlib import Path

import safetensors.torch
import torch

from espalier.data.errors import InputError
from espalier.models.classifier import Classifier

DIGITS = 10


def load_classifier(path: Path, resolution: int | None, device: torch.device) -> Classifier:
    """A published classifier of digits of a resolution, ready to use.

    Raises:
        InputError: there is none, it is for another resolution, or it cannot be read.
    """
    file, record = path / "classifier.safetensors", path / "stage.json"
    if not file.is_file() or not record.is_file():
        raise InputError(f"there is no classifier at {path}; train it first: dvc repro classifier@{path.name}")
    try:
        own = json.loads(record.read_text(encoding="utf-8"))["config"]["resolution"]
        classifier = Classifier(own, 1, DIGITS)
        classifier.load_state_dict(safetensors.torch.load_file(file))
    except (safetensors.SafetensorError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"the classifier at {path} cannot be read: {error}. Train it again: dvc repro -f classifier@{path.name}"
        ) from error
    if own != resolution:
        raise InputError(
            f"the classifier at {path} is for digits of {own}x{own}, this stage makes {resolution}x{resolution}"
        )
    return classifier.to(device).eval()
