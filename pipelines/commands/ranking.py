"""The ranking of an ablation: a table, and a plot that shows every seed."""

import math
import statistics
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from espalier.data.errors import InputError
from espalier.data.files import whole_file
from espalier.pipelines.commands.ablate import Result

DEFAULTS = ("modes", "diversity")


@dataclass(frozen=True, slots=True)
class Rank:
    """One combination: its metric for every finished seed, and the number of failed runs."""

    combination: str
    values: list[float]
    failed: int

    @property
    def mean(self) -> float:
        """Mean over seeds; NaN if none finished."""
        return statistics.fmean(self.values) if self.values else math.nan

    @property
    def error(self) -> float:
        """Standard error of the mean; NaN for fewer than two seeds."""
        return statistics.stdev(self.values) / math.sqrt(len(self.values)) if len(self.values) > 1 else math.nan


def choose_metric(results: list[Result], by: str) -> str:
    """The metric to rank by: the requested one, else modes if they were counted, else diversity.

    Raises:
        InputError: no run has it; the message lists those available.
    """
    known = sorted({name for result in results for name in result.metrics})
    for name in [by] if by else DEFAULTS:
        if name in known:
            return name
    raise InputError(
        f"no run has the metric '{by or DEFAULTS[-1]}'; available: {', '.join(known) or 'none, all failed'}"
    )


def ranked(results: list[Result], metric: str, lowest: bool) -> list[Rank]:
    """Combinations sorted best first; those without a finished run come last."""
    by_combination: dict[str, list[Result]] = {}
    for result in results:
        by_combination.setdefault(result.trial.combination, []).append(result)
    ranks = [
        Rank(name, [r.metrics[metric] for r in runs if metric in r.metrics], sum(not r.metrics for r in runs))
        for name, runs in by_combination.items()
    ]
    return sorted(ranks, key=lambda rank: (not rank.values, rank.mean if lowest else -rank.mean))


def as_table(ranks: list[Rank], metric: str) -> Table:
    """The ranking for the terminal."""
    table = Table("", "combination", metric, "seeds", "failed", box=None, pad_edge=False)
    for place, rank in enumerate(ranks, start=1):
        spread = f" ± {rank.error:.2g}" if len(rank.values) > 1 else ""
        shown = f"{rank.mean:.4g}{spread}" if rank.values else "none finished"
        table.add_row(str(place), rank.combination, shown, str(len(rank.values)), str(rank.failed or ""))
    return table


def draw(ranks: list[Rank], metric: str, title: str, path: Path) -> None:
    """Plot means with standard errors, best on top, and every seed as a faint dot."""
    from matplotlib.figure import Figure

    rows = [rank for rank in ranks if rank.values]
    figure = Figure(figsize=(8, 1.2 + 0.4 * len(rows)), dpi=120, layout="constrained")
    axes = figure.subplots()
    for place, rank in enumerate(rows):
        axes.plot(rank.values, [place] * len(rank.values), "o", color="#9aa3ad", alpha=0.7, markersize=5)
        error = 0 if math.isnan(rank.error) else rank.error
        axes.errorbar(rank.mean, place, xerr=error, fmt="o", color="#d9480f", capsize=4, markersize=6)
    axes.set_yticks(range(len(rows)), [rank.combination for rank in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel(f"{metric} (mean ± standard error; dots are seeds)")
    axes.set_title(title, fontsize=10)
    axes.grid(axis="x", alpha=0.3)
    with whole_file(path) as partial:
        figure.savefig(partial, format="png")
