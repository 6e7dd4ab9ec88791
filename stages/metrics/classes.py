"""Metrics of predicted classes: the inception score, and how many of the dataset's classes occur.

The score is over the feature network's own classes if it has any, otherwise over the dataset's.
"""

from typing import ClassVar

from espalier.stages.contracts.component import Metrics
from espalier.stages.contracts.metric import Comparison, Metric, Samples
from espalier.stages.metrics.class_shares import class_shares
from espalier.stages.metrics.inception_score import inception_score


class Classes(Metric):
    """Inception score, and the classes that the reader finds among the fakes."""

    title = "classes"
    meanings: ClassVar = {
        "is": "confident and diverse classes, higher is better",
        "modes": "number of classes among fakes",
        "modes_kl": "divergence of class shares from those of reals, lower is better",
    }
    of_features = ("is",)
    always = False

    def applies(self, comparison: Comparison) -> bool:
        return comparison.reader is not None or comparison.logits(comparison.real.features[:1]) is not None

    def measure(self, fakes: Samples, comparison: Comparison) -> Metrics:
        logits, name, found = comparison.logits(fakes.features), comparison.named("is"), {}
        if comparison.reader is not None:
            read = comparison.reader.logits(fakes.parts, fakes.features)
            shares = class_shares(read.argmax(dim=1), comparison.reader.shares)
            found = {"modes": float(shares.modes), "modes_kl": shares.kl}
            logits = read if logits is None else logits
        assert logits is not None
        score, spread = inception_score(logits.double().softmax(dim=1))
        return {name: score, f"{name}_std": spread, **found}
