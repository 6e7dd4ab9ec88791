"""Scalars collected on the device and read at each log step; the first that is not finite is noted."""

from typing import Any

import torch
from torch import Tensor


class Meter:
    """The mean of each scalar since the last row, and the first step at which one was not finite."""

    def __init__(self) -> None:
        self.bad: str | None = None
        self.sums: dict[str, float] = {}
        self.count = 0
        self._pending: list[tuple[int, dict[str, Tensor]]] = []

    def add(self, step: int, scalars: dict[str, Tensor]) -> None:
        """Add the scalars of an iteration. Nothing is read from the device."""
        self._pending.append((step, scalars))

    def read(self) -> dict[str, float]:
        """Read pending scalars from the device and return the means. If one was NaN or infinite, `bad` names it and its step."""
        if self._pending:
            # Lazy terms are absent from some iterations; a single read from the device still covers all.
            values = iter(torch.stack([v.float() for _, scalars in self._pending for v in scalars.values()]).tolist())
            for step, scalars in self._pending:
                found = {name: next(values) for name in scalars}
                bad = [name for name, value in found.items() if value != value or abs(value) == float("inf")]
                if bad and self.bad is None:
                    self.bad = f"step {step + 1}: {', '.join(f'{n} is {found[n]}' for n in bad)}"
                for name, value in found.items():
                    self.sums[name] = self.sums.get(name, 0.0) + value
                self.count += 1
            self._pending.clear()
        return {name: value / self.count for name, value in self.sums.items()}

    def restart(self) -> None:
        """Start the next row."""
        self.sums, self.count = {}, 0

    def state_dict(self) -> dict[str, Any]:
        """The state, so that a row interrupted by a crash comes out the same."""
        self.read()
        return {"sums": dict(self.sums), "count": self.count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state from `state_dict`."""
        self.sums, self.count = dict(state["sums"]), state["count"]
