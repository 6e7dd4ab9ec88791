"""Sentence encoders: a published one, ready to use. `types/text.py` trains them."""

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
"""Words of a sentence at most; longer ones tell of more than one outfit, and the encoder forgets their beginning."""


class Text:
    """A published sentence encoder: sentences as people write them -> codes (B, width).

    `kinds` maps each attribute to its values, as the heads number them; `digest` is of its published weights.
    """

    def __init__(
        self, encoder: SentenceEncoder, vocabulary: list[str], kinds: dict[str, list[str]], digest: str = ""
    ) -> None:
        self.encoder, self.vocabulary, self.kinds, self.digest = encoder.eval(), vocabulary, kinds, digest
        self._numbers = {word: number for number, word in enumerate(vocabulary, start=1)}

    def numbers(self, sentence: str) -> list[int]:
        """A sentence's word numbers.

        Raises:
            InputError: it is empty or too long, or no word of it is known.
        """
        split = words(sentence)
        if not split:
            raise InputError(f"the sentence {sentence!r} has no words; right would be 'a red dress with short sleeves'")
        if len(split) > LONGEST:
            raise InputError(f"the sentence has {len(split)} words, at most {LONGEST} can be told; say it shorter")
        found = [self._numbers.get(word, UNKNOWN) for word in split]
        if not any(found):
            raise InputError(
                f"no word of the sentence {sentence!r} is known; the vocabulary covers: {', '.join(self.vocabulary)}"
            )
        return found

    def unknown(self, sentence: str) -> list[str]:
        """The words of a sentence that the encoder does not know."""
        return [word for word in words(sentence) if word not in self._numbers]

    @torch.no_grad()
    def encode(self, sentences: Sequence[str]) -> Tensor:
        """Codes (B, width) in (-1, 1). Raises InputError for a sentence that says nothing."""
        numbers, lengths = padded([self.numbers(sentence) for sentence in sentences])
        device = next(self.encoder.parameters()).device
        codes: Tensor = self.encoder(numbers.to(device), lengths)
        return codes

    @torch.no_grad()
    def read(self, sentence: str) -> dict[str, str]:
        """What the encoder takes the sentence to say: the likeliest value of each attribute."""
        logits = self.encoder.attributes(self.encode([sentence]))
        return {name: self.kinds[name][int(of.argmax())] for name, of in logits.items()}


def load_text(path: Path, device: torch.device) -> Text:
    """A published sentence encoder, ready to use.

    Raises:
        InputError: there is none, or it cannot be read.
    """

    def build(found: Published) -> Text:
        record = found.record
        heads = {name: len(values) for name, values in record["kinds"].items()}
        options = record["config"]
        encoder = SentenceEncoder(len(record["vocabulary"]), options["width"], options["layers"], heads)
        encoder.load_state_dict(found.weights)
        return Text(encoder.to(device), record["vocabulary"], record["kinds"], found.digest)

    return read_published(path, "encoder", "sentence encoder", "text", build)
