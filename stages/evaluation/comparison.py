"""All metrics of a set of images against the same reals; each takes seconds and is announced before it starts."""

import math
from collections.abc import Callable, Sequence

from espalier.stages.contracts import known
from espalier.stages.contracts.component import Metrics
from espalier.stages.contracts.metric import Comparison, Metric, Samples
from espalier.stages.contracts.registry import Registry

METRICS = Registry[Metric]("metric", known.METRICS, "espalier.stages.contracts.metric.Metric")


def compare(fakes: Samples, comparison: Comparison, own: Sequence[Metric], say: Callable[[str], None]) -> Metrics:
    """All known metrics that apply, then the user's `own`, rounded to five digits; numbers that are not finite stay as they are.

    Raises:
        InputError: one of `own` fails; names it.
    """
    found: Metrics = {}
    for metric in (*(cls() for cls in METRICS.values()), *own):
        if metric.applies(comparison):
            say(metric.title)
            found |= metric.measure(fakes, comparison)
    return {key: float(f"{value:.5g}") if math.isfinite(value) else value for key, value in found.items()}
