"""The small parts that the page of `espalier report` is made of: escaped text, tables, pictures as data, what unfolds."""

import base64
import html
import io
import math
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image

LOSSLESS_SIDE = 640
"""Pictures up to so many pixels wide and high stay exact; larger ones would make the page heavy."""
WIDEST = 1280


def text(value: Any) -> str:
    """Anything as text that can neither end an element nor an attribute."""
    return html.escape(str(value), quote=True)


def figure_text(value: Any) -> str:
    """A number as people read it, anything else as it is; not escaped."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, int) or (math.isfinite(value) and value == int(value) and abs(value) < 1e7):
        return f"{int(value):,}".replace("-", "−")
    return f"{value:.4g}".replace("-", "−", 1) if value < 0 else f"{value:.4g}"


def data_uri(image: "Image.Image", exact: bool = True) -> str:
    """A picture as an address that holds it: exact if wanted and if it is small, else a WebP of 1,280 pixels a side at most."""
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


def picture(image: "Image.Image", alt: str, kind: str = "pixels") -> str:
    """An <img>; `kind` "pixels" is exact and enlarges each pixel to a square, "smooth" is neither."""
    width, height = image.size
    source = data_uri(image, exact=kind == "pixels")
    return f'<img class="{kind}" width="{width}" height="{height}" alt="{text(alt)}" src="{source}">'


def captioned(inner: str, caption: str, kind: str = "") -> str:
    """A <figure>; `caption` is HTML."""
    return f'<figure class="{kind}">{inner}<figcaption>{caption}</figcaption></figure>'


def section(key: str, title: str, *parts: str) -> str:
    """A part of the page, which the line of links at its top leads to; empty where there is nothing in it."""
    inner = "\n".join(part for part in parts if part)
    return f'<section id="{key}"><h2>{text(title)}</h2>\n{inner}\n</section>' if inner else ""


def sentence(words: str, kind: str = "note") -> str:
    """A paragraph of plain text."""
    return f'<p class="{kind}">{text(words)}</p>' if words else ""


def unfolds(title: str, inner: str, opened: bool = False) -> str:
    """What is folded away until it is wanted; `title` is HTML."""
    return f"<details{' open' if opened else ''}><summary>{title}</summary>{inner}</details>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], left: Collection[int] = (0,)) -> str:
    """A table of cells that are HTML; all columns but those of the places in `left` are of numbers, and to the right.

    It scrolls in a box of its own where the page is narrow.
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
    """A word with the dot of its tone: the colour is never all that tells it."""
    return f'<span class="chip"><i class="dot {text(tone)}"></i>{text(words)}</span>'


def digest(value: Any) -> str:
    """The first letters of a digest, the whole of it where the pointer rests."""
    whole = str(value or "")
    return f'<code title="{text(whole)}">{text(whole[:12])}</code>' if whole else ""
