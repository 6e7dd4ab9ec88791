"""Replay buffer: the discriminator is occasionally shown earlier fakes.

New fakes fill a pool of `size`. Once it is full, with probability `share` an old fake from the pool is shown instead of a new
one, and the new one replaces it in the pool. Source: Shrivastava et al., "Learning from Simulated and Unsupervised Images through
Adversarial Training", section 2.3; 50 images and 1/2 as in the released CycleGAN; ganhacks #8. The pool is checkpointed.
"""

from __future__ import annotations

from typing import Any

import torch
from pydantic import Field, PrivateAttr
from torch import Tensor

from espalier.stages.tricks.parts import View
from espalier.stages.tricks.trick import Trick


class Replay(Trick):
    """Keeps the discriminator from forgetting."""

    name = "replay"
    scheduled = ("share",)
    size: int = Field(default=50, ge=1, description="fakes in the pool")
    share: float = Field(default=0.5, gt=0, le=1, description="share of a batch to replace by old fakes")
    _pool: list[Tensor] = PrivateAttr(default_factory=list)

    def whole_batch(self) -> str | None:
        return "the pool changes with every fake, in order"

    def fakes(self, fakes: Tensor, view: View) -> Tensor:
        shown = []
        swaps = (view.context.uniform((len(fakes),), self.name) < self.share).tolist()
        places = view.context.integers(self.size, (len(fakes),), self.name, "place").tolist()
        for fake, swap, place in zip(fakes, swaps, places, strict=True):
            if len(self._pool) < self.size:
                self._pool.append(fake.clone())
                shown.append(fake)
            elif swap:
                shown.append(self._pool[place])
                self._pool[place] = fake.clone()
            else:
                shown.append(fake)
        return torch.stack([one.to(fakes.device) for one in shown])

    def state_dict(self) -> dict[str, Any]:
        return {"pool": torch.stack(self._pool) if self._pool else torch.empty(0)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._pool = list(state["pool"])
