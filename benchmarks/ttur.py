"""python -m benchmarks.ttur: the TTUR paper's toy saddle under four pairs of learning rates."""

import csv
import statistics
import sys

from matplotlib.figure import Figure

from benchmarks.worlds import ROOT, TABLES, main, markdown, mean, write_table

PAIRS = {"equal": "0.01, 0.01", "small": "0.001, 0.001", "slow_x": "0.0001, 0.01", "slow_y": "0.01, 0.0001"}
EXPECTED = {  # an independent integration of the notebook's protocol, 3 seeds: final norm, first step below 0.2
    "equal": ("0.62 to 0.86", "never or late"),
    "small": ("0.006 to 0.018", "333 to 411"),
    "slow_x": ("0.039 to 0.041", "47 to 61"),
    "slow_y": ("0.24 to 0.32", "3904 to 4187"),
}
SMOOTH = 50
"""Steps that the plot's lines are averaged over."""
NOTES = """\
f(x, y) = (1 + x^2)(100 - y^2), x descends and y ascends by gradient steps with noise N(0, 1) from (0.5, -0.4), 5000
steps, 3 seeds; norm is the mean distance from (0, 0) over the last 1000 steps, mean ± standard error. The third row,
x slowed, is the paper's two time scales: it arrives soonest; a single small rate ends with less noise. In the first
row seeds scatter as widely as their mean, which three cannot carry. In brackets an
independent integration of the same protocol.

Source: Heusel et al., "GANs Trained by a Two Time-Scale Update Rule", the repository's toy notebook. Made by `python
-m benchmarks.ttur`."""


def distances(pair: str) -> list[list[float]]:
    """The distance at every step, of each seed."""
    paths = sorted((ROOT / "artifacts" / "saddle").glob(f"{pair}-*/history.csv"))
    return [[float(row["distance"]) for row in csv.DictReader(path.open())] for path in paths]


def table(ending: str) -> None:
    """Final norm and first arrival, and the paths of seed 0."""
    rows = []
    figure = Figure(figsize=(8, 3.6), dpi=120, layout="constrained")
    axes = figure.subplots()
    for pair, rates in PAIRS.items():
        runs = distances(pair)
        last = mean([statistics.fmean(run[-1000:]) for run in runs])
        first = [next((step for step, d in enumerate(run) if d < 0.2), None) for run in runs]
        arrivals = ", ".join("never" if step is None else str(step) for step in first)
        rows.append([rates, len(runs), f"{last} ({EXPECTED[pair][0]})", f"{arrivals} ({EXPECTED[pair][1]})"])
        smooth = [statistics.fmean(runs[0][max(0, i - SMOOTH) : i + 1]) for i in range(len(runs[0]))]
        axes.plot(range(1, len(smooth) + 1), smooth, label=rates, linewidth=1.5)
    head = ["rate of x, rate of y", "seeds", "norm at the end", "first step below 0.2"]
    write_table("ttur", f"# Two time scales on a saddle\n\n{markdown(head, rows)}\n\n{NOTES}\n\n![paths](ttur.png)")
    axes.set(xscale="log", yscale="log", xlabel="step", ylabel="distance, mean of 50 steps")
    axes.legend(title="rate of x, of y", frameon=False, fontsize=8)
    figure.savefig(TABLES / "ttur.png")


if __name__ == "__main__":
    sys.exit(main(__doc__ or "", ("saddle",), table))
