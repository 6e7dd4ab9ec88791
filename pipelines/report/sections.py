"""The sections of the page of `espalier report`, each rendered to HTML; empty if there is nothing to show."""

from typing import TYPE_CHECKING, Any

from espalier.pipelines.report.against import Against
from espalier.pipelines.report.chain import Chain, StageFacts, state_tone, tone_of
from espalier.pipelines.report.html import (
    captioned,
    chip,
    digest,
    img,
    metric_text,
    section,
    sentence,
    table,
    text,
    unfolds,
)  # fmt: skip
from espalier.pipelines.report.sheets import whole_image

if TYPE_CHECKING:
    from espalier.stages.evaluation.evaluation import Evaluation

HALF_PAGE = 520
"""Size in pixels of an image that takes half the page width."""


# Verdicts.


def verdicts(chain: Chain) -> str:
    """One line per stage: its verdict with evidence, and its state; stages that the diagram covers fully are omitted."""
    lines = []
    for stage in chain.own:
        chips, words = [], []
        if stage.verdict:
            chips.append(chip(stage.verdict, tone_of(stage.verdict)))
            words.append(str(stage.record.get("evidence") or ""))
        if stage.state.word != "up to date":
            chips.append(chip(stage.state.word, state_tone(stage.state)))
            words.append(stage.state.detail or ("" if stage.there else "not trained yet"))
        said = "; ".join(word for word in words if word)
        if chips:
            cells = (text(stage.node.name), " ".join(chips), f'<span class="note">{text(said)}</span>')
            lines.append("<li>" + "".join(f"<span>{cell}</span>" for cell in cells) + "</li>")
    return f'<ul class="verdicts">{"".join(lines)}</ul>' if lines else ""


# Metrics.


def evaluation_table(found: "Evaluation") -> str:
    """Each metric next to its floor: a bar for the fakes, a mark for the same number of other reals."""

    rows = []
    for name, value in found.metrics.items():
        floor = found.floors.get(name)
        says = f'<span class="note">{text(found.meaning(name))}</span>'
        rows.append(
            [
                text(name),
                _bar(value, floor),
                text(metric_text(value)),
                text(metric_text(floor) if floor is not None else ""),
                says,
            ]
        )
    return table(["metric", "fakes, and | the floor", "fakes", "floor", "meaning"], rows, left=(0, 1, 4))


def _bar(value: float, floor: float | None) -> str:
    floor = value if floor is None else floor
    largest = max(abs(value), abs(floor)) or 1.0
    width, mark = (max(116 * max(v, 0.0) / largest, 0.0) for v in (value, floor))
    return (
        '<svg viewBox="0 0 120 14" width="120" height="14" aria-hidden="true">'
        '<rect class="rail" y="5" width="120" height="4" rx="2"/>'
        f'<rect class="bar" y="3" width="{width:.1f}" height="8" rx="2"/>'
        f'<rect class="floor" x="{mark:.1f}" width="2.5" height="14"/></svg>'
    )


def final_metrics(chain: Chain) -> str:
    """The final metrics of all stages of the pipeline, side by side."""
    stages = [stage for stage in chain.own if stage.metrics]
    names = dict.fromkeys(name for stage in stages for name in stage.metrics)
    rows = [[text(name), *(text(metric_text(s.metrics.get(name, ""))) for s in stages)] for name in names]
    return table(["metric", *(text(stage.name) for stage in stages)], rows)


# Another revision.


def against_section(chain: Chain, other: Against) -> str:
    """Parameters, metrics and samples that differ."""
    label = text(other.revision)
    head = [f"{label}", "here"]
    params = table(
        ["parameter", *head], [[f"<code>{text(k)}</code>", _value(a), _value(b)] for k, a, b in other.params]
    )
    parts = [
        "<h3>Parameters</h3>",
        params or sentence("No parameter of this pipeline differs."),
        "<h3>Final metrics</h3>",
    ]
    rows, without = [], []
    for stage in chain.own:
        theirs = other.stages[stage.node.name].metrics
        if not theirs:
            without.append(stage.node.name)
        for name in dict.fromkeys((*stage.metrics, *theirs)) if theirs else ():
            a, b = theirs.get(name), stage.metrics.get(name)
            if a != b:
                change = metric_text(b - a) if a is not None and b is not None else ""
                rows.append([text(stage.name), text(name), _value(a), _value(b), text(change)])
    if without:
        parts.append(
            sentence(
                f"{other.revision} has no metrics of {', '.join(without)}, or they are not in this machine's cache."
            )
        )
    equal = "" if len(without) == len(chain.own) else sentence("All metrics that both have are equal.")
    parts.append(table(["stage", "metric", *head, "change"], rows, left=(0, 1)) or equal)
    same = [stage.node.name for stage in chain.own if _same_samples(stage, other)]
    parts.append(sentence(f"Identical samples: {', '.join(same)}.") if same else "")
    parts += [_samples_beside(stage, other) for stage in chain.own if stage.node.name not in same]
    return section("against", f"Compared with {other.revision}", *parts)


