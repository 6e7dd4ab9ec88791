"""The page of `espalier studio`: layout and events. It loads nothing from other machines."""

import contextlib
import html
import os
import signal
import tempfile
import threading
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from espalier.data.errors import InputError
from espalier.data.sources.people import CLASSES
from espalier.pipelines.studio.actions import (
    DIRECTIONS,
    Studio,
    dress,
    image_artifacts,
    labels_of,
    one_of,
    sample,
    shown,
    uploaded,
)
from espalier.stages.fashiongan.translator import People, Translator

SYSTEM = ["system-ui", "sans-serif"]
EVENT: dict[str, Any] = {"api_visibility": "private", "concurrency_id": "networks", "show_progress": "minimal"}
"""Options of every event: one at a time, since the random state of layers is seeded for the whole process."""

CSS = """
.said p { margin: 0; padding: 8px 12px; border-radius: 8px; background: var(--background-fill-secondary); }
#people .grid-container { grid-template-columns: repeat(6, minmax(0, 1fr)); }
.said p.refused { background: var(--error-background-fill); border-left: 4px solid var(--error-border-color); }
"""
EXPLAINED = "The map is a palette or greyscale PNG of the same size as the photo, with classes " + ", ".join(
    f"{number} {name}" for number, name in enumerate(CLASSES)
)


