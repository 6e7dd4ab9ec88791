"""Plots of training curves."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from espalier.data.files import whole_file
from espalier.stages.artifacts.history import History
from espalier.stages.artifacts.record import Event
from espalier.stages.monitor.verdict import SICK

PANELS = {
    "losses": ("loss_d", "loss_g"),
    "mean logits of reals and fakes": ("d_real", "d_fake"),
    "discriminator accuracy": ("d_accuracy",),
    "gradient norms": ("grad_d", "grad_g"),
}
MOST_ACROSS = 4
PROBED = ("quality", "diversity", "coverage")
COLOURS = {"learning": "#4c8bf5", "healthy": "#2e9e5b", "converged": "#1b6e3c", "plateau": "#9aa3ad"}
"""Colours of verdicts; failures are red."""
SICKLY = "#d9480f"


def draw_curves(
    rows: list[dict[str, str]],
    path: Path,
    title: str,
    probes: Sequence[dict[str, str]] = (),
    events: Sequence[Event] = (),
) -> None:
    """Plot losses, logits, gradients, extra terms and probes over kimg as a PNG; `rows` are those of history.csv, `probes` those
    of monitor.csv. Events are dashed lines."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    known = [name for names in PANELS.values() for name in names]
    terms = {name: (name,) for name in list(rows[0])[3:] if name not in known}
    panels = [(name, columns, rows) for name, columns in {**PANELS, **terms}.items() if columns[0] in rows[0]]
    if probes:
        panels.append(("metrics relative to held-out reals", PROBED, list(probes)))
    down = -(-len(panels) // MOST_ACROSS)
    across = -(-len(panels) // down)
    figure = Figure(figsize=(4.2 * across, 3.2 * down), layout="constrained", dpi=100)
    figure.suptitle(title)
    places = figure.subplots(down, across, squeeze=False).flatten()
    for axes, (name, columns, values) in zip(places, panels, strict=False):
        kimg = [float(row["kimg"]) for row in values]
        for column in columns:
            axes.plot(kimg, [float(row[column]) for row in values], label=column, linewidth=1.3)
        for event in events:
            axes.axvline(event.images / 1000, color=SICKLY, linestyle="--", linewidth=1)
        axes.set_title(name, fontsize=10)
        axes.set_xlabel("kimg")
        axes.grid(alpha=0.3)
        if len(columns) > 1:
            axes.legend(fontsize=8)
    if probes:
        _mark_verdicts(places[len(panels) - 1], probes)
    for axes in places[len(panels) :]:
        axes.set_axis_off()
    with whole_file(path) as partial:
        FigureCanvasAgg(figure).print_png(str(partial))  # type: ignore[no-untyped-call]


def _mark_verdicts(axes: Any, probes: Sequence[dict[str, str]]) -> None:
    """Draw a strip above the curves, coloured by each probe's verdict, with labels where it changes, in three rows to avoid
    overlap."""
    axes.set_ylim(0, 1.5)
    before, changes = "", 0
    for probe in probes:
        word = probe["verdict"]
        colour = SICKLY if word in SICK else COLOURS[word]
        kimg = float(probe["kimg"])
        axes.plot(kimg, 1.43, "s", color=colour, markersize=5, clip_on=False)
        if word != before:
            axes.annotate(word, (kimg, 1.37 - 0.08 * (changes % 3)), fontsize=7, color=colour, ha="left", va="top")
            changes += 1
        before = word


def write_curves(rows: list[dict[str, str]], folder: Path) -> None:
    """Write one CSV per scalar, as `dvc plots` expects."""
    for name in list(rows[0])[2:] if rows else ():
        History.write(folder / f"{name}.csv", [{"kimg": row["kimg"], "value": row[name]} for row in rows])
