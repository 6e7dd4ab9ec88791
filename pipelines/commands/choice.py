"""What a folder of images is trained with: resolution, recipe, sizes, batch and length, from what was seen and measured.

Every number here is a judgement, said with its reason where it is used; the result is in params.yaml, to be changed there.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from espalier.data.errors import InputError
from espalier.data.frames import SQUARE, shape_of, sides
from espalier.data.survey import Survey
from espalier.stages.artifacts.artifact import Artifact

ALIKE = 0.7
"""Share of images of nearly one shape from which that is kept instead of cutting out squares."""
FEWEST = 10
"""Different images below which nothing is trained."""
NEEDED = {16: 8, 32: 12, 64: 20, 128: 60, 256: 200, 512: 600, 1024: 1500}
"""Thousands of images that a training at a resolution should be shown at least, for its samples to be worth a look."""
LEAST = 0.5
"""Thousands of images below which nothing is trained, even at a resolution that was asked for."""
GROWN = {4: 15, 8: 24, 16: 24, 32: 22, 64: 40, 128: 80}
"""Thousands of images for each stage of a growing chain before its last, in proportion: those of docs/speedrun.md up to 32."""
EARLIER = 0.4
"""Share of the time for these, until it is ten times as many images."""
BATCH = 32
FEW = 5000
"""Images below which they are augmented."""


@dataclass(frozen=True)
class Machine:
    """What trains. `memory`: bytes that are free."""

    gpu: bool
    cores: int
    memory: int
    imagenet: bool

    @property
    def words(self) -> str:
        """In a few words."""
        return "one GPU" if self.gpu else f"{self.cores} CPU core{'s' * (self.cores > 1)}"


@dataclass(frozen=True)
class Cost:
    """Measured by running a few steps of each stage.

    `rate`, `peak`, `base`: images a second, peak memory, and that before the networks were built, of the last stage.
    `before`: seconds of the stages that it grows from, at the images of GROWN; `around`: those between them that are no training.
    """

    rate: float
    peak: int
    base: int
    before: float = 0.0
    around: float = 0.0


@dataclass
class Choice:
    """A stage, or a chain that grows to it; its dataset, and the reasons.

    `grown`: thousands of images for each stage before the last, by resolution; what they share is in `common`.
    """

    resolution: int
    dataset: dict[str, Any]
    common: dict[str, Any]
    words: list[str] = field(default_factory=list)
    grown: dict[int, float] = field(default_factory=dict)


Measure = Callable[[Choice], Cost]


def _known(cost: Cost, choice: Choice) -> Cost:
    """What was measured already."""
    return cost


def refuse_hopeless(seen: Survey) -> None:
    """Refuse what nothing can be learnt from.

    Raises:
        InputError: there are too few different images.
    """
    alike = f", as {seen.count} are copies of each other" if seen.distinct < 0.5 else ""
    if seen.damaged and len(seen.damaged) == seen.looked:
        name, why = next(iter(seen.damaged.items()))
        raise InputError(f"none of the images in {seen.root} can be read; {name}: {why}")
    if seen.usable < FEWEST:
        raise InputError(
            f"{seen.root} has {seen.usable} different images{alike}: a network would learn them by heart; "
            f"give it {FEWEST} or more, better hundreds"
        )
    if seen.looked > len(seen.damaged) and seen.near > 0.95:
        raise InputError(f"nearly all images in {seen.root} are alike, so there is no variety to learn; add others")


def chosen(
    name: str,
    seen: Survey,
    machine: Machine,
    seconds: float,
    resolution: int | None,
    parent: Artifact | None,
    measure: Measure,
) -> Choice:
    """Choose. `seconds` are those of training alone; `measure` runs a few steps of a choice.

    Raises:
        InputError: the time is too short for anything.
    """
    if parent is not None:
        found = _of_parent(name, seen, parent)
        return _with_length(found, machine, seconds, measure, least=LEAST)
    if resolution is not None:
        found = _at(name, seen, machine, resolution)
        found.words.append(f"resolution {resolution}: as asked")
        return _with_length(found, machine, seconds, measure, least=LEAST)
    most = _largest(seen, machine)
    first = _at(name, seen, machine, min(32, most))
    needed = {r: kimg for r, kimg in NEEDED.items() if r <= most}
    rate = measure(first).rate
    likely = [r for r in needed if rate * min(1.0, (first.resolution / r) ** 2) * seconds / 1000 >= needed[r]]
    for side in sorted(likely or [16], reverse=True):
        found = _at(name, seen, machine, side)
        try:
            cost = measure(found)
        except InputError:  # too large for the memory
            if side == min(likely or [16]):
                raise
            continue
        if _kimg(cost, seconds) >= needed[side]:
            why = f"the images have {seen.sides[1]} pixels" if side == most else f"{2 * side} would need more time"
            found.words.append(f"resolution {side}: {why}")
            return _with_length(found, machine, seconds, partial(_known, cost), least=needed[side])
    raise InputError(
        f"{seconds / 60:.1f} minutes of training, which is what is left, are too short even at 16x16 on {machine.words}: "
        f"{needed[16]:g} thousand images take {needed[16] * 1000 / cost.rate / 60 / (1 - EARLIER):.1f}; use a larger --hours"
    )


def _largest(seen: Survey, machine: Machine) -> int:
    """The largest resolution that the images fill, and the machine can be asked for."""
    side = max(16, seen.sides[1])
    filled = max(r for r in NEEDED if r <= side * 1.15 or r == 16)
    return min(filled, 1024 if machine.gpu else 256)


def _times(cost: Cost, seconds: float) -> float:
    """How many times the images of GROWN the stages before the last are shown."""
    return min(10.0, EARLIER * max(0.0, seconds - cost.around) / cost.before) if cost.before else 0.0


def _kimg(cost: Cost, seconds: float) -> float:
    """Thousands of images that the last stage is shown in all of the time."""
    return cost.rate * (max(0.0, seconds - cost.around) - _times(cost, seconds) * cost.before) / 1000


def _dataset(seen: Survey, resolution: int) -> dict[str, Any]:
    found: dict[str, Any] = {"source": "folder", "root": seen.root.as_posix(), "resolution": resolution}
    if _alike(seen):
        found["fit"] = "aspect"
    if seen.brightest is not None and seen.brightest < 65535 / 4:
        found["range"] = [0, next(top for top in (1, 255, 1023, 4095, 16383) if seen.brightest <= top)]
    share = len(seen.damaged) / max(1, seen.looked)
    if share > 0.01:
        found["damaged"] = min(1.0, round(1.5 * share, 2))
    return found


def _alike(seen: Survey) -> bool:
    """Whether most images have one shape, which is no square."""
    return shape_of(seen.aspect[0]) != SQUARE and seen.aspect[1] >= ALIKE


def _batch(batch: int, seen: Survey) -> int:
    """A batch, halved until there are as many images."""
    while batch > max(1, seen.usable):
        batch //= 2
    return batch


def _at(name: str, seen: Survey, machine: Machine, resolution: int) -> Choice:
    """The recipe at a resolution; its length is not known yet."""
    recipe = "progan" if not machine.gpu else "projected" if machine.imagenet else "stylegan2"
    common: dict[str, Any] = {
        "dataset": f"artifacts/datasets/{name}",
        "seed": 0,
        "resolution": resolution,
        "kimg": 1.0,
        "batch_size": _batch(BATCH, seen),
        "recipe": recipe,
        "network": {"side": min(224, max(64, resolution))} if recipe == "projected" else {},
        "tricks": {"path_length": None, "ada": None, "diffaugment": {}} if recipe == "stylegan2" else {},
    }
    words = [f"recipe {recipe}: {WHY[recipe]}"]
    grown: dict[int, float] = {}
    if recipe == "progan":  # at the sizes and the rate of docs/speedrun.md
        common |= {
            "network": {"latent": 64, "base": 4 * max(64, resolution), "largest": 64},
            "adam": {"learning_rate": 0.003},
        }
        common["tricks"] = {"fade": {"kimg": 0.1}}  # as long as the length allows, when that is known
        grown = {side: kimg for side, kimg in GROWN.items() if side < resolution}
        if seen.usable < FEW:
            common["tricks"]["diffaugment"] = {}
            words.append("augmentation: diffaugment, since the images are few")
    if _alike(seen):
        high, wide = sides(resolution, shape_of(seen.aspect[0]))
        words.append(f"shape: {high}x{wide} (height x width), as {seen.aspect[1]:.0%} of the images have it")
    elif seen.aspect[1] < ALIKE or shape_of(seen.aspect[0]) != SQUARE:
        words.append("shape: the middle square of each image; pad them with fit: pad")
    return Choice(resolution, _dataset(seen, resolution), common, words, grown)


WHY = {
    "progan": "grown from 4 pixels a side, where images are cheap, so that a CPU shows it many",
    "projected": "its discriminator looks through a network trained on ImageNet, so few images and little time do; augmented",
    "stylegan2": "with augmentation, since ImageNet's network is not installed",
}


def _of_parent(name: str, seen: Survey, parent: Artifact) -> Choice:
    """All that the parent was trained with, on these images."""
    config = parent.config
    if config.sample_kind.name != "images" or config.resolution is None:
        raise InputError(f"{parent.path} makes {config.sample_kind.name}; give a generator of images")
    if parent.record.encoder is not None or config.conditioning is not None:
        raise InputError(f"{parent.path} is conditioned on more than classes, which a folder of images does not give")
    if parent.record.classes and parent.record.classes != len(seen.classes):
        raise InputError(
            f"{parent.path} is conditioned on {parent.record.classes} classes, and {seen.root} has {len(seen.classes)} folders; "
            "sort its images into as many, or give another generator"
        )
    resolved = config.resolved()
    tricks = {key: value for key, value in resolved["tricks"].items() if key != "fade"}
    common = {
        "dataset": f"artifacts/datasets/{name}",
        "after": parent.path.as_posix(),
        "transfer": True,
        "seed": 0,
        "resolution": config.resolution,
        "kimg": 1.0,
        "batch_size": _batch(config.batch_size, seen),
        "network": resolved["network"],
        "adam": resolved["adam"],
        "tricks": tricks,
    }
    common |= {"kind": config.kind} if config.kind is not None else {}
    common |= {"monitor": {"hold_out": config.monitor.hold_out}} if config.monitor.hold_out else {}
    dataset = {**_dataset(seen, config.resolution), "channels": parent.record.channels}
    dataset.pop("fit", None)
    if parent.record.shape != SQUARE:
        dataset["fit"] = "aspect"
        if shape_of(seen.aspect[0]) != parent.record.shape:
            high, wide = sides(config.resolution, parent.record.shape)
            raise InputError(
                f"{parent.path} makes images of {high}x{wide}, and those of {seen.root} have another shape"
            )
    words = [f"networks, tricks and rates: those of {parent.path}, whose training goes on with these images"]
    if all(key not in tricks for key in ("diffaugment", "ada")) and seen.usable < FEW:
        tricks["diffaugment"] = {}
        words.append("augmentation: diffaugment, since the images are few")
    return Choice(config.resolution, dataset, common, words)


def _with_length(choice: Choice, machine: Machine, seconds: float, measure: Measure, least: float) -> Choice:
    """Set how long it trains, and what follows from that."""
    cost = measure(choice)
    common, batch = choice.common, choice.common["batch_size"]
    if cost.peak > 0.8 * machine.memory:
        key = (
            "batch_size" if common.get("recipe") in ("projected", None) else "micro_batch"
        )  # batch norm needs whole batches
        part = batch
        least_part = 4 if key == "micro_batch" else 2  # minibatch statistics are of groups of 4
        while part > least_part and cost.base + (cost.peak - cost.base) * part / batch > 0.8 * machine.memory:
            part //= 2
        common[key] = part
        choice.words.append(f"{key} {part}: a batch of {batch} at once needs {cost.peak / 2**30:.1f} GiB")
    kimg, times = _kimg(cost, seconds), _times(cost, seconds)
    if kimg < least:
        raise InputError(
            f"{seconds / 60:.1f} minutes of training, which is what is left, show {kimg * 1000:.0f} images at "
            f"{choice.resolution}x{choice.resolution} on {machine.words}, which teaches nothing; use a larger --hours, or a "
            "smaller --resolution"
        )
    kimg = float(f"{kimg:.2g}")
    common["kimg"] = kimg
    choice.grown = {side: float(f"{times * one:.2g}") for side, one in choice.grown.items()}
    if "fade" in common["tricks"]:
        common["tricks"]["fade"] = {
            "kimg": float(f"{min(8.0, kimg / 3, *(one / 3 for one in choice.grown.values())):.2g}")
        }
    common["tricks"]["ema"] = {
        **(common["tricks"].get("ema") or {}),
        "half_life_kimg": float(f"{min(10.0, kimg / 20):.2g}"),
    }
    common["watch"] = {"sample_kimg": max(1, round(kimg / 10)), "checkpoint_seconds": 60}
    if common["tricks"].get("loss") != "none":  # without a discriminator there is no game to watch
        common["stop"] = {"on": "converged", "patience": float(f"{max(1.0, kimg / 4):.2g}")}
    minutes = (kimg * 1000 / cost.rate + times * cost.before) / 60
    if choice.grown:
        shown = ", ".join(f"{one:g} at {side}" for side, one in choice.grown.items())
        choice.words.append(f"chain: thousands of images before the last stage: {shown}")
    choice.words.append(
        f"length: {kimg:g} thousand images in batches of {common['batch_size']}{' in the last stage' if choice.grown else ''}, "
        f"{cost.rate:.0f} a second; {minutes:.0f} minutes in all; it ends before if it converges"
    )
    return choice
