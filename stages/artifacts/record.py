"""Provenance of artifacts and checkpoints."""

from typing import Any, Literal

from espalier.data.frames import SQUARE
from espalier.stages.contracts.options import Options

FORMAT = 3
"""Format version of artifacts and checkpoints; 1 was before the stages moved into separate packages."""


class Input(Options):
    """An input of a stage: its path and digest."""

    path: str
    digest: str


class Event(Options):
    """An event of a training run at a step, described in `words`. `to`: the step a rollback returned to, or the step of the
    checkpoint kept instead of the last one."""

    step: int
    images: int
    kind: Literal["rollback", "stop", "kept"]
    to: int | None = None
    words: str


class Record(Options):
    """Metadata of weights on disk: stage.json, and the header of every checkpoint.

    `config` is the resolved configuration. `images` is the number of real images shown to the discriminator, `before` the
    number before the last iteration: any training run longer than that passes through this step. `start` is the checkpoint
    that training continued from, if configured; `encoder` is the sentence encoder. `classes` is the number of classes the
    networks are conditioned on, 0 if none. `shape`: height and width of the smallest images.
    `verdict` and `evidence`: the last result of the monitor, or for a `kept` checkpoint, the result at that checkpoint.
    `events`: rollbacks, and an end before the last step. `remedies`: changes applied to the options of params.yaml since;
    `config` includes them. `evaluated`: the data behind the metrics of an evaluation. `code` is the digest of the training
    code; several, joined by +, if the code changed between a checkpoint and its resume. `section` is the stage's section of
    params.yaml, as it was written there. `digests`: the SHA-256 of each file beside stage.json, by its path.
    """

    format: int
    config: dict[str, Any]
    channels: int
    shape: tuple[int, int] = SQUARE
    classes: int = 0
    step: int
    images: int
    before: int
    dataset: Input
    parent: Input | None
    start: Input | None = None
    encoder: Input | None = None
    code: str
    versions: dict[str, str]
    outcome: str
    verdict: str = ""
    evidence: str = ""
    events: tuple[Event, ...] = ()
    remedies: tuple[dict[str, Any], ...] = ()
    evaluated: dict[str, Any] = {}
    section: dict[str, Any] = {}
    digests: dict[str, str] = {}
