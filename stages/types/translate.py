"""Dress held-out people as other people's sentences describe, using both FashionGAN stages.

As in section 4 of the paper, each test image gets the sentence of another. The release specifies which (`donor` in its
records); otherwise it is a permutation derived from the seed. The metrics of drawn dolls are in `stages/fashiongan/metrics.py`.
"""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from espalier.data.dolls.reading import mentioned as mentioned_by
from espalier.data.store import Store
from espalier.stages.config.load import stage_options
from espalier.stages.config.params import ARTIFACTS
from espalier.stages.contracts.published import published
from espalier.stages.contracts.stage_type import StageOptions, StageType
from espalier.stages.fashiongan.metrics import accuracies, distance, iou
from espalier.stages.fashiongan.outfits import FACE, HAIR, sentence_codes
from espalier.stages.fashiongan.sheet import Row, sheet
from espalier.stages.fashiongan.translator import People, Translated, Translator, people_of
from espalier.stages.kinds.grids import save_image
from espalier.stages.process.device import choose_device
from espalier.stages.process.progress import Bar
from espalier.stages.process.seeds import derive_seed

AT_ONCE = 100


class TranslateOptions(StageOptions):
    """Options of a translate stage, which does not train."""

    type: Literal["translate"]
    dataset: Path = Field(description="prepared held-out people")
    after: Path = Field(
        description="the second stage's artifact; the first stage and the encoder come from its lineage"
    )
    count: int = Field(default=1000, ge=20, description="number of people to translate")
    shown: int = Field(default=12, ge=1, description="rows of the sample sheet")
    seed: int = Field(default=0, ge=0)


class Held:
    """Held-out people of a store, their `places` in it, and the places of the `donors` of the sentences they get."""

    def __init__(self, config: TranslateOptions, translator: Translator) -> None:
        self.store = store = Store(config.dataset)
        self.count = min(config.count, store.manifest.count)
        self.records = store.records()
        self.people, self.places = people_of(store, translator.resolution, self.count)
        self.codes = sentence_codes(store, translator.text)
        self.donors = self._donors(config.seed)
        self.sentences = [str(self.records[i].get("sentence", "")) for i in self.donors]

    def _donors(self, seed: int) -> NDArray[np.int64]:
        others = np.random.default_rng(derive_seed(seed, "donors")).permutation(self.count)
        others = others[(np.argsort(others) + 1) % self.count]  # no one gets their own sentence
        those = zip(self.places, self.places[others], strict=True)
        return np.array([self.records[place].get("donor", other) for place, other in those])

    @property
    def drawn(self) -> bool:
        """Whether these are dolls, whose outfits can be parsed by rules."""
        return all("pose_left_arm" in record.get("attributes", {}) for record in self.records)


class Translate(StageType):
    """The stage type."""

    def __init__(self, params: dict[str, Any], pipeline: str, stage: str) -> None:
        self.pipeline, self.stage = pipeline, stage
        self.config = stage_options(params, pipeline, stage, TranslateOptions)

    def run(self) -> None:
        translate(self.pipeline, self.stage, self.config)


def translate(pipeline: str, stage: str, config: TranslateOptions) -> None:
    """Translate, compute metrics and publish."""
    translator = Translator(config.after, choose_device())
    held = Held(config, translator)
    made = _translated(translator, held, f"{pipeline}@{stage}", config.seed)
    metrics = measured(held, made, config.seed)
    out = ARTIFACTS / pipeline / stage
    inputs = {"image": translator.artifact.digest, "people": held.store.digest}
    with published(out, {"config": config.model_dump(mode="json"), "inputs": inputs}, metrics) as folder:
        save_image(sheet(rows(held, made, config.shown), HEADS), folder / "samples.png")
    print(f"{pipeline}@{stage} is done: {out}  " + "  ".join(f"{k} {v:.3g}" for k, v in metrics.items()))


def _translated(translator: Translator, held: Held, name: str, seed: int) -> Translated:
    parts = []
    with Bar(name, held.count) as bar:
        for start in range(0, held.count, AT_ONCE):
            some = slice(start, min(start + AT_ONCE, held.count))
            people = People(held.people.images[some], held.people.maps[some], held.people.attributes[some])
            parts.append(translator(people, held.codes[held.donors[some]], derive_seed(seed, "part", start)))
            if bar.due():
                bar.show(some.stop, "people translated")
    maps = [part.maps for part in parts if part.maps is not None]
    return Translated(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.raw for part in parts]),
        np.concatenate(maps) if maps else None,
    )


def measured(held: Held, made: Translated, seed: int) -> dict[str, float]:
    """All metrics by name. `_ceiling`: for the sentence's own real image; `_chance`: with shuffled sentences."""
    metrics: dict[str, float] = {}
    people = held.people
    if made.maps is not None:
        metrics |= {"hair_iou": iou(people.maps, made.maps, HAIR), "face_iou": iou(people.maps, made.maps, FACE)}
    half = held.count // 2
    metrics["frechet"] = distance(made.images, people.images)
    metrics["frechet_floor"] = distance(people.images[:half], people.images[half:])
    if held.drawn:
        metrics |= _read(held, made, seed)
    return {name: round(value, 4) for name, value in metrics.items()}


def _read(held: Held, made: Translated, seed: int) -> dict[str, float]:
    attributes: list[dict[str, Any]] = [record["attributes"] for record in held.records]
    bodies, wanted = ([attributes[i] for i in of] for of in (held.places, held.donors))
    mentioned = [mentioned_by(sentence, doll) for sentence, doll in zip(held.sentences, wanted, strict=True)]
    shuffled = np.random.default_rng(derive_seed(seed, "shuffled")).permutation(held.count)
    true = held.store.images(held.people.images.shape[1])[held.donors]
    found = {
        "": accuracies(made.images, bodies, wanted, mentioned),
        "_ceiling": accuracies(true, wanted, wanted, mentioned),
        "_chance": accuracies(made.images, bodies, [wanted[i] for i in shuffled], [mentioned[i] for i in shuffled]),
    }
    metrics = {f"{name}{kind}": value for kind, of in found.items() for name, value in of.items()}
    return metrics | {f"accuracy{kind}": float(np.mean(list(of.values()))) for kind, of in found.items()}


HEADS = ("sentence", "person", "map", "new map", "result")


def rows(held: Held, made: Translated, count: int) -> list[Row]:
    """The first people as rows of the sample sheet."""
    found = []
    for i in range(min(count, held.count)):
        new = held.people.maps[i] if made.maps is None else made.maps[i]
        found.append(Row(held.sentences[i], [held.people.images[i], held.people.maps[i], new, made.images[i]]))
    return found
