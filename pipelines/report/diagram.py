"""A diagram of the chain: one box per stage with samples, verdict and time; arrows to the stages that depend on it."""

from collections.abc import Mapping
from dataclasses import dataclass

import networkx

from espalier.pipelines.report.chain import Chain, StageFacts, state_tone, tone_of
from espalier.pipelines.report.html import metric_text, text
from espalier.stages.process.progress import clock

LEAST_BOX, GAP, ROW, MARGIN = 150, 46, 18, 12
TEXT_HEIGHT, LETTER = 76, 8.3
"""Pixels below a box's image, and per letter of its name."""
LONGEST = 28
"""Maximum length of a name."""
NARROW, NARROW_THUMB, ROUND = 350, 84, 20
"""Vertical layout: its width, the side of an image, and the space for arrows that bypass a box."""
WIDEST = 6
"""Maximum number of columns; a longer chain is drawn vertically only."""


@dataclass(frozen=True, slots=True)
class Place:
    """A box in the drawing."""

    stage: StageFacts
    x: float
    y: float
    width: float
    height: float


def diagram(chain: Chain, thumbs: Mapping[str, str]) -> str:
    """The chain drawn horizontally for wide pages and vertically for narrow ones; `thumbs`: one image URI per stage."""
    columns = _columns(chain)
    down = _svg(chain, _downwards(columns), thumbs, downwards=True)
    if len(columns) > WIDEST:
        return f'<div class="chain">{down}</div>'
    across = _svg(chain, _across(columns), thumbs, downwards=False)
    return f'<div class="chain"><div class="wide">{across}</div><div class="narrow">{down}</div></div>'


def edges_of(chain: Chain) -> list[tuple[str, str]]:
    """The dependency edges without transitive ones, such as from the dataset to every stage of a chain."""
    known = {stage.node.name for stage in chain.stages}
    graph = networkx.DiGraph()
    graph.add_nodes_from(known)
    graph.add_edges_from((need, s.node.name) for s in chain.stages for need in s.node.needs if need in known)
    return sorted(networkx.transitive_reduction(graph).edges)


def _columns(chain: Chain) -> list[list[StageFacts]]:
    """Stages grouped by depth in the DAG."""
    depth: dict[str, int] = {}
    for stage in chain.stages:
        depth[stage.node.name] = 1 + max((depth[need] for need in stage.node.needs if need in depth), default=-1)
    return [[s for s in chain.stages if depth[s.node.name] == level] for level in range(max(depth.values()) + 1)]


def _across(columns: list[list[StageFacts]]) -> list[Place]:
    longest = max(len(_name(stage)) for stages in columns for stage in stages)
    box = max(LEAST_BOX, 2 * MARGIN + LETTER * longest)
    height = box - 2 * MARGIN + TEXT_HEIGHT
    tallest = max(map(len, columns)) * (height + ROW) - ROW
    found = []
    for column, stages in enumerate(columns):
        top = (tallest - len(stages) * (height + ROW) + ROW) / 2
        for row, stage in enumerate(stages):
            found.append(Place(stage, column * (box + GAP) + 1, top + row * (height + ROW) + 1, box, height))
    return found


def _downwards(columns: list[list[StageFacts]]) -> list[Place]:
    height, room = NARROW_THUMB + 2 * MARGIN, ROUND if any(len(stages) > 1 for stages in columns) else 0
    stages = [stage for column in columns for stage in column]
    return [Place(stage, 1, 1 + row * (height + 26), NARROW - 2 - room, height) for row, stage in enumerate(stages)]


def _name(stage: StageFacts) -> str:
    name = stage.node.name
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"


