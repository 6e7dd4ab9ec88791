"""Load published digit classifiers; `types/classifier.py` trains them."""

from pathlib import Path

import torch

from espalier.data.errors import InputError
from espalier.models.classifier import Classifier
from espalier.stages.contracts.published import Published, read_published

DIGITS = 10


def load_classifier(path: Path, resolution: int | None, device: torch.device) -> Classifier:
    """Load a published digit classifier of the given resolution, in eval mode.

    Raises:
        InputError: there is none, it is for another resolution, or it cannot be read.
    """

    def build(found: Published) -> tuple[Classifier, int]:
        own = found.record["config"]["resolution"]
        classifier = Classifier(own, 1, DIGITS)
        classifier.load_state_dict(found.weights)
        return classifier, own

    classifier, own = read_published(path, "classifier", "classifier", "classifier", build)
    if own != resolution:
        raise InputError(
            f"the classifier at {path} is for digits of {own}x{own}, this stage makes {resolution}x{resolution}"
        )
    return classifier.to(device).eval()
