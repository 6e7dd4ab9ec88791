"""python -m benchmarks.progressive: does growing pay? A chain 4 -> 8 -> 16 -> 32 (-> 64) beside the same networks from the start.

Reduced: ProGAN's networks of at most 64 feature maps (16 at 32x32, 8 at 64x64), batches of 32; stages of 20, 30, 40 and 60
thousand images. Fashion-MNIST, 3 seeds: beside 60 thousand at 16x16 and 100 thousand at 32x32 from the start. Dolls, which have
detail at 64x64, one seed: a stage of 60 thousand more, beside 100 thousand at 32x32 and at 64x64 from the start. There is no
other protocol. Metrics are of 1,000 images of the averaged generator at each milestone of 10,000 images, from the same latents,
beside 1,000 reals.
"""

import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product, zip_longest
from pathlib import Path

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from benchmarks.worlds import ROOT, TABLES, judged, main, markdown, mean, write_table
from espalier.data.store import Store
from espalier.stages.artifacts.artifact import latents_for, load_artifact, load_generator
from espalier.stages.config.load import stage_config
from espalier.stages.config.params import read_params
from espalier.stages.contracts.in_parts import Images
from espalier.stages.evaluation.reference import Reference, reference
from espalier.stages.features.local import Features, load_features
from espalier.stages.kinds.sampling import generate
from espalier.stages.metrics.frechet import frechet, moments
from espalier.stages.metrics.sliced_wasserstein import sliced_wasserstein
from espalier.stages.types.inputs import inputs_of
from espalier.stages.types.train import trainer_of

CPU = torch.device("cpu")
COUNT = 1000
EVERY = 10
"""Kimg between milestones that are looked at."""
BLOCKS, BLOCK = 5, 12
"""Of iterations that are timed."""
SLACK = (1.0, 1.25, 1.5, 2.0)
"""Levels to be reached: the best that every run has reached, times these."""
TITLES = {"fid_local": "local FID", "swd": "SWD x 1000"}
COLOURS = {"chain": "#2e9e5b", "straight": "#d9480f"}


