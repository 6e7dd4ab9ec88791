"""The work key of a stage: a digest of everything that determines its weights."""

import hashlib
import json

from espalier.stages.artifacts.record import Input
from espalier.stages.config.options import AT_ONCE
from espalier.stages.config.stage import StageConfig


def work_key(
    config: StageConfig, dataset: Input, parent: Input | None, start: Input | None, encoder: Input | None = None
) -> str:
    """Digest of everything that determines a stage's weights at a step.

    Excluded: the length of training, since no schedule depends on it (a longer run continues); logging, evaluation and
    components; the number of processes and of micro-batches; the name of a recipe, whose options count; the paths of inputs
    (their digests are included); and the code, so that a run resumes after a bug fix.
    """
    deciding = config.resolved()
    for left_out in (
        "kimg",
        "watch",
        "evaluate",
        "components",
        "after",
        "at",
        "start",
        "dataset",
        "processes",
        "micro_batch",
        "recipe",
        "encoder",
        "type",
    ):
        del deciding[left_out]
    for optional in ("stop", "heal", "kind", "conditioning", "freeze", "transfer"):
        if not deciding[optional]:
            del deciding[optional]
    if config.discriminator == AT_ONCE:
        del deciding["discriminator"]
    held_out = deciding["monitor"]["hold_out"]
    if "heal" not in deciding and "stop" not in deciding:  # then the monitor only observes
        del deciding["monitor"]
        if held_out:
            deciding["hold_out"] = held_out
    deciding["inputs"] = [dataset.digest, parent.digest if parent else None]
    deciding["inputs"] += [also.digest for also in (start, encoder) if also is not None]
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()[:16]
