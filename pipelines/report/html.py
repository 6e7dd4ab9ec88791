"""HTML building blocks of the page of `espalier report`: escaped text, tables, embedded images, collapsible parts."""

import base64
import html
import io
import math
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image

LOSSLESS_SIDE = 640
"""Images up to this many pixels wide and high stay lossless; larger ones would bloat the page."""
WIDEST = 1280


def text(value: Any) -> str:
    """Escape anything for use in an element or an attribute."""
    return html.escape(str(value), quote=True)


def metric_text(value: Any) -> str:
    """Format a number for display, anything else as a string; not escaped."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, int) or (math.isfinite(value) and value == int(value) and abs(value) < 1e7):
        return f"{int(value):,}".replace("-", "−")
    return f"{value:.4g}".replace("-", "−", 1) if value < 0 else f"{value:.4g}"


def data_uri(image: "Image.Image", exact: bool = True) -> str:
    """An image as a data URI: lossless PNG if `exact` and small, else WebP of at most 1,280 pixels per side."""
    from PIL import Image

    file = io.BytesIO()
    if exact and max(image.size) <= LOSSLESS_SIDE:
        image.save(file, format="PNG", optimize=True)
        return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")
    if max(image.size) > WIDEST:
        image = image.copy()
        image.thumbnail((WIDEST, WIDEST), Image.Resampling.LANCZOS)
    image.save(file, format="WEBP", quality=86)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def img(image: "Image.Image", alt: str, kind: str = "pixels") -> str:
    """An <img>; `kind` "pixels" is lossless and upsampled without smoothing, "smooth" is neither."""
    width, height = image.size
    source = data_uri(image, exact=kind == "pixels")
    return f'<img class="{kind}" width="{width}" height="{height}" alt="{text(alt)}" src="{source}">'


def captioned(inner: str, caption: str, kind: str = "") -> str:
    """A <figure>; `caption` is HTML."""
    return f'<figure class="{kind}">{inner}<figcaption>{caption}</figcaption></figure>'


def section(key: str, title: str, *parts: str) -> str:
    """A section of the page, linked from its navigation; empty if it has no content."""
    inner = "\n".join(part for part in parts if part)
    return f'<section id="{key}"><h2>{text(title)}</h2>\n{inner}\n</section>' if inner else ""


def sentence(words: str, kind: str = "note") -> str:
    """A paragraph of plain text."""
    return f'<p class="{kind}">{text(words)}</p>' if words else ""


def unfolds(title: str, inner: str) -> str:
    """A collapsible part; `title` is HTML."""
    return f"<details><summary>{title}</summary>{inner}</details>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], left: Collection[int] = (0,)) -> str:
    """A table of HTML cells. Columns are right-aligned numbers, except those with an index in `left`.

    On a narrow page it scrolls in its own box.
    """
    sides = [' class="left"' if place in left else "" for place in range(len(head))]
    above = "".join(f'<th scope="col"{side}>{cell}</th>' for cell, side in zip(head, sides, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{side}>{cell}</td>" for cell, side in zip(row, sides, strict=True)) + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll" tabindex="0"><table><thead><tr>{above}</tr></thead><tbody>{body}</tbody></table></div>'
        if body
        else ""
    )


def chip(words: str, tone: str) -> str:
    """A word with a dot in the colour of its tone, so that colour is never the only cue."""
    return f'<span class="chip"><i class="dot {text(tone)}"></i>{text(words)}</span>'


def digest(value: Any) -> str:
    """The first characters of a digest; the whole digest on hover."""
    whole = str(value or "")
    return f'<code title="{text(whole)}">{text(whole[:12])}</code>' if whole else ""
