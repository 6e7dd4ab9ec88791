"""What a stage can be told: every option with its default, its range and what it cannot live with."""

import math
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    model_validator,
)

from espalier.data.sources.source import Resolution
from espalier.stages.config.gate import Gate
from espalier.stages.monitor.monitor import MonitorOptions
from espalier.stages.monitor.options import HealOptions, StopOptions
from espalier.stages.networks.known import AnyBackbone, Progan, with_place
from espalier.stages.tricks.catalogue import in_order, loss_class, trick_class
from espalier.stages.tricks.compatibility import found_together
from espalier.stages.tricks.loss import Loss
from espalier.stages.tricks.trick import Term, Trick

ARTIFACTS = Path("artifacts")
FIGURES = ("step", "kimg", "loss_d", "loss_g", "d_real", "d_fake", "d_accuracy", "grad_d", "grad_g", "diversity")
"""The final figures that every stage has."""


class Options(BaseModel):
    """A group of options: unknown keys are errors, values do not change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class AdamOptions(Options):
    """Adam for both players; defaults are ProGAN's (appendix A.1)."""

    learning_rate: float = Field(default=0.001, gt=0)
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (0.0, 0.99)


class WatchOptions(Options):
    """How training is watched. Nothing here changes a weight, so changing it continues where training was."""

    log_steps: int = Field(default=50, ge=1, description="iterations between rows of history.csv")
    sample_kimg: float = Field(default=10.0, gt=0, description="thousand images between sample grids")
    checkpoint_seconds: float = Field(default=60.0, gt=0, description="seconds between checkpoints")


class EvaluateOptions(Options):
    """By what a stage's pictures are compared with its dataset's, how many, how often; see stages/loop/evaluate.py."""

    features: Path = Field(description="a feature network's artifact, or a file with Inception's weights (.pth)")
    count: int = Field(
        default=2000, ge=65, description="fakes, and reals, to compare; as many other reals for the floor"
    )
    every_kimg: float | None = Field(
        default=None, gt=0, description="thousand images between evaluations; else at the end"
    )

    @property
    def figures(self) -> tuple[str, ...]:
        """The names of figures that every evaluation has; those of large pictures and of classes are left out."""
        ending = "" if self.features.suffix == ".pth" else "_local"
        return (f"fid{ending}", f"kid{ending}", "precision", "recall", "density", "coverage", "support")


class Tricks(Options):
    """The loss, and the tricks in the order in which they are applied."""

    loss: Loss
    others: tuple[Trick, ...]

    def resolved(self) -> dict[str, Any]:
        """Every trick with every option, as params.yaml would say it."""
        found: dict[str, Any] = {"loss": {"name": self.loss.name, **self.loss.model_dump(mode="json")}}
        for trick in self.others:
            found[trick_key(trick)] = trick.model_dump(mode="json")
        return found


def trick_key(trick: Trick) -> str:
    """The key that names this trick in params.yaml."""
    cls = type(trick)
    return cls.name if cls.__module__.startswith("espalier.stages.tricks") else f"{cls.__module__}.{cls.__qualname__}"


def _parse_tricks(value: Any) -> Any:
    if isinstance(value, Tricks):
        return value
    if not isinstance(value, dict):
        raise ValueError(f"must be a mapping of trick names to options, not {value!r}")
    chosen = {name: options for name, options in value.items() if options not in (None, False)}
    loss = chosen.pop("loss", None)
    if loss is None:
        raise ValueError("must name a loss, such as 'loss: wgan'")
    loss = {"name": loss} if isinstance(loss, str) else loss
    if not isinstance(loss, dict) or not isinstance(loss.get("name"), str):
        raise _located("loss", loss, "must be the name of a loss, such as wgan, or {name: wgan} with options")
    tricks: list[Trick] = []
    for name, options in chosen.items():
        try:
            cls = trick_class(name)
            if options is not True and not isinstance(options, dict):
                if cls.shorthand is None:
                    raise ValueError("must be a mapping of options, such as {}, or null to leave it out")
                options = {cls.shorthand: options}
            tricks.append(cls(**({} if options is True else options)))
        except ValidationError as error:
            raise _below(error, name) from error
        except ValueError as error:
            raise _located(name, options, str(error)) from error
    try:
        made = loss_class(loss["name"])(**{name: value for name, value in loss.items() if name != "name"})
    except ValidationError as error:
        raise _below(error, "loss") from error
    except ValueError as error:
        raise _located("loss", loss, str(error)) from error
    return Tricks(loss=made, others=tuple(in_order(tricks)))


