"""Curves over a chain as inline SVG: panels of equal width over the same kimg axis, one band per stage.

Colours are CSS classes of the page's style, so that a chart works in both the light and the dark theme.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from espalier.pipelines.report.html import chip, metric_text, text

WIDE, NARROW = 1040, 350
"""Widths of the two drawings of each chart; the page shows the one that fits, so that the font size stays constant."""
LEFT, RIGHT, BOTTOM = 44, 10, 24
STRIP = 14
TOP, TOP_OF_MARKS, HEIGHT = 20, 40, 230
MOST = 260
"""Maximum number of points per line; more are averaged over neighbours."""
CUT = 0.01
"""Share of values at either end that may leave the panel, so that one spike does not flatten the rest."""

Line = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Band:
    """A stage's interval on the axis, in kimg of the whole chain."""

    name: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Mark:
    """An event at a position, with its number in the list below the charts."""

    at: float
    number: int
    words: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """A segment of the verdict strip: its start and end, its verdict and its tone."""

    start: float
    end: float
    word: str
    tone: str


@dataclass(frozen=True)
class Panel:
    """One chart: lines by name, each with one list per stage; fixed `limits` of the values, if any; a `reference` line."""

    title: str
    lines: dict[str, list[Line]]
    limits: tuple[float, float] | None = None
    reference: float | None = None
    strip: list[Stretch] = field(default_factory=list)

    @property
    def drawn(self) -> bool:
        """Whether it has anything to draw."""
        return any(len(line) for lines in self.lines.values() for line in lines)


def thinned(line: Line) -> Line:
    """Reduce a line to at most MOST points: means over neighbours, ignoring NaN."""
    finite = [(x, y) for x, y in line if math.isfinite(x) and math.isfinite(y)]
    each = math.ceil(len(finite) / MOST) or 1
    groups = [finite[i : i + each] for i in range(0, len(finite), each)]
    return [(sum(x for x, _ in g) / len(g), sum(y for _, y in g) / len(g)) for g in groups]


def limits_of(panel: Panel) -> tuple[float, float]:
    """The value range that the panel shows."""
    if panel.limits is not None:
        return panel.limits
    values = sorted(y for lines in panel.lines.values() for line in lines for _, y in line)
    cut = int(len(values) * CUT)
    low, high = values[cut], values[-1 - cut]
    room = (high - low) * 0.08 or abs(high) * 0.1 or 1.0
    return low - room, high + room


def ticks(low: float, high: float, wanted: int) -> list[float]:
    """Round numbers between `low` and `high`, about `wanted` of them."""
    rough = (high - low) / max(wanted, 1)
    if not math.isfinite(rough) or rough <= 0:
        return []
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 10) for i in range(first, math.floor(high / step + 1e-9) + 1)]


class _Frame:
    """Maps values to coordinates of the drawing."""

    def __init__(self, panel: Panel, bands: Sequence[Band], width: int, height: int, top: int) -> None:
        self.width, self.height = width, height
        self.x0, self.x1 = LEFT, width - RIGHT
        self.y0, self.y1 = top, height - BOTTOM - (STRIP + 6 if panel.strip else 0)
        self.end = bands[-1].end or 1.0
        self.low, self.high = limits_of(panel)

    def x(self, kimg: float) -> float:
        return self.x0 + (self.x1 - self.x0) * kimg / self.end

    def y(self, value: float) -> float:
        return self.y1 - (self.y1 - self.y0) * (value - self.low) / (self.high - self.low)


def chart(panel: Panel, bands: Sequence[Band], marks: Sequence[Mark], width: int) -> str:
    """One drawing of a panel."""
    top = TOP_OF_MARKS if marks else TOP
    frame = _Frame(panel, bands, width, HEIGHT - TOP_OF_MARKS + top, top)
    clip = f"clip-{''.join(c for c in panel.title if c.isalnum())}-{width}"
    words = f"{panel.title}: {', '.join(panel.lines)} over thousands of images"
    parts = [
        f'<svg viewBox="0 0 {width} {frame.height}" role="img" aria-label="{text(words)}">',
        f'<clipPath id="{clip}"><rect x="{frame.x0}" y="{frame.y0}" width="{frame.x1 - frame.x0}" '
        f'height="{frame.y1 - frame.y0}"/></clipPath>',
        *_axes(panel, frame, bands),
        f'<g clip-path="url(#{clip})">',
    ]
    for place, lines in enumerate(panel.lines.values()):
        parts += [_path(line, frame, place) for line in lines if line]
    parts += ["</g>", *_strip(panel, frame), *_marks(marks, frame), "</svg>"]
    return "".join(parts)