def _svg(chain: Chain, places: list[Place], thumbs: Mapping[str, str], downwards: bool) -> str:
    width, height = (max(end) + 1 for end in zip(*((p.x + p.width, p.y + p.height) for p in places), strict=True))
    width = NARROW if downwards else width  # arrows bypass boxes there
    words = f"{chain.pipeline}: " + ", ".join(f"{s.node.name} {s.verdict or s.state.word}" for s in chain.stages)
    parts = [
        f'<svg viewBox="0 0 {width:g} {height:g}" style="max-width:{width:g}px" role="img" aria-label="{text(words)}">',
        f'<defs><marker id="tip{downwards:d}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path class="tip" d="M0 0L8 4L0 8Z"/></marker></defs>',
    ]
    at = {place.stage.node.name: place for place in places}
    parts += [_arrow(at[start], at[end], downwards) for start, end in edges_of(chain)]
    parts += [_box(place, thumbs.get(place.stage.node.name, ""), downwards) for place in places]
    return "".join(parts) + "</svg>"


def _arrow(start: Place, end: Place, downwards: bool) -> str:
    right, middle = start.x + start.width, start.y + start.height / 2
    if not downwards:
        x, y, half = end.x - 2, end.y + end.height / 2, (right + end.x - 2) / 2
        way = f"M{right:g} {middle:g}C{half:g} {middle:g} {half:g} {y:g} {x:g} {y:g}"
    elif end.y - start.y > 1.5 * start.height:  # bypass a box in between
        out, y = right + ROUND - 8, end.y + end.height / 2
        way = f"M{right:g} {middle:g}Q{out:g} {middle:g} {out:g} {middle + 16:g}V{y - 16:g}Q{out:g} {y:g} {right + 2:g} {y:g}"
    else:
        way = f"M{start.x + start.width / 2:g} {start.y + start.height:g}V{end.y - 2:g}"
    return f'<path class="arrow" marker-end="url(#tip{downwards:d})" d="{way}"/>'


def _box(place: Place, thumb: str, downwards: bool) -> str:
    stage, side = place.stage, NARROW_THUMB if downwards else place.width - 2 * MARGIN
    missing = "" if stage.there else " missing"
    where = f'x="{place.x:g}" y="{place.y:g}" width="{place.width:g}" height="{place.height:g}"'
    parts = [f'<g><rect class="box{missing}" {where} rx="8"/>']
    tx, ty = place.x + MARGIN, place.y + MARGIN
    if thumb:
        parts.append(f'<image class="pixels" x="{tx:g}" y="{ty:g}" width="{side:g}" height="{side:g}" href="{thumb}"/>')
    else:
        parts.append(f'<rect class="nothing" x="{tx:g}" y="{ty:g}" width="{side:g}" height="{side:g}" rx="4"/>')
        parts.append(f'<text class="faint" x="{tx + side / 2:g}" y="{ty + side / 2 + 4:g}">no image</text>')
    x, y = (tx + side + MARGIN, ty + 17) if downwards else (tx, ty + side + 17)
    word, tone = _word(stage)
    lines = (("name", _name(stage)), ("small", _size(stage)))
    parts += [
        f'<text class="{kind}" x="{x:g}" y="{y + 18 * i:g}">{text(words)}</text>'
        for i, (kind, words) in enumerate(lines)
    ]
    parts.append(f'<circle class="dot {tone}" cx="{x + 5:g}" cy="{y + 32:g}" r="5"/>')
    parts.append(f'<text class="small strong" x="{x + 16:g}" y="{y + 36:g}">{text(word)}</text></g>')
    return "".join(parts)


def _word(stage: StageFacts) -> tuple[str, str]:
    """The headline of a stage: its verdict, and its state if not up to date."""
    stands = stage.state.word
    if not stage.verdict:
        return stands, state_tone(stage.state)
    return stage.verdict if stands == "up to date" else f"{stage.verdict}, {stands}", tone_of(stage.verdict)


def _size(stage: StageFacts) -> str:
    """The amount of training or data, short enough for a box."""
    if stage.is_dataset:
        return f"{metric_text(stage.metrics['count'])} images" if "count" in stage.metrics else "no images yet"
    parts = [f"{stage.kimg:.3g} kimg"] if stage.plays else []
    if stage.seconds is not None:
        parts.append(clock(stage.seconds))
    return " · ".join(parts) or ("made" if stage.there else "not trained yet")