@dataclass(frozen=True, eq=False)
class World:
    """Images, by the name of their dataset and feature network, and the pipelines that make them: each from 4x4 on."""

    title: str
    name: str
    chain: tuple[str, ...]
    straight: dict[int, str]

    def ways(self, side: int) -> dict[str, tuple[str, ...]]:
        """The pipelines of both ways to a side."""
        return {"chain": self.chain[: (side // 4).bit_length()], "straight": (self.straight[side],)}


FASHION = World(
    "Fashion-MNIST", "fashion", ("grown4", "grown8", "grown16", "grown32"), {16: "straight16", 32: "straight32"}
)
DOLLS = World(
    "dolls",
    "dolls64",
    ("dolls4", "dolls8", "dolls16", "dolls32", "dolls64"),
    {32: "straight_dolls32", 64: "straight_dolls64"},
)
PLACES = tuple((world, side) for world in (FASHION, DOLLS) for side in world.straight)


@dataclass(frozen=True)
class Pace:
    """CPU seconds of 1000 images on one thread, while the newest block fades in and after."""

    fading: float
    after: float

    def seconds(self, kimg: float, fade: float) -> float:
        """Of so many thousand images from a stage's start."""
        return min(kimg, fade) * self.fading + max(kimg - fade, 0.0) * self.after


@dataclass(frozen=True)
class Point:
    """A milestone: what was spent until there, from the very first iteration, and what its images are worth."""

    kimg: float
    minutes: float
    fid_local: float
    swd: float

    def value(self, metric: str) -> float:
        """Of a metric or a cost by name."""
        return float(getattr(self, metric))


class Timed:
    """A stage's training with a clock: it is built as in training, without its parent's weights."""

    def __init__(self, pipeline: str) -> None:
        params = read_params()
        config = stage_config(params, pipeline, "0")
        self.fade = params[pipeline]["common"]["tricks"]["fade"]["kimg"] if config.grows else 0
        inputs = inputs_of(config, Store(config.dataset), None, CPU, "")
        self.trainer = trainer_of(config, inputs, None, Path(tempfile.gettempdir()), CPU)
        self.spent: dict[bool, list[float]] = {True: [], False: []}

    def block(self, fading: bool) -> None:
        """Some iterations, in the middle of the fade or after it."""
        trainer = self.trainer
        trainer.images = int(self.fade * (500 if fading else 1000))
        begun = time.process_time()
        for _ in range(BLOCK):
            trainer.iterate()
        self.spent[fading].append((time.process_time() - begun) * 1000 / (BLOCK * trainer.config.batch_size))

    @property
    def pace(self) -> Pace:
        """Medians, the first block left out."""
        after = statistics.median(self.spent[False][1:])
        return Pace(statistics.median(self.spent[True][1:]) if self.fade else after, after)


@cache
def timed() -> dict[str, tuple[Pace, float]]:
    """The pace of each pipeline's training and its fade, all timed in one process by turns."""
    torch.set_num_threads(1)
    names = [name for world in (FASHION, DOLLS) for name in (*world.chain, *world.straight.values())]
    with contextlib.chdir(ROOT):
        all_of_them = {name: Timed(name) for name in names}
    for _ in range(BLOCKS + 1):
        for one in all_of_them.values():
            for fading in (True, False) if one.fade else (False,):
                one.block(fading)
    return {name: (one.pace, one.fade) for name, one in all_of_them.items()}


@cache
def reals(name: str, side: int) -> tuple[Reference, Features]:
    """What fakes of a dataset and side are compared with."""
    with contextlib.chdir(ROOT):
        network = load_features(Path("artifacts/features", name), CPU)
        return reference(Store(Path("artifacts/datasets", name)), side, network, COUNT), network


def worth(path: Path, name: str, side: int) -> dict[str, float]:
    """What a generator's images are worth; kept by the digest of its weights."""
    digest = load_artifact(path).record.digests["generator.safetensors"]

    def measure() -> dict[str, float]:
        generator, record = load_generator(path, CPU)
        latent = latents_for(record, COUNT, 1, CPU)
        return of_images(generate(generator, latent), name, side)

    return judged(name, digest, measure)


def of_images(made: Images, name: str, side: int) -> dict[str, float]:
    """Metrics of images beside the reals of their side."""
    real, network = reals(name, side)
    levels = sliced_wasserstein(real.shown.images, made)
    return {
        "fid_local": frechet(moments(real.shown.features), moments(network(made))),
        "swd": sum(levels.values()) / len(levels),
    }


def points(pipelines: Sequence[str], seed: int, dataset: str, side: int) -> list[Point]:
    """The milestones of the last of these stages; what those before it cost is counted."""
    kimg = seconds = 0.0
    params = read_params(ROOT / "params.yaml")
    for name in pipelines[:-1]:
        pace, fade = timed()[name]
        kimg += (length := params[name]["common"]["kimg"])
        seconds += pace.seconds(length, fade)
    pace, fade = timed()[pipelines[-1]]
    found = []
    folder = ROOT / "artifacts" / pipelines[-1] / str(seed)
    for path in sorted((folder / "milestones").glob("kimg-*")):
        here = int(path.name.removeprefix("kimg-"))
        if here % EVERY:
            continue
        spent = seconds + pace.seconds(here, fade)
        found.append(Point(kimg + here, spent / 60, **worth(path, dataset, side)))
    return found


Runs = dict[str, list[list[Point]]]


@cache
def runs(place: tuple[World, int]) -> Runs:
    """Every finished run at a side, by way there."""
    world, side = place
    seeds = read_params(ROOT / "params.yaml")[world.chain[0]]["matrix"]["seed"]
    return {
        way: [found for seed in seeds if (found := points(names, seed, world.name, side))]
        for way, names in world.ways(side).items()
    }


def cost(run: list[Point], metric: str, level: float, what: str) -> float:
    """Kimg or minutes until a metric first was at a level or below, with a straight line between milestones."""
    before = None
    for point in run:
        value = point.value(metric)
        if value <= level:
            if before is None:
                return point.value(what)
            share = (before.value(metric) - level) / (before.value(metric) - value)
            return before.value(what) + share * (point.value(what) - before.value(what))
        before = point
    raise AssertionError("a level is one that every run has reached")


def rows(place: tuple[World, int]) -> list[list[object]]:
    """A line for each level of each metric: what it cost the chain, and from the start."""
    found, lines = runs(place), []
    for metric, title in TITLES.items():
        worst = max(min(point.value(metric) for point in run) for of in found.values() for run in of)
        for slack in reversed(SLACK):
            seeds = " and ".join(str(count) for count in sorted({len(of) for of in found.values()}))
            line: list[object] = [words(place), seeds, f"{title} ≤ {worst * slack:.3g}"]
            for what in ("minutes", "kimg"):
                costs = {way: mean([cost(run, metric, worst * slack, what) for run in of]) for way, of in found.items()}
                ratio = costs["straight"].mean / costs["chain"].mean
                line += [costs["chain"], costs["straight"], f"{ratio:.2f}"]
            lines.append(line)
    return lines


def words(place: tuple[World, int]) -> str:
    """As "dolls 64x64"."""
    return f"{place[0].title} {place[1]}x{place[1]}"


def draw(axes: Axes, place: tuple[World, int], metric: str, what: str) -> None:
    """Every run as a thin line, and the mean of the seeds."""
    for way, of in runs(place).items():
        label = f"chain 4 → … → {place[1]}" if way == "chain" else f"{place[1]} from the start"
        for run in of:
            axes.plot(
                [p.value(what) for p in run], [p.value(metric) for p in run], color=COLOURS[way], lw=0.7, alpha=0.5
            )
        at = [statistics.fmean(p.value(what) for p in here) for here in zip(*of, strict=True)]
        means = [statistics.fmean(p.value(metric) for p in here) for here in zip(*of, strict=True)]
        axes.plot(at, means, "o-", color=COLOURS[way], lw=2, ms=3, label=label)
    axes.set_yscale("log")
    axes.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    axes.set_xlim(left=0)
    axes.set_xlabel(f"{what} from the first iteration")
    axes.set_ylabel(TITLES[metric])
    axes.grid(alpha=0.3, which="both")


def table(ending: str) -> None:
    """docs/tables/progressive.md and its plot."""
    head = [
        "images",
        "seeds",
        "reached",
        "min, chain",
        "min, from start",
        "ratio",
        "kimg, chain",
        "kimg, from start",
        "ratio",
    ]
    places = [place for place in PLACES if all(runs(place).values())]
    lines = [line for place in places for line in rows(place)]
    floors = {p: of_images(reals(p[0].name, p[1])[0].others.images, p[0].name, p[1]) for p in places}
    known = "; ".join(f"{words(place)}: {f['fid_local']:.3g} and {f['swd']:.3g}" for place, f in floors.items())
    paces = [
        [name, f"{1000 / pace.fading:.0f}" if fade else "", f"{1000 / pace.after:.0f}"]
        for name, (pace, fade) in timed().items()
    ]
    text = f"""# Does growing pay?

{(__doc__ or "").partition(chr(10) * 2)[2].strip()}

{markdown(head, lines)}

{READING}

Mean ± standard error over seeds; a ratio above 1 is in favour of the chain, whose costs include all stages before.
The strictest level of a metric is the best that every run has reached at some milestone, the others are up to twice that.
Minutes are images over images per second of one thread, in CPU seconds, as timed by turns in one process (medians). Floors,
what other reals get (local FID and SWD): {known}. Made by `python -m benchmarks.progressive`.

{markdown(["training", "img/s while fading", "img/s after"], paces)}

![curves](progressive.png)"""
    write_table("progressive", text)
    figure = Figure(figsize=(13, 3.2 * len(places)), dpi=110, layout="constrained")
    for place, line in zip(places, figure.subplots(len(places), 4, squeeze=False), strict=True):
        for axes, (name, what) in zip(line, product(TITLES, ("minutes", "kimg")), strict=True):
            draw(axes, place, name, what)
        line[0].set_title(words(place), loc="left")
        line[0].legend(fontsize=8)
    figure.savefig(TABLES / "progressive.png")


READING = """\
Reading. On Fashion-MNIST growing does not pay, neither at 16x16 nor at 32x32: at 16x16 both ways take about as long, at 32x32
the chain takes longer at every level, the less the stricter it is. Its stages before cost the time of about 40 thousand images
at 32x32, since with these networks an image at 16x16 takes two thirds of the time of one at 32x32. On dolls, one seed, loose
levels are reached sooner from the start, too. At the strictest levels both ways are about even at 32x32, and by SWD at 64x64.
A strictest level is by construction the best milestone of the worse run, so it flatters the better one: at 64x64 by SWD, where
the chain goes on to a better level (see the plot). Local FID says the opposite there, at every level: training from the start
takes 0.67 to 0.72 of the chain's time. One seed cannot decide between the two, so it is not shown that growing pays at 64x64.
Nothing above 64x64 was measured."""

if __name__ == "__main__":
    links = zip_longest(FASHION.chain, DOLLS.chain)
    ends = (*FASHION.straight.values(), *DOLLS.straight.values())
    groups = (*(tuple(name for name in link if name) for link in links), ends)
    sys.exit(main((__doc__ or "").partition("\n\n")[0], groups, table, needed=("features@fashion", "features@dolls64")))