def both_widths(panel: Panel, bands: Sequence[Band], marks: Sequence[Mark]) -> str:
    """A panel as HTML: title, legend with each line's last value, and one drawing per width."""
    lines = {name: [thinned(line) for line in of] for name, of in panel.lines.items()}
    panel = Panel(panel.title, lines, panel.limits, panel.reference, panel.strip)
    legend = "".join(
        f'<li><i class="key k{place}"></i>{text(name)} <b>{text(metric_text(last[-1][1]))}</b></li>'
        for place, (name, of) in enumerate(lines.items())
        for last in [next((line for line in reversed(of) if line), [])]
        if last
    )
    drawings = (
        f'<div class="{kind}">{chart(panel, bands, marks, width)}</div>'
        for kind, width in (("wide", WIDE), ("narrow", NARROW))
    )
    tones = {stretch.word: stretch.tone for stretch in panel.strip}
    words = "".join(f"<li>{chip(word, tone)}</li>" for word, tone in tones.items())
    below = f'<ul class="legend words">{words}</ul>' if words else ""
    return f'<div class="chart"><h3>{text(panel.title)}</h3><ul class="legend">{legend}</ul>{"".join(drawings)}{below}</div>'


def _axes(panel: Panel, frame: _Frame, bands: Sequence[Band]) -> list[str]:
    parts = []
    for place, band in enumerate(bands):
        x, width = frame.x(band.start), frame.x(band.end) - frame.x(band.start)
        if place % 2 == 0:
            parts.append(
                f'<rect class="band" x="{x:.1f}" y="{frame.y0}" width="{width:.1f}" height="{frame.y1 - frame.y0}"/>'
            )
        letters = max(int(width // 7), 1)
        name = band.name if len(band.name) <= letters else band.name[: max(letters - 1, 1)] + "…"
        parts.append(f'<text class="stage" x="{x + width / 2:.1f}" y="12">{text(name)}</text>')
    for value in ticks(frame.low, frame.high, 4):
        y = frame.y(value)
        parts.append(f'<path class="grid" d="M{frame.x0} {y:.1f}H{frame.x1}"/>')
        parts.append(f'<text class="tick right" x="{frame.x0 - 6}" y="{y + 4:.1f}">{text(metric_text(value))}</text>')
    if panel.reference is not None and frame.low < panel.reference < frame.high:
        parts.append(f'<path class="reference" d="M{frame.x0} {frame.y(panel.reference):.1f}H{frame.x1}"/>')
    for kimg in ticks(0, frame.end, 8 if frame.width > NARROW else 4):
        unit = " kimg" if kimg == 0 else ""
        side = "tick start" if kimg == 0 else "tick"
        parts.append(f'<text class="{side}" x="{frame.x(kimg):.1f}" y="{frame.height - 7}">{kimg:g}{unit}</text>')
    return parts


def _path(line: Line, frame: _Frame, place: int) -> str:
    points = [f"{frame.x(x):.1f} {min(max(frame.y(y), -1e4), 1e4):.1f}" for x, y in line]
    if len(points) == 1:
        return f'<path class="line dot-only k{place}" d="M{points[0]}h0.01"/>'
    return f'<path class="line k{place}" d="M{"L".join(points)}"/>'


def _strip(panel: Panel, frame: _Frame) -> list[str]:
    parts = []
    for stretch in panel.strip:
        x, width = frame.x(stretch.start), max(frame.x(stretch.end) - frame.x(stretch.start), 1.0)
        parts.append(
            f'<g><title>{text(stretch.word)}</title><rect class="verdict {text(stretch.tone)}" x="{x:.1f}" '
            f'y="{frame.y1 + 6}" width="{max(width - 1, 1):.1f}" height="{STRIP}" rx="2"/>'
        )
        if width > 7 * len(stretch.word) + 6:
            parts.append(
                f'<text class="on-verdict" x="{x + width / 2:.1f}" y="{frame.y1 + 17}">{text(stretch.word)}</text>'
            )
        parts.append("</g>")
    return parts


def _marks(marks: Sequence[Mark], frame: _Frame) -> list[str]:
    parts, taken = [], -100.0
    for mark in marks:
        x = frame.x(mark.at)
        shown = max(x, taken + 17)  # keep numbers side by side where their lines are close
        taken = shown
        parts.append(
            f'<g class="mark"><title>{text(mark.words)}</title><path d="M{shown:.1f} 34L{x:.1f} {frame.y0}V{frame.y1}"/>'
            f'<circle cx="{shown:.1f}" cy="26" r="8"/><text x="{shown:.1f}" y="29.5">{mark.number}</text></g>'
        )
    return parts
