"""python -m benchmarks.ttur: the TTUR paper's toy saddle under four pairs of learning rates."""

import csv
import statistics
import sys
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from benchmarks.worlds import ROOT, TABLES, main, markdown, mean, write_table

Vector = np.ndarray[tuple[int], np.dtype[np.float64]]

PAIRS = {"equal": "0.01, 0.01", "small": "0.001, 0.001", "slow_x": "0.0001, 0.01", "slow_y": "0.01, 0.0001"}
SEEDS, STEPS, LAST, NEAR = 300, 5000, 1000, 0.2
SMOOTH = 50
"""Steps that the plot's lines are averaged over."""
NOTES = """\
f(x, y) = (1 + x^2)(100 - y^2), x descends and y ascends by gradient steps with noise N(0, 1) from (0.5, -0.4), 5000
steps, 3 seeds; norm is the mean distance from (0, 0) over the last 1000 steps, mean ± standard error. The third row,
x slowed, is the paper's two time scales: it arrives soonest; a single small rate ends with less noise. Beside our three
seeds, an independent integration of the same protocol in NumPy by 300: mean ± standard error (standard deviation) of the norm,
median of the first step, and the share that never arrives. In the first row the standard deviation is three quarters of the
mean, so three seeds place it only roughly.

Source: Heusel et al., "GANs Trained by a Two Time-Scale Update Rule", the repository's toy notebook. Made by `python
-m benchmarks.ttur`."""


def distances(pair: str) -> list[list[float]]:
    """The distance at every step, of each seed."""
    paths = sorted((ROOT / "artifacts" / "saddle").glob(f"{pair}-*/history.csv"))
    return [[float(row["distance"]) for row in csv.DictReader(path.open())] for path in paths]


@dataclass(frozen=True)
class Independent:
    """What many seeds of the same game do without Espalier: norms at the end, and the first step near 0, or infinity."""

    norms: Vector
    arrivals: Vector

    def norm(self) -> str:
        """Mean, standard error and standard deviation."""
        deviation = self.norms.std(ddof=1)
        return f"{self.norms.mean():.3f} ± {deviation / len(self.norms) ** 0.5:.2g} (SD {deviation:.2g})"

    def arrival(self) -> str:
        """The median, and how many never arrive."""
        never = np.isinf(self.arrivals).mean()
        return f"{np.median(self.arrivals):.0f}" + (f", never {never:.0%}" if never else "")


def integrate(rate_x: float, rate_y: float, seeds: int = SEEDS, steps: int = STEPS) -> Independent:
    """Noisy gradient steps of both players at once, x down and y up."""
    random = np.random.default_rng(0)
    x, y = np.full(seeds, 0.5), np.full(seeds, -0.4)
    distance = np.empty((steps, seeds))
    for step in range(steps):
        noise = random.standard_normal((2, seeds))
        slope_x, slope_y = 2 * x * (100 - y**2), -2 * y * (1 + x**2)
        x, y = x - rate_x * (slope_x + noise[0]), y + rate_y * (slope_y + noise[1])
        distance[step] = np.hypot(x, y)
    near = distance < NEAR
    first = np.where(near.any(axis=0), near.argmax(axis=0) + 1.0, np.inf)
    return Independent(distance[-LAST:].mean(axis=0), first)


def table(ending: str) -> None:
    """Final norm and first arrival, and the paths of seed 0."""
    rows = []
    figure = Figure(figsize=(8, 3.6), dpi=120, layout="constrained")
    axes = figure.subplots()
    for pair, rates in PAIRS.items():
        runs = distances(pair)
        last = mean([statistics.fmean(run[-LAST:]) for run in runs])
        first = [next((step for step, d in enumerate(run) if d < NEAR), None) for run in runs]
        arrivals = ", ".join("never" if step is None else str(step) for step in first)
        rate_x, rate_y = map(float, rates.split(", "))
        beside = integrate(rate_x, rate_y)
        rows.append([rates, len(runs), last, beside.norm(), arrivals, beside.arrival()])
        smooth = [statistics.fmean(runs[0][max(0, i - SMOOTH) : i + 1]) for i in range(len(runs[0]))]
        axes.plot(range(1, len(smooth) + 1), smooth, label=rates, linewidth=1.5)
    head = ["rate of x, rate of y", "seeds", "norm at the end", "of 300", "first step below 0.2", "of 300"]
    write_table("ttur", f"# Two time scales on a saddle\n\n{markdown(head, rows)}\n\n{NOTES}\n\n![paths](ttur.png)")
    axes.set(xscale="log", yscale="log", xlabel="step", ylabel="distance, mean of 50 steps")
    axes.legend(title="rate of x, of y", frameon=False, fontsize=8)
    figure.savefig(TABLES / "ttur.png")


if __name__ == "__main__":
    sys.exit(main(__doc__ or "", ("saddle",), table))
