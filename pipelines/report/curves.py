"""The curves on the page of `espalier report`: losses, logits and monitor metrics over the whole chain, with events."""

from collections.abc import Sequence

from espalier.pipelines.report.chain import Chain, StageFacts, tone_of
from espalier.pipelines.report.charts import Band, Line, Mark, Panel, Stretch, both_widths
from espalier.pipelines.report.html import section, sentence, text, unfolds

LATEST = 8
"""Maximum number of stages whose curves are drawn."""
GRADIENTS = ("grad_d", "grad_g")
OF_THE_GAME = ("loss_d", "loss_g", "d_real", "d_fake", "d_accuracy", "step", "kimg", "alpha", *GRADIENTS)
AXIS = (
    "Stages in sequence, over thousands of real images shown to the discriminator. "
    "Up to 1% of the values may leave the panel at either end."
)


def bands_of(stages: Sequence[StageFacts]) -> list[Band]:
    """The stages in sequence on one kimg axis."""
    found, start = [], 0.0
    for stage in stages:
        rows = [row["kimg"] for row in (*stage.history, *stage.monitor)]
        end = start + max([stage.kimg, *rows], default=0.0)
        found.append(Band(stage.name, start, end))
        start = end
    return found


def curves(chain: Chain) -> str:
    """Losses, logits, accuracy and monitor metrics over the whole chain, with events."""
    every = [stage for stage in chain.own if stage.history]
    stages = every[-LATEST:]
    if not stages:
        return ""
    bands = bands_of(stages)
    happened = [(band, h) for stage, band in zip(stages, bands, strict=True) for h in stage.happenings()]
    marks = [
        Mark(min(band.start + h.kimg, band.end), n, f"{band.name} at {h.kimg:.3g} kimg, {h.kind}: {h.words}")
        for n, (band, h) in enumerate(happened, 1)
    ]
    events = "".join(f"<li><b>{mark.number}</b><span>{text(mark.words)}</span></li>" for mark in marks)
    cut = f"The last {LATEST} of {len(every)} stages. " if len(every) > LATEST else ""
    note = sentence(f"{cut}{AXIS}")
    shown = [both_widths(panel, bands, marks) for panel in panels(stages, bands) if panel.drawn]
    more = [both_widths(panel, bands, marks) for panel in terms(stages, bands) if panel.drawn]
    folded = unfolds("Gradients and additional loss terms", "".join(more)) if more else ""
    return section("curves", "Curves", note, *shown, f'<ul class="events">{events}</ul>' if events else "", folded)


def panels(stages: Sequence[StageFacts], bands: Sequence[Band]) -> list[Panel]:
    """The charts of every chain; empty ones are skipped later."""
    accuracy = {"accuracy": _lines(stages, bands, "d_accuracy", monitored="accuracy")}
    watched = {
        name: _lines(stages, bands, name, monitored=name) for name in ("quality", "coverage", "density", "diversity")
    }
    return [
        Panel("Losses", {name: _lines(stages, bands, name) for name in ("loss_d", "loss_g")}),
        Panel(
            "Mean logits of real and fake samples", {name: _lines(stages, bands, name) for name in ("d_real", "d_fake")}
        ),
        Panel("The discriminator's accuracy", accuracy, limits=(0.0, 1.02), reference=0.5),
        Panel("Monitor metrics and verdicts", watched, strip=strip(stages, bands)),
    ]


def terms(stages: Sequence[StageFacts], bands: Sequence[Band]) -> list[Panel]:
    """Gradient norms, and one chart for each loss term that a trick adds."""
    names = dict.fromkeys(name for stage in stages for name in stage.history[0] if name not in OF_THE_GAME)
    norms = {name: _lines(stages, bands, name, monitored=name) for name in GRADIENTS}
    return [
        Panel("Gradient norms", norms),
        *(Panel(name, {name: _lines(stages, bands, name)}) for name in names),
    ]


def _lines(stages: Sequence[StageFacts], bands: Sequence[Band], column: str, monitored: str = "") -> list[Line]:
    """One line per stage from history.csv, or from monitor.csv if the former lacks the column."""
    found = []
    for stage, band in zip(stages, bands, strict=True):
        here = stage.history if any(column in row for row in stage.history[:1]) else stage.monitor
        name = column if here is stage.history else monitored
        found.append([(band.start + row["kimg"], row[name]) for row in here if name in row and row[name] == row[name]])
    return found


def strip(stages: Sequence[StageFacts], bands: Sequence[Band]) -> list[Stretch]:
    """The monitor's verdicts, each spanning from the previous probe to its own; equal neighbours are merged."""
    found: list[Stretch] = []
    for stage, band in zip(stages, bands, strict=True):
        start = band.start
        for row, word in zip(stage.monitor, stage.verdicts, strict=False):
            end = band.start + row["kimg"]
            last = found[-1] if found else None
            if last is not None and last.word == word and last.end == start and start > band.start:
                found[-1] = Stretch(last.start, end, word, last.tone)
            elif word and end > start:
                found.append(Stretch(start, end, word, tone_of(word)))
            start = max(end, start)
    return found
