"""The page of `espalier report`: one self-contained HTML file with embedded images."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from espalier.data.errors import InputError
from espalier.data.files import whole_file
from espalier.pipelines.report.against import Against, read_against
from espalier.pipelines.report.chain import Chain, StageFacts, read_chain
from espalier.pipelines.report.curves import curves
from espalier.pipelines.report.diagram import diagram
from espalier.pipelines.report.galleries import beside_reals, draw_stages, growth, samples, thumbs
from espalier.pipelines.report.html import data_uri, section, sentence, text
from espalier.pipelines.report.networks import makes
from espalier.pipelines.report.sections import (
    against_section,
    configuration,
    evaluation_table,
    final_metrics,
    lineage,
    verdicts,
)  # fmt: skip
from espalier.pipelines.report.style import STYLE
from espalier.stages.process.progress import clock

LINKS = {
    "growth": "Growth",
    "beside": "Compared with reals",
    "samples": "Samples",
    "curves": "Curves",
    "metrics": "Metrics",
    "against": "Comparison",
    "origin": "Configuration and lineage",
}


def write_report(pipeline: str, out: Path, number: int, against: str) -> None:
    """Write the page of a pipeline; `number`: samples for its metrics, `against`: a revision to compare with.

    Raises:
        InputError: no such pipeline or revision, nothing trained yet, or the file cannot be written.
    """
    if out.is_dir():
        raise InputError(f"--out is {out}, which is a folder; use {out / 'report.html'}")
    chain = read_chain(pipeline)
    other = read_against(chain, against) if against else None  # check before measuring anything
    with _writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
    content = page(chain, number, other)
    with _writing(out), whole_file(out) as partial:
        partial.write_text(content, encoding="utf-8")


@contextlib.contextmanager
def _writing(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"--out {out}: cannot write the file: {error.strerror}") from error


def page(chain: Chain, number: int, other: Against | None = None) -> str:
    """The whole page as HTML."""
    print(f"drawing the stages of {chain.pipeline} ...", flush=True)
    made = draw_stages(chain)
    small = {name: data_uri(image) for name, image in thumbs(chain, made).items()}
    parts = [
        growth(chain, made),
        beside_reals(chain, made),
        samples(chain, made),
        curves(chain),
        _metrics(chain, number),
        against_section(chain, other) if other is not None else "",
        section("origin", "Configuration and lineage", configuration(chain), lineage(chain)),
    ]
    links = "".join(
        f'<a href="#{key}">{text(title)}</a>'
        for key, title in LINKS.items()
        if any(f'<section id="{key}">' in part for part in parts)
    )
    head = f"<h1>{text(chain.pipeline)}</h1>{sentence(_lead(chain), 'lead')}<nav>{links}</nav>"
    body = "\n".join([head, diagram(chain, small), verdicts(chain), *parts])
    now = time.strftime("%Y-%m-%d %H:%M")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{text(chain.pipeline)}: report</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{STYLE}</style></head>\n<body>\n{body}\n"
        f"<footer>Made {now} by espalier report {text(chain.pipeline)}</footer>\n</body></html>\n"
    )


def _lead(chain: Chain) -> str:
    """The chain in one line: how many stages exist, and how long they were trained."""
    there = [stage for stage in chain.own if stage.there]
    plural = "" if len(chain.own) == 1 else "s"
    parts = [f"{len(there)} of {len(chain.own)} stage{plural} finished"]
    if chain.trained:
        parts.append(f"{sum(stage.kimg for stage in chain.trained):.3g} thousand images")
    timed = [stage.seconds for stage in chain.own if stage.seconds is not None]
    if timed:
        missing = "" if len(timed) == len(there) else f" (of {len(timed)} stages)"
        parts.append(f"{clock(sum(timed))} of training{missing}")
    return ", ".join(parts) + "."


def _metrics(chain: Chain, number: int) -> str:
    """The evaluation of the last stage that generates images, next to the floor; and the final metrics of all stages."""
    last = next((stage for stage in reversed(chain.trained) if makes(stage) == "images"), None)
    parts = _evaluated(last, number) if last is not None else []
    return section("metrics", "Metrics", *parts, "<h3>Final metrics of every stage</h3>", final_metrics(chain))


def _evaluated(stage: StageFacts, number: int) -> list[str]:
    from espalier.pipelines.commands.evaluate import evaluation_of

    try:
        found = evaluation_of(stage.node.artifact, number, 0, None, None)
    except InputError as error:
        return [sentence(f"{stage.node.name} could not be evaluated against real images: {error}")]
    about = (
        f"{number:,} samples of {stage.node.name} against {found.about['reference']}: the value for other real images."
    )
    return [sentence(f"{about} Compare metrics only at the same number of samples."), evaluation_table(found)]