def _parse_network(value: Any) -> Any:
    """A bare name stands for a network with its defaults, and no name for progan."""
    if isinstance(value, str):
        return {"name": value}
    return {"name": "progan", **value} if isinstance(value, dict) else value


def _parse_heal(value: Any) -> Any:
    """`true` stands for our remedies."""
    return {} if value is True else None if value is False else value


def _below(error: ValidationError, key: str) -> ValidationError:
    """The same errors, one key further down."""
    lines: Any = [{**line, "loc": (key, *line["loc"])} for line in error.errors(include_url=False)]
    for line in lines:
        line.pop("msg", None)
    return ValidationError.from_exception_data(error.title, lines)


def _located(key: str, value: Any, message: str) -> ValidationError:
    line: Any = {"type": "value_error", "loc": (key,), "input": value, "ctx": {"error": ValueError(message)}}
    return ValidationError.from_exception_data("Tricks", [line])


class StageConfig(Options):
    """Everything one training stage is told, resolved: common options with the stage's own over them."""

    pipeline: str
    stage: str
    dataset: Path = Field(description="the prepared dataset: what the pipeline's first stage comes after")
    after: Path = Field(description="the dataset, or the parent's artifact that this stage starts from")
    does: Literal["train"] = Field(default="train", description="train, or translate (FashionGAN's last stage)")
    at: int | None = Field(default=None, ge=0, description="start from the parent's milestone at this kimg")
    reads: Path | None = Field(
        default=None, description="FashionGAN's sentence encoder, or the dataset itself if it came with sentence codes"
    )
    maps: Literal["real", "generated", "mixed"] = Field(
        default="real",
        description="what FashionGAN's second stage learns on: true maps, those of its parent, or half of each",
    )
    start: Path | None = Field(
        default=None, description="a checkpoint of this stage to go on from; see docs/prefect.md"
    )
    resolution: Resolution | None = Field(default=None, description="side of the pictures; none for points")
    seed: int = Field(default=0, ge=0)
    kimg: float = Field(gt=0, description="thousands of real images shown to the discriminator")
    batch_size: int = Field(default=16, ge=1, description="global batch, over all processes")
    milestone_kimg: int | None = Field(default=None, ge=1, description="keep a milestone every so many kimg")
    processes: int = Field(default=1, ge=1, description="train in so many processes, one a GPU, sharing the batch")
    gate: Gate | None = Field(default=None, description="what the final figures must be for the chain to go on")
    retries: int = Field(default=0, ge=0, description="how often a flow tries again from the last checkpoint")
    network: Annotated[AnyBackbone, BeforeValidator(_parse_network)] = Progan()
    adam: AdamOptions = AdamOptions()
    watch: WatchOptions = WatchOptions()
    monitor: MonitorOptions = Field(default=MonitorOptions(), description="how training is judged")
    evaluate: EvaluateOptions | None = Field(default=None, description="figures of its pictures; see docs/metrics.md")
    stop: StopOptions | None = Field(default=None, description="end early, and keep the best; see docs/monitor.md")
    heal: Annotated[HealOptions | None, BeforeValidator(_parse_heal)] = Field(
        default=None, description="roll back and change what is sick; true: our remedies; see docs/monitor.md"
    )
    classifier: Path | None = Field(default=None, description="a digit classifier's artifact, to count stacked modes")
    tricks: Annotated[
        Tricks, BeforeValidator(_parse_tricks), PlainSerializer(Tricks.resolved, return_type=dict[str, Any])
    ]

    @model_validator(mode="after")
    def _compatible(self) -> "StageConfig":
        if self.at is not None and not self.has_parent:
            raise ValueError("'at' names a milestone of the parent, but this stage has no parent")
        if self.batch_size % self.processes:
            raise ValueError(f"batch_size {self.batch_size} cannot be shared by {self.processes} processes")
        for name in self.gate.bounds if self.gate else ():
            if name not in self.figures:
                raise ValueError(f"gate.{name}: the stage has no such figure; it has: {', '.join(self.figures)}")
        self._check_network()
        self._check_telling()
        for trick in (self.tricks.loss, *self.tricks.others):
            self._check_places(trick)
            trick.check(self)
        for sentence in found_together(self, "forbid"):
            raise ValueError(sentence)
        return self

    def _check_network(self) -> None:
        name = self.network.name
        least = self.network.smallest
        if self.network.makes == "points" and self.resolution is not None:
            raise ValueError(f"resolution: the network {name} plays on points, which have none; leave it out")
        if self.network.makes != "points" and self.resolution is None:
            raise ValueError(f"resolution is missing: the network {name} needs pictures of {least}x{least} or more")
        if self.resolution is not None and self.resolution < least:
            raise ValueError(
                f"resolution: {self.resolution} is too small for the network {name}; right would be {least}"
            )
        if self.has_parent and name not in ("progan", "fashion_image"):
            raise ValueError(
                f"network {name} cannot start from a parent, only progan and fashion_image can; right would be after: a dataset"
            )

    def _check_telling(self) -> None:
        told = self.network.telling is not None
        if told and self.reads is None:
            raise ValueError(
                f"reads is missing: the network {self.network.name} is told sentences; right would be an encoder's artifact, "
                "such as artifacts/texts/outfits"
            )
        if not told and self.reads is not None:
            raise ValueError(f"reads: the network {self.network.name} is told no sentences; leave it out")
        if self.maps != "real" and (self.network.telling != "full" or not self.has_parent):
            raise ValueError(
                f"maps: {self.maps} are made by the stage before; right would be the network fashion_image, whole maps and "
                "after: a stage with the network fashion_shape"
            )

    def _check_places(self, trick: Trick) -> None:
        for place in trick.wants():
            if place not in self.network.places():
                raise ValueError(
                    f"tricks.{trick.name} has no place in network {self.network.name}, which has no {place}; networks that "
                    f"have: {', '.join(with_place(place))}"
                )

    @property
    def warnings(self) -> list[str]:
        """Sentences about what does not go well together."""
        return found_together(self, "warn")

    @property
    def needs_classes(self) -> bool:
        """Whether the networks must be told the class of each picture."""
        return any(trick.needs_classes() for trick in self.tricks.others)

    @property
    def figures(self) -> tuple[str, ...]:
        """The names of the stage's final figures."""
        terms = tuple(trick.name for trick in self.tricks.others if isinstance(trick, Term))
        stacked = ("modes", "kl") if self.classifier else ()
        evaluated = self.evaluate.figures if self.evaluate else ()
        return (*FIGURES, *self.network.figures, *stacked, *terms, *evaluated)

    @cached_property
    def has_parent(self) -> bool:
        """Whether the stage starts from a parent's artifact."""
        return self.after != self.dataset

    @property
    def grows(self) -> bool:
        """Whether it takes over its parent's weights; FashionGAN's stages hand over maps instead."""
        return self.has_parent and self.network.telling is None

    @property
    def logits_a_process(self) -> int:
        """How many logits the discriminator gives of a process's share of a batch."""
        return self.batch_size // self.processes // self.samples_a_logit

    @property
    def samples_a_logit(self) -> int:
        """How many pictures the discriminator judges jointly."""
        return math.prod(trick.samples_a_logit() for trick in self.tricks.others)

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


class TranslateConfig(Options):
    """What FashionGAN's last stage is told, which trains nothing: whom to translate, by which artifacts."""

    does: Literal["translate"]
    after: Path = Field(
        description="the second stage's artifact; the first and the encoder are those that it came from"
    )
    reads: Path = Field(description="prepared people that nothing was trained on")
    count: int = Field(default=1000, ge=20, description="how many of them")
    shown: int = Field(default=12, ge=1, description="rows of the picture")
    seed: int = Field(default=0, ge=0)
