"""python -m benchmarks.lazy_penalty: what it costs in quality to compute a gradient penalty less often, and what it saves.

Fashion-MNIST at 16x16, a ProGAN of 64 channels with WGAN-GP, batch 32, Adam(0, 0.99), 40 thousand images, 3 seeds. There is no
other protocol. Quality is the local FID of 1,000 images of the averaged generator, whose feature network was trained on the same
images; it was measured every 4 kimg. Nothing was chosen while looking at results.
"""

import contextlib
import statistics
import sys
import tempfile
import time
from functools import cache
from pathlib import Path

import torch
from matplotlib.figure import Figure

from benchmarks.progressive import COUNT, reals
from benchmarks.worlds import ROOT, TABLES, judged, main, markdown, mean, write_table
from espalier.data.store import Store
from espalier.stages.artifacts.artifact import latents_for, load_artifact, load_generator
from espalier.stages.config.load import stage_config
from espalier.stages.config.params import read_params
from espalier.stages.kinds.sampling import generate
from espalier.stages.loop.trainer import Trainer
from espalier.stages.metrics.frechet import frechet, moments
from espalier.stages.types.inputs import inputs_of
from espalier.stages.types.train import trainer_of

CPU = torch.device("cpu")
sys.path.insert(0, str(ROOT))  # params.yaml names lazy_tricks
WAYS = {
    "each": "every iteration",
    "plain4": "every: 4",
    "compensated4": "4, compensated",
    "separate4": "4, separate and compensated",
    "plain16": "every: 16",
    "compensated16": "16, compensated",
    "separate16": "16, separate and compensated",
}
EVERY = 4
"""Thousands of images between measurements."""
ROUNDS = 6
"""Blocks of 16 iterations that each way is timed for."""
Curve = list[tuple[float, float]]
"""Thousands of images, and the local FID there."""


@cache
def curves(way: str) -> list[Curve]:
    """Of each finished seed."""
    folders = sorted(path.parent for path in (ROOT / "artifacts" / "lazy").glob(f"{way}-[0-9]*/stage.json"))
    return [
        [
            (kimg, fid(path))
            for path in sorted((folder / "milestones").glob("kimg-*"))
            if (kimg := int(path.name.removeprefix("kimg-"))) % EVERY == 0
        ]
        for folder in folders
    ]


def fid(path: Path) -> float:
    """The local FID of a generator's images; kept by the digest of its weights."""
    digest = load_artifact(path).record.digests["generator.safetensors"]

    def measure() -> dict[str, float]:
        with contextlib.chdir(ROOT):  # where params.yaml names the trick
            generator, record = load_generator(path, CPU)
        real, network = reals("fashion", 16)
        made = network(generate(generator, latents_for(record, COUNT, 1, CPU)))
        return {"fid_local": frechet(moments(real.shown.features), moments(made))}

    return judged("lazy", digest, measure)["fid_local"]


@cache
def paces() -> dict[str, float]:
    """CPU seconds of 1,000 images on one thread, each way timed by turns in one process; medians, the first block left out."""
    torch.set_num_threads(1)
    with contextlib.chdir(ROOT):
        trainers = {way: _trainer(way) for way in WAYS}
    spent: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(ROUNDS + 1):
        for way, trainer in trainers.items():
            shown, begun = trainer.images, time.process_time()
            for _ in range(16):
                trainer.iterate()
            spent[way].append((time.process_time() - begun) * 1000 / (trainer.images - shown))
    return {way: statistics.median(times[1:]) for way, times in spent.items()}


def _trainer(way: str) -> Trainer:
    config = stage_config(read_params(), "lazy", f"{way}-0")
    inputs = inputs_of(config, Store(config.dataset), None, CPU, "")
    return trainer_of(config, inputs, None, Path(tempfile.gettempdir()), CPU)


def at(curve: Curve, kimg: float) -> float:
    """The local FID at so many thousand images, on a straight line between milestones."""
    before = curve[0]
    for point in curve:
        if point[0] >= kimg:
            share = (kimg - before[0]) / (point[0] - before[0]) if point[0] > before[0] else 0.0
            return before[1] + share * (point[1] - before[1])
        before = point
    return before[1]


def table(ending: str) -> None:
    """Quality after equally many images and after equal time, and the curves."""
    ways = [way for way in WAYS if curves(way)]
    length = min(curve[-1][0] for way in ways for curve in curves(way))
    seconds = length * min(paces()[way] for way in ways)
    rows = []
    for way in ways:
        reached = min(seconds / paces()[way], length)
        half, images, equal_time = (
            mean([at(curve, kimg) for curve in curves(way)]) for kimg in (length / 2, length, reached)
        )
        rows.append(
            [WAYS[way], len(curves(way)), half, images, equal_time, f"{reached:.0f}", f"{1000 / paces()[way]:.0f}"]
        )
    head = ["penalty", "seeds", f"{length / 2:g} kimg", f"{length:g} kimg", "equal time", "kimg then", "img/s"]
    protocol = (__doc__ or "").partition("\n\n")[2].strip()
    text = f"""# What a lazy penalty costs

{protocol}

{markdown(head, rows)}

{READING}

Local FID, lower is better, mean ± standard error over seeds. `every: n` computes the penalty on each n-th iteration, times n,
within the same step. Compensated: so, and with the discriminator's Adam at c times the rate and betas to the power of c, c =
n / (n + 1). Separate: StyleGAN2's way, the penalty in an optimiser step of its own, with the same compensation
([lazy_tricks.py](../../benchmarks/lazy_tricks.py)). Equal time: {seconds:.0f} CPU seconds of training, which the fastest
needs for {length:g} kimg; by images per CPU second of one thread, as timed by turns in one process (medians). Made by `python
-m benchmarks.lazy_penalty`.

![curves](lazy_penalty.png)"""
    write_table("lazy_penalty", text)
    draw(ways)


def draw(ways: list[str]) -> None:
    """The mean curve of each way, over images and over time."""
    figure = Figure(figsize=(10, 4), dpi=110, layout="constrained")
    for axes, what in zip(figure.subplots(1, 2, sharey=True), ("kimg", "CPU seconds"), strict=True):
        for way in ways:
            kimg = [point[0] for point in curves(way)[0]]
            means = [statistics.fmean(at(curve, here) for curve in curves(way)) for here in kimg]
            spent = [here * (paces()[way] if what == "CPU seconds" else 1) for here in kimg]
            style = "-" if way == "each" else "--" if way.endswith("16") else "-."
            axes.plot(spent, means, style, label=WAYS[way], linewidth=1.4)
        axes.set(xlabel=what, yscale="log")
        axes.grid(alpha=0.3, which="both")
    figure.axes[0].set_ylabel("local FID")
    figure.axes[0].legend(fontsize=8, frameon=False)
    figure.savefig(TABLES / "lazy_penalty.png")


READING = """\
Reading. Every iteration is best, after equally many images by more than the standard errors together, and after equal time, too,
but for `every: 4`, whose seeds scatter widely. Of the lazy ways, those within the step with Adam compensated have the best means;
StyleGAN2's separate step is not apart from `every` here.
So `params.yaml` and new projects compute the penalty on every iteration. This is the beginning of a training at a high rate: at
40 thousand images all still improve, and nothing longer was measured."""

if __name__ == "__main__":
    sys.exit(main((__doc__ or "").partition("\n\n")[0], ("lazy",), table, needed=("features@fashion",)))
