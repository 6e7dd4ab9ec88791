"""What an artifact or checkpoint came from."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

FORMAT = 2
"""Of artifacts and checkpoints; 1 was before the stages moved into packages of their own."""


class Input(BaseModel):
    """Something a stage read: where it lay, and what it was."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    digest: str


class Event(BaseModel):
    """Something that happened to a training, at a step, in words; of a rollback, the step that it went back `to`, and of what is
    kept instead of its end, the step that it is of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: int
    images: int
    kind: Literal["rollback", "stop", "kept"]
    to: int | None = None
    words: str


class Record(BaseModel):
    """What is known of weights on disk; stage.json, and the head of every checkpoint.

    `config` is the resolved configuration, `images` how many reals the discriminator had been shown, `before` how
    many before the last iteration: a training of any length beyond that passes through this step. `start` is the
    checkpoint that training went on from, where one was chosen, `encoder` that of its sentences. `classes`: how many
    the networks are conditioned on, 0 if none.
    `verdict` and `evidence`: what the monitor said last, or of a `kept` checkpoint what it said there. `events`: rollbacks, and
    an end that is not the last step. `remedies`: what was laid over params.yaml's options since; `config` has them in it.
    `evaluated`: what the figures of an evaluation were measured on. `code` is the digest of the code that trained; of several,
    joined by +, where it changed between a checkpoint and its resume.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int
    config: dict[str, Any]
    channels: int
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
    digests: dict[str, str] = {}