def serve(studio: Studio, host: str, port: int) -> None:
    """Serve the page until Ctrl-C or SIGTERM; its temporary images are deleted on exit."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    around = os.environ.get("NO_PROXY", "")
    os.environ["NO_PROXY"] = f"{around},localhost,{host}" if around else f"localhost,{host}"  # the server calls itself
    with tempfile.TemporaryDirectory(prefix="espalier-studio-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder
        blocks = page(studio)
        _, address, _ = blocks.launch(
            server_name=host, server_port=port, share=False, ssr_mode=False, pwa=False, enable_monitoring=False,
            footer_links=[], quiet=True, prevent_thread_lock=True, css=CSS,
            theme=gr.themes.Default(primary_hue="emerald", font=SYSTEM, font_mono=["ui-monospace", "monospace"]),
        )  # fmt: skip
        print(f"the page: {address.rstrip('/')}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
        blocks.close(verbose=False)


def page(studio: Studio) -> gr.Blocks:
    """The page with both tabs."""
    blocks = gr.Blocks(title="Espalier studio", analytics_enabled=False)
    with blocks:
        gr.Markdown("# Espalier studio")
        with gr.Tab("Dress"):
            if isinstance(studio.translator, str):
                gr.HTML(said(studio.translator), elem_classes="said")
            else:
                _dress_tab(studio.translator, studio.people)
        with gr.Tab("Sample"):
            _sample_tab(blocks)
    return blocks


def said(sentence: str, refused: bool = False) -> str:
    """A message as HTML."""
    return (
        f'<p class="{"refused" if refused else "note"}" role="status">{html.escape(sentence)}</p>' if sentence else ""
    )


def _dress_tab(translator: Translator, people: People | str) -> None:
    """The tab for dressing: a person, a sentence, the result."""
    first = None if isinstance(people, str) else one_of(people, 0)
    who = gr.State(first)
    with gr.Row():
        with gr.Column():
            gallery, photo, classes = _whom(people)
        with gr.Column():
            sentence, seed, button, words = _wish()
            before, after, old, new = _results(first)
    chosen = [who, before, old, new, after, words]

    def upload(photo: str | None, classes: str | None) -> tuple[object, ...]:
        if photo is None or classes is None:
            return (*[gr.skip()] * 5, "")
        try:
            return _chosen(uploaded(Path(photo), Path(classes), translator))
        except InputError as error:
            return (*[None] * 5, said(str(error), refused=True))

    def draw(who: People | None, sentence: str, seed: float | None) -> tuple[object, ...]:
        try:
            made = dress(translator, who, sentence, seed)
        except InputError as error:
            return None, None, said(str(error), refused=True)
        return made.map, made.image, said(made.say)

    for file in (photo, classes):
        file.change(upload, [photo, classes], chosen, **EVENT)
    gr.on([button.click, sentence.submit], draw, [who, sentence, seed], [new, after, words], **EVENT)
    if gallery is None or isinstance(people, str):
        return

    def choose(event: gr.SelectData) -> tuple[object, ...]:
        return _chosen(one_of(people, event.index))

    def unmark(photo: str | None, classes: str | None) -> object:
        return gr.skip() if photo is None or classes is None else gr.Gallery(selected_index=None)

    gallery.select(choose, None, chosen, **EVENT)
    for file in (photo, classes):
        file.change(unmark, [photo, classes], gallery, **EVENT)


def _whom(people: People | str) -> tuple[gr.Gallery | None, gr.File, gr.File]:
    """A gallery of people, if available, and file inputs for your own photo."""
    gallery = None
    if isinstance(people, str):
        gr.HTML(said(people), elem_classes="said")
    else:
        gr.Markdown("Choose a person")
        images = [shown(image) for image in people.images]
        gallery = gr.Gallery(
            images, show_label=False, columns=6, allow_preview=False, selected_index=0, interactive=False,
            format="png", height="auto", buttons=[], elem_id="people",
        )  # fmt: skip
    with gr.Accordion("Your own photo" if gallery is None else "Or your own photo", open=gallery is None):
        with gr.Row():
            photo = gr.File(label="One person", file_types=["image"], height=160, elem_id="photo")
            classes = gr.File(label="Its map", file_types=[".png"], height=160, elem_id="map")
        gr.Markdown(EXPLAINED)
    return gallery, photo, classes


def _wish() -> tuple[gr.Textbox, gr.Number, gr.Button, gr.HTML]:
    """The sentence, the seed, the button and the message field."""
    sentence = gr.Textbox(label="The new outfit", placeholder="a red dress with short sleeves", elem_id="sentence")
    with gr.Row(equal_height=True):
        seed = gr.Number(label="Seed", value=0, precision=0, elem_id="dress-seed")
        button = gr.Button("Dress", variant="primary", elem_id="dress")
    return sentence, seed, button, gr.HTML(elem_classes="said", elem_id="dress-said")


def _results(first: People | None) -> tuple[gr.Image, gr.Image, gr.Image, gr.Image]:
    """Person and result, with the old and new maps below."""
    person, map = (None, None) if first is None else (shown(first.images[0]), shown(first.maps[0]))
    with gr.Row():
        before, after = _image("Person", "person", person), _image("Result", "result")
    with gr.Row():
        old, new = _image("Map", "old-map", map), _image("New map", "new-map")
    return before, after, old, new


def _chosen(people: People) -> tuple[object, ...]:
    """Show the selected person and clear the previous result."""
    return people, shown(people.images[0]), shown(people.maps[0]), None, None, ""


def _image(label: str, name: str, value: Image.Image | None = None) -> gr.Image:
    return gr.Image(value, label=label, format="png", height=250, interactive=False, buttons=["download"], elem_id=name)


def _sample_tab(blocks: gr.Blocks) -> None:
    """The tab for sampling: an artifact, seeds, the grid."""
    with gr.Row():
        with gr.Column(scale=2):
            artifact = gr.Dropdown(label="Artifact", elem_id="artifact")
            number = gr.Slider(1, 64, value=16, step=1, label="Images", elem_id="number")
            seed = gr.Number(label="Seed", value=0, precision=0, elem_id="seed")
            button = gr.Button("Draw", variant="primary", elem_id="draw")
            other = gr.Number(label="Another seed", value=1, precision=0, elem_id="other")
            share = gr.Slider(
                0,
                1,
                value=0,
                step=0.01,
                label="Interpolation",
                info="0: the first seed, 1: the other seed",
                elem_id="share",
            )
            moves, label, of_label = _directions()
            words = gr.HTML(elem_classes="said", elem_id="sample-said")
        with gr.Column(scale=3):
            result = gr.Image(
                show_label=False, format="png", height=640, interactive=False, buttons=["download"], elem_id="grid"
            )

    def look() -> gr.Dropdown:
        names = [path.as_posix() for path in image_artifacts()]
        return gr.Dropdown(names, value=names[-1] if names else None)

    def labelled(path: str | None) -> gr.Dropdown:
        names = labels_of(Path(path)) if path else []
        return gr.Dropdown(names, value=names[0] if names else None, visible=bool(names))

    def draw(
        path: str | None,
        number: int,
        seed: float | None,
        other: float | None,
        share: float,
        label: str | None,
        of_label: float,
        *moves: float,
    ) -> tuple[object, ...]:
        try:
            if path is None:
                raise InputError(
                    "no artifact generates images; train one, for example with: espalier run progan; then reload this page"
                )
            return sample(Path(path), number, seed, other, share, moves, label, of_label), ""
        except InputError as error:
            return None, said(str(error), refused=True)

    given, drawn = [artifact, number, seed, other, share, label, of_label, *moves], [result, words]
    asked = [button.click, seed.submit, other.submit, artifact.input, number.release, share.change]
    asked += [slider.change for slider in (*moves, of_label)] + [label.input]
    gr.on(asked, draw, given, drawn, trigger_mode="always_last", **EVENT)
    artifact.change(labelled, artifact, label, **EVENT)
    blocks.load(look, None, artifact, **EVENT).then(draw, given, drawn, **EVENT)


def _directions() -> tuple[list[gr.Slider], gr.Dropdown, gr.Slider]:
    """Sliders of the directions in closed form, and that of a label."""
    with gr.Accordion("Directions", open=False):
        moves = [
            gr.Slider(-3, 3, value=0, step=0.1, label=f"Direction {number}", elem_id=f"direction-{number}")
            for number in range(1, DIRECTIONS + 1)
        ]
        label = gr.Dropdown(label="Label", visible=False, elem_id="label")
        of_label = gr.Slider(
            -3, 3, value=0, step=0.1, label="Of the label", elem_id="of-label",
            info="labels are found by: espalier directions ARTIFACT --labels",
        )  # fmt: skip
    return moves, label, of_label
