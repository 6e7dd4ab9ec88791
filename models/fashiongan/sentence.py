"""FashionGAN's sentence encoder: a recurrent network over words, trained to predict the outfit attributes in the sentence.

Sources: Zhu et al., "Be Your Own Prada" (2017), and the released language/train_te.py: one-hot words, a plain RNN with
tanh of 2 layers of 100 and initial state 0; the code of a sentence is the last layer's last state; one linear head per
attribute. Released: category 19, colour 17, gender 2, sleeve 4.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

UNKNOWN = 0
"""Index of every out-of-vocabulary word; known words count from 1."""


class SentenceEncoder(nn.Module):
    """Word indices int64 (B, T) in 0..words, padded after `lengths` int64 (B,) -> codes (B, width) in (-1, 1).

    `heads` maps each attribute to its number of classes.
    """

    def __init__(self, words: int, width: int, layers: int, heads: Mapping[str, int]) -> None:
        super().__init__()
        self.symbols = words + 1
        self.rnn = nn.RNN(self.symbols, width, layers, batch_first=True)
        self.heads = nn.ModuleDict({f"head_{name}": nn.Linear(width, classes) for name, classes in heads.items()})

    def forward(self, numbers: Tensor, lengths: Tensor) -> Tensor:
        one_hot = F.one_hot(numbers, self.symbols).float()
        packed = pack_padded_sequence(one_hot, lengths.cpu(), batch_first=True, enforce_sorted=False)
        _, last = self.rnn(packed)
        codes: Tensor = last[-1]
        return codes

    def attributes(self, codes: Tensor) -> dict[str, Tensor]:
        """Codes (B, width) -> logits (B, classes) for each attribute."""
        return {name.removeprefix("head_"): head(codes) for name, head in self.heads.items()}


def padded(sentences: list[list[int]]) -> tuple[Tensor, Tensor]:
    """Word indices of non-empty sentences -> (B, T) padded with 0, and lengths (B,)."""
    lengths = torch.tensor([len(s) for s in sentences])
    numbers = nn.utils.rnn.pad_sequence([torch.tensor(s) for s in sentences], batch_first=True)
    return numbers, lengths