def _same_samples(stage: StageFacts, other: Against) -> bool:
    theirs = other.stages[stage.node.name].samples
    mine = whole_image(stage.samples) if stage.samples else None
    return theirs is not None and mine is not None and theirs.size == mine.size and theirs.tobytes() == mine.tobytes()


def _samples_beside(stage: StageFacts, other: Against) -> str:
    """The published samples of both, side by side."""
    theirs = other.stages[stage.node.name].samples
    mine = whole_image(stage.samples) if stage.samples else None
    if theirs is None and mine is None:
        return ""
    sides = []
    for image, where in ((theirs, other.revision), (mine, "here")):
        if image is None:
            none = "no samples in this machine's cache" if image is theirs else "no samples"
            sides.append(sentence(f"{stage.node.name}, {where}: {none}."))
            continue
        image.thumbnail((HALF_PAGE, HALF_PAGE))
        shown = img(image, f"samples of {stage.node.name}, {where}", "smooth")
        sides.append(captioned(shown, text(f"{stage.name}, {where}")))
    return f'<div class="pair">{"".join(sides)}</div>'


def _value(value: Any) -> str:
    return '<span class="note">none</span>' if value is None else text(metric_text(value))


# Configuration and lineage.


def flat(options: Any, before: str = "") -> dict[str, str]:
    """Flatten nested options to dotted keys."""
    if not isinstance(options, dict) or not options:
        return {before: "{}" if options == {} else "null" if options is None else metric_text(options)}
    return {
        key: value
        for name, inner in options.items()
        for key, value in flat(inner, f"{before}.{name}" if before else str(name)).items()
    }


def configuration(chain: Chain) -> str:
    """Options shared by all stages, once; options that differ, with one column per stage."""
    stages = [stage for stage in chain.own if stage.config]
    flattened = [flat(stage.config) for stage in stages]
    keys = dict.fromkeys(key for options in flattened for key in options if key not in ("pipeline", "stage"))
    same = [key for key in keys if len({options.get(key) for options in flattened}) == 1]
    shared = table(["option", "value"], [[f"<code>{text(k)}</code>", text(flattened[0][k])] for k in same])
    own = [[f"<code>{text(k)}</code>", *(text(o.get(k, "")) for o in flattened)] for k in keys if k not in same]
    differing = table(["option", *(text(stage.name) for stage in stages)], own)
    return (unfolds("Configuration that differs between stages", differing) if differing else "") + (
        unfolds("Configuration shared by all stages", shared) if shared else ""
    )


def lineage(chain: Chain) -> str:
    """The inputs, code and library versions of each stage."""
    rows = []
    for stage in chain.own:
        if stage.record:
            inputs = "<br>".join(_input(stage.record.get(key), key) for key in ("dataset", "parent", "start", "encoder")
                                 if stage.record.get(key))  # fmt: skip
            inputs = inputs or "<br>".join(
                f"{text(k)} {digest(v)}" for k, v in (stage.record.get("inputs") or {}).items()
            )
            codes = " ".join(digest(code) for code in str(stage.record.get("code") or "").split("+"))
            versions = ", ".join(f"{text(k)} {text(v)}" for k, v in (stage.record.get("versions") or {}).items())
            step = metric_text(stage.record["step"]) if "step" in stage.record else ""
            rows.append([text(stage.node.name), inputs, codes, versions, text(step)])
    return unfolds(
        "Lineage: data, parents, code, libraries",
        table(["stage", "made from", "code", "versions", "steps"], rows, left=range(4)),
    )


def _input(found: Any, kind: str) -> str:
    if not isinstance(found, dict):
        return ""
    return f"{text(kind)} {text(found.get('path', ''))} {digest(found.get('digest'))}"
