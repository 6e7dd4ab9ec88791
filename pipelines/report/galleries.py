"""The images on the page of `espalier report`: growth along the chain and over time, fakes and reals, interpolation."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from espalier.data.errors import InputError
from espalier.pipelines.report.chain import Chain, StageFacts
from espalier.pipelines.report.html import captioned, img, section, sentence, text
from espalier.pipelines.report.networks import (
    Drawn,
    dataset_of,
    drawn,
    draws_alone,
    nearest,
    over_time,
    real_images,
    same_latents,
    walked,
)  # fmt: skip
from espalier.pipelines.report.sheets import Images, sheet, spread, whole_image

if TYPE_CHECKING:
    from PIL import Image

LATENTS, BESIDE, NEIGHBOURS = 12, 36, 8
TIME_LATENTS, WALK_ENDS, WALK_FRAMES = 4, 4, 8
MOST_STAGES = 6
"""Maximum number of columns in a growth strip."""
WIDEST = 900
THUMB = 256


def draw_stages(chain: Chain) -> list[Drawn]:
    """Samples of all stages that generate images from latents alone; from the same latents if their inputs match."""
    alone = [stage for stage in chain.trained if draws_alone(stage)]
    chosen = [alone[place] for place in spread(len(alone), MOST_STAGES)]
    return [drawn(stage, BESIDE) for stage in chosen]


def thumbs(chain: Chain, made: Sequence[Drawn]) -> dict[str, "Image.Image"]:
    """A square thumbnail for the box of each stage: four of its samples if available, else a crop of its sample sheet."""
    four = {one.stage.node.name: one.images[:4] for one in made if one.images is not None}
    found = {}
    for stage in chain.stages:
        images = four.get(stage.node.name)
        if images is None:
            images = _first_reals(stage) if stage.is_dataset else next((p for _, p in over_time(stage, 4)[-1:]), None)
        image = sheet(images, 2) if images is not None else _part_of_samples(stage)
        if image is not None:
            found[stage.node.name] = image
    return found


def _first_reals(stage: StageFacts) -> Images | None:
    from espalier.data.store import Store

    try:
        store = Store(stage.node.artifact)
        return real_images(store, max(store.manifest.resolutions, default=0), 4)
    except InputError:  # points, missing or damaged: a box without image
        return None


def _part_of_samples(stage: StageFacts) -> "Image.Image | None":
    """The whole sheet if square; for a sheet of translated people, the last columns of the first row."""
    from espalier.stages.fashiongan.sheet import GAP, LINE, SIDE

    image = whole_image(stage.samples) if stage.samples else None
    if image is not None and stage.config.get("type") == "translate":
        part, top = 2 * (SIDE + GAP), LINE + 2 * GAP
        image = image.crop((image.width - part, top, image.width - GAP, top + part - GAP))
    if image is not None:
        image.thumbnail((THUMB, THUMB))
    return image


def growth(chain: Chain, made: Sequence[Drawn]) -> str:
    """The same latents along the chain, one strip each; and over time within each stage."""
    whole = [one for one in made if one.images is not None]
    parts = [sentence(f"{one.stage.node.name} could not be drawn: {one.why}") for one in made if one.images is None]
    same = same_latents([one.stage for one in whole]) if whole else []
    shown = [one for one in whole if one.stage in same]
    if len(shown) > 1:
        way = " → ".join(f"{one.stage.name} ({_size(one)})" for one in shown)
        parts.append(sentence(f"Each strip shows one latent in every stage's generator: {way}."))
        strips = (_strip([one.images[i] for one in shown if one.images is not None], i) for i in range(LATENTS))
        parts.append(f'<div class="strips">{"".join(strips)}</div>')
    times = "".join(_times(stage) for stage in chain.trained)
    parts.append(f'<div class="pair">{times}</div>' if times else "")
    return section("growth", "Growth", *parts)


def _size(one: Drawn) -> str:
    return "0×0" if one.images is None else "×".join(map(str, one.images.shape[1:3]))


def _strip(images: Sequence[Images], number: int) -> str:
    return f"<figure>{img(sheet(images, len(images)), f'latent {number + 1} in every stage')}</figure>"


def _times(stage: StageFacts) -> str:
    """A stage's first latents over time, one row each."""
    times = over_time(stage, TIME_LATENTS)
    if len(times) < 2:
        return ""
    laid = [images[row] for row in range(TIME_LATENTS) for _, images in times if row < len(images)]
    kimg = ", ".join(f"{at:.3g}" for at, _ in times)
    shown = img(sheet(laid, len(times)), f"{stage.node.name} over time")
    return f"<div><h3>{text(stage.name)} over time</h3>{captioned(shown, f'after {text(kimg)} kimg', 'times')}</div>"


def samples(chain: Chain, made: Sequence[Drawn]) -> str:
    """The published samples of stages that need more than latents or are no images: maps, points, dressed people."""
    drawn_here = {one.stage.node.name for one in made if one.images is not None}
    parts = []
    for stage in chain.own:
        if stage.samples is None or stage.node.name in drawn_here or draws_alone(stage):
            continue
        image = whole_image(stage.samples, WIDEST)
        if image is not None:
            shown = captioned(img(image, f"samples of {stage.node.name}", "smooth"), text(stage.node.name), "large")
            parts.append(shown)
    return section("samples", "Samples", *parts)


def beside_reals(chain: Chain, made: Sequence[Drawn]) -> str:
    """The last stage's fakes next to reals, the nearest real of each fake, and an interpolation between latents."""
    from espalier.data.store import Store

    whole = [one for one in made if one.images is not None]
    path = dataset_of(chain)
    if not whole or path is None:
        return ""
    last, fakes = whole[-1].stage, whole[-1].images
    assert fakes is not None
    try:
        store = Store(path)
        reals = real_images(store, max(fakes.shape[1:3]), len(fakes))
        near = nearest(fakes[:NEIGHBOURS], store)
    except InputError as error:
        return section("beside", "Compared with real images", sentence(str(error)), _walk(last))
    pair = (
        captioned(img(sheet(fakes, 6), f"fakes of {last.node.name}"), f"generated by {text(last.node.name)}")
        + captioned(img(sheet(reals, 6), "real images"), f"real, from {text(path)}")
    )  # fmt: skip
    rows = [*fakes[:NEIGHBOURS], *near.reals]
    caption = f"Top: fakes; bottom: the nearest real image to each, {text(near.by)} images of {text(path)}."
    found = captioned(img(sheet(rows, NEIGHBOURS), "fakes above their nearest real images"), caption, "large")
    warned = sentence(_of_copies(near.copies), "warning") if near.copies else ""
    parts = (f'<div class="pair">{pair}</div>', "<h3>Nearest real images</h3>", warned, found, _walk(last))
    return section("beside", "Compared with real images", *parts)


def _of_copies(copies: int) -> str:
    are = "is" if copies == 1 else "are"
    return (
        f"{copies} of these {NEIGHBOURS} fakes {are} closer to a real image than real images are to each other: this may be "
        "memorization."
    )


def _walk(stage: StageFacts) -> str:
    """Interpolation between latents by slerp, one row per pair."""
    found = walked(stage, WALK_ENDS, WALK_FRAMES)
    if found.images is None:
        return ""
    shown = img(sheet(found.images, WALK_FRAMES), "interpolation between latents")
    words = f"Interpolation (slerp) through {WALK_ENDS} latents of {stage.node.name} and back to the first, one row per pair."
    return "<h3>Interpolation</h3>" + captioned(shown, text(words), "large")
