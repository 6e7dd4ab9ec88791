"""Load and use published sentence encoders. `types/text.py` trains them."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from espalier.data.errors import InputError
from espalier.data.words import words
from espalier.models.fashiongan.sentence import UNKNOWN, SentenceEncoder, padded
from espalier.stages.contracts.published import Published, read_published

ENCODER = "encoder.safetensors"
LONGEST = 60
"""Maximum words per sentence; longer ones describe more than one outfit, and the encoder forgets their beginning."""


class Text:
    """A published sentence encoder: free-form sentences -> codes (B, width).

    `values` maps each attribute to its values, in the order of the head's classes; `digest` is of the published weights.
    """

    def __init__(
        self, encoder: SentenceEncoder, vocabulary: list[str], values: dict[str, list[str]], digest: str = ""
    ) -> None:
        self.encoder, self.vocabulary, self.values, self.digest = encoder.eval(), vocabulary, values, digest
        self._numbers = {word: number for number, word in enumerate(vocabulary, start=1)}

    def numbers(self, sentence: str) -> list[int]:
        """Convert a sentence to word indices.

        Raises:
            InputError: the sentence is empty or too long, or none of its words is in the vocabulary.
        """
        split = words(sentence)
        if not split:
            raise InputError(f"the sentence {sentence!r} has no words; use 'a red dress with short sleeves'")
        if len(split) > LONGEST:
            raise InputError(f"the sentence has {len(split)} words; use at most {LONGEST}")
        found = [self._numbers.get(word, UNKNOWN) for word in split]
        if not any(found):
            raise InputError(
                f"no word of the sentence {sentence!r} is known; the vocabulary covers: {', '.join(self.vocabulary)}"
            )
        return found

    def unknown(self, sentence: str) -> list[str]:
        """Return the words of a sentence that are not in the vocabulary."""
        return [word for word in words(sentence) if word not in self._numbers]

    @torch.no_grad()
    def encode(self, sentences: Sequence[str]) -> Tensor:
        """Encode sentences to codes (B, width) in (-1, 1). Raises InputError if a sentence has no known word or is too long."""
        numbers, lengths = padded([self.numbers(sentence) for sentence in sentences])
        device = next(self.encoder.parameters()).device
        codes: Tensor = self.encoder(numbers.to(device), lengths)
        return codes

    @torch.no_grad()
    def read(self, sentence: str) -> dict[str, str]:
        """Predict the attributes of a sentence: the most likely value of each."""
        logits = self.encoder.attributes(self.encode([sentence]))
        return {name: self.values[name][int(of.argmax())] for name, of in logits.items()}


def load_text(path: Path, device: torch.device) -> Text:
    """Load a published sentence encoder.

    Raises:
        InputError: it is missing or cannot be read.
    """

    def build(found: Published) -> Text:
        record = found.record
        heads = {name: len(values) for name, values in record["values"].items()}
        options = record["config"]
        encoder = SentenceEncoder(len(record["vocabulary"]), options["width"], options["layers"], heads)
        encoder.load_state_dict(found.weights)
        return Text(encoder.to(device), record["vocabulary"], record["values"], found.digest)

    return read_published(path, "encoder", "sentence encoder", "text", build)
