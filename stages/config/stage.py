"""The options of a training stage, resolved: every option with its default, its range and what it cannot be combined with."""

import math
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, SerializeAsAny, model_validator

from espalier.data.sources.source import Resolution
from espalier.stages.config.gate import Gate
from espalier.stages.config.options import AdamOptions, EvaluateOptions, Options, WatchOptions
from espalier.stages.config.params import ARTIFACTS
from espalier.stages.config.tricks import Tricks, parse_tricks
from espalier.stages.monitor.options import HealOptions, MonitorOptions, StopOptions
from espalier.stages.networks.known import NETWORKS, with_place
from espalier.stages.networks.network import NetworkOptions
from espalier.stages.networks.progan import Progan
from espalier.stages.tricks.compatibility import found_together
from espalier.stages.tricks.parts import Setting
from espalier.stages.tricks.trick import Term, Trick

METRICS = ("step", "kimg", "loss_d", "loss_g", "d_real", "d_fake", "d_accuracy", "grad_d", "grad_g", "diversity")
"""The final metrics that every training stage has."""


def _parse_network(value: Any) -> Any:
    """A bare name stands for a network with its defaults, and no name for progan."""
    if isinstance(value, NetworkOptions):
        return value
    if isinstance(value, str):
        value = {"name": value}
    if not isinstance(value, dict):
        raise ValueError("must be the name of a network, or a mapping of its options")
    return NETWORKS.find(str(value.get("name", "progan")))(**value)


def _parse_heal(value: Any) -> Any:
    """`true` stands for our remedies."""
    return {} if value is True else None if value is False else value


