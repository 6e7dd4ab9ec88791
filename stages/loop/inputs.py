"""What a trainer starts from."""

from dataclasses import dataclass

from espalier.data.store import Store
from espalier.stages.artifacts.record import Record
from espalier.stages.kinds.batches import Batches


@dataclass(frozen=True)
class Inputs:
    """Inputs of a stage. `origin` is its record at step 0, with the digest of the code."""

    store: Store
    batches: Batches
    origin: Record