class StageConfig(Options):
    """Everything one training stage is given: common options with the stage's own over them."""

    pipeline: str
    stage: str
    type: Literal["train"] = "train"
    dataset: Path = Field(description="the pipeline's prepared dataset")
    after: Path = Field(description="what the stage starts from: the dataset, or another stage's artifact")
    at: int | None = Field(default=None, ge=0, description="start from the parent's milestone at this kimg")
    encoder: Path | None = Field(
        default=None, description="a sentence encoder's artifact, or the dataset itself if it came with sentence codes"
    )
    maps: Literal["real", "generated", "mixed"] = Field(
        default="real",
        description="what FashionGAN's second stage learns on: true maps, those of its parent, or half of each",
    )
    start: Path | None = Field(
        default=None, description="a checkpoint of this stage to continue from; see docs/prefect.md"
    )
    resolution: Resolution | None = Field(default=None, description="side of the images; none for points")
    seed: int = Field(default=0, ge=0)
    kimg: float = Field(gt=0, description="thousands of real images shown to the discriminator")
    batch_size: int = Field(default=16, ge=1, description="global batch, over all processes")
    milestone_kimg: int | None = Field(default=None, ge=1, description="keep a milestone every n kimg")
    processes: int = Field(default=1, ge=1, description="train in n processes, one a GPU, sharing the batch")
    gate: Gate | None = Field(default=None, description="bounds on the final metrics for the chain to go on")
    retries: int = Field(default=0, ge=0, description="how often a flow tries again from the last checkpoint")
    network: Annotated[SerializeAsAny[NetworkOptions], BeforeValidator(_parse_network)] = Progan()
    adam: AdamOptions = AdamOptions()
    watch: WatchOptions = WatchOptions()
    monitor: MonitorOptions = Field(default=MonitorOptions(), description="how training is monitored")
    evaluate: EvaluateOptions | None = Field(default=None, description="metrics of its samples; see docs/metrics.md")
    stop: StopOptions | None = Field(default=None, description="end early, and keep the best; see docs/monitor.md")
    heal: Annotated[HealOptions | None, BeforeValidator(_parse_heal)] = Field(
        default=None, description="roll back a failing training with a remedy; true: ours; see docs/monitor.md"
    )
    classifier: Path | None = Field(default=None, description="a digit classifier's artifact, to count stacked modes")
    tricks: Annotated[
        Tricks, BeforeValidator(parse_tricks), PlainSerializer(Tricks.resolved, return_type=dict[str, Any])
    ]

    @model_validator(mode="before")
    @classmethod
    def _starts_from_the_dataset(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("after") is None:
            return {**given, "after": given.get("dataset")}
        return given

    @model_validator(mode="after")
    def _compatible(self) -> "StageConfig":
        if self.at is not None and not self.has_parent:
            raise ValueError("'at' names a milestone of the parent, but this stage has no parent")
        if self.batch_size % self.processes:
            raise ValueError(f"batch_size {self.batch_size} cannot be shared by {self.processes} processes")
        for name in self.gate.bounds if self.gate else ():
            if name not in self.metrics:
                raise ValueError(f"gate.{name}: the stage has no such metric; it has: {', '.join(self.metrics)}")
        self._check_network()
        self._check_condition()
        for trick in (self.tricks.loss, *self.tricks.others):
            self._check_places(trick)
            trick.check(self.setting)
        for sentence in self._together("forbid"):
            raise ValueError(sentence)
        return self

    def _together(self, outcome: Literal["forbid", "warn"]) -> list[str]:
        return found_together(self.setting, self.tricks.loss, self.tricks.others, outcome)

    def _check_network(self) -> None:
        name, least = self.network.name, self.network.smallest
        has_size = self.network.kind.name != "points"
        if not has_size and self.resolution is not None:
            raise ValueError(f"resolution: the network {name} is for points, which have none; leave it out")
        if has_size and self.resolution is None:
            raise ValueError(f"resolution is missing: the network {name} needs images of {least}x{least} or more")
        if self.resolution is not None and self.resolution < least:
            raise ValueError(f"resolution: {self.resolution} is too small for the network {name}; use {least}")
        if self.has_parent and self.network.from_parent is None:
            able = [known for known, network in NETWORKS.items() if network.from_parent]
            raise ValueError(
                f"network {name} cannot start from a parent, only {' and '.join(able)} can; use after: {self.dataset}"
            )

    def _check_condition(self) -> None:
        wanted = self.network.conditioned_on
        if wanted is not None and self.encoder is None:
            raise ValueError(
                f"encoder is missing: the network {self.network.name} is conditioned on {wanted}; use an encoder's artifact, "
                "such as artifacts/texts/outfits"
            )
        if wanted is None and self.encoder is not None:
            raise ValueError(f"encoder: the network {self.network.name} is not conditioned on sentences; leave it out")
        if self.maps != "real" and (getattr(self.network, "map_form", "") != "full" or not self.has_parent):
            raise ValueError(
                f"maps: {self.maps} are made by the stage before; use the network fashion_image, whole maps and after: a stage "
                "with the network fashion_shape"
            )

    def _check_places(self, trick: Trick) -> None:
        for place in trick.wants():
            if place not in self.network.places():
                raise ValueError(
                    f"tricks.{trick.name} has no place in network {self.network.name}, which has no {place}; networks that "
                    f"have: {', '.join(with_place(place))}"
                )

    @cached_property
    def setting(self) -> Setting:
        """What tricks may know of the stage."""
        return Setting(
            batch_size=self.batch_size,
            processes=self.processes,
            logits=self.batch_size // self.processes // self.samples_per_logit,
            samples_per_logit=self.samples_per_logit,
            resolution=self.resolution,
            kimg=self.kimg,
            grows=self.grows,
            network=self.network.name,
            places=self.network.places(),
            kind=self.network.kind.name,
            conditioned_on=self.network.conditioned_on,
            features=self.network.feature_count(self.resolution or 0),
            norms=dict(self.network.norms),
            equalized=self.network.equalized,
            maxout=bool(getattr(self.network, "maxout", False)),
            betas=self.adam.betas,
        )

    @property
    def warnings(self) -> list[str]:
        """Sentences about what does not go well together."""
        return self._together("warn")

    @property
    def needs_classes(self) -> bool:
        """Whether the networks must be given the class of each sample."""
        return any(trick.needs_classes() for trick in self.tricks.others)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of the stage's final metrics."""
        terms = tuple(trick.name for trick in self.tricks.others if isinstance(trick, Term))
        stacked = ("modes", "kl") if self.classifier else ()
        evaluated = self.evaluate.metrics if self.evaluate else ()
        return (*METRICS, *self.network.metrics, *stacked, *terms, *evaluated)

    @cached_property
    def has_parent(self) -> bool:
        """Whether the stage starts from a parent's artifact."""
        return self.after != self.dataset

    @property
    def grows(self) -> bool:
        """Whether it takes over its parent's weights."""
        return self.has_parent and self.network.from_parent == "weights"

    @property
    def samples_per_logit(self) -> int:
        """How many samples the discriminator judges jointly."""
        return math.prod(trick.samples_per_logit() for trick in self.tricks.others)

    @property
    def name(self) -> str:
        """As DVC names the stage, such as progan@r8."""
        return f"{self.pipeline}@{self.stage}"

    @property
    def artifact(self) -> Path:
        """The folder that the stage publishes."""
        return ARTIFACTS / self.pipeline / self.stage

    def resolved(self) -> dict[str, Any]:
        """As JSON-able values, every default filled in; without what only concerns who runs it."""
        return self.model_dump(mode="json", exclude={"gate", "retries"})
