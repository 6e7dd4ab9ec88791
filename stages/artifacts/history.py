"""Scalars over time: summed on the device, read at the log step, kept as history.csv in the work folder."""

import csv
import io
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from espalier.data.files import whole_file


class TrainingFailed(Exception):
    """Training cannot go on; the message says at which step, which term, and what to do."""


class Meter:
    """Mean of each scalar since the last row, and the first moment that any was not finite."""

    def __init__(self) -> None:
        self.sums: dict[str, float] = {}
        self.count = 0
        self._pending: list[tuple[int, dict[str, Tensor]]] = []

    def add(self, step: int, scalars: dict[str, Tensor]) -> None:
        """Note scalars of an iteration; nothing is read from the device."""
        self._pending.append((step, scalars))

    def read(self) -> dict[str, float]:
        """Read what is pending from the device and return the means.

        Raises:
            TrainingFailed: a scalar was NaN or infinite; with the step and the terms.
        """
        if self._pending:
            # Lazy terms are absent from some iterations; one read from the device serves all the same.
            values = iter(torch.stack([v.float() for _, scalars in self._pending for v in scalars.values()]).tolist())
            for step, scalars in self._pending:
                found = {name: next(values) for name in scalars}
                bad = [name for name, value in found.items() if value != value or abs(value) == float("inf")]
                if bad:
                    raise TrainingFailed(f"step {step + 1}: {', '.join(f'{n} is {found[n]}' for n in bad)}")
                for name, value in found.items():
                    self.sums[name] = self.sums.get(name, 0.0) + value
                self.count += 1
            self._pending.clear()
        return {name: value / self.count for name, value in self.sums.items()}

    def restart(self) -> None:
        """Begin the next row."""
        self.sums, self.count = {}, 0

    def state_dict(self) -> dict[str, Any]:
        """So that a row that a crash cut in two is the same row."""
        self.read()
        return {"sums": dict(self.sums), "count": self.count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.sums, self.count = dict(state["sums"]), state["count"]


class History:
    """history.csv: one row a log step. A step that is there already is not written twice."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[str, str]] = []
        if path.exists():
            with path.open(newline="", encoding="utf-8") as file:
                self.rows = list(csv.DictReader(file))

    def cut(self, step: int) -> None:
        """Drop rows after a step, and any half-written one."""
        self.rows = [row for row in self.rows if (row.get("step") or "").isdigit() and int(row["step"]) <= step]
        self.rows = [row for row in self.rows if None not in row.values()]
        self.write(self.path, self.rows)

    def add(self, row: dict[str, float]) -> None:
        """Append a row at row["step"]; the first row sets the columns, a term that was never due since counts 0."""
        if self.rows and int(self.rows[-1]["step"]) >= row["step"]:
            return
        columns = list(self.rows[0] if self.rows else row)
        text = {name: f"{row.get(name, 0.0):.6g}" if name != "step" else f"{int(row['step'])}" for name in columns}
        self.rows.append(text)
        if len(self.rows) == 1:
            self.write(self.path, self.rows)
            return
        with self.path.open("a", encoding="utf-8") as file:
            file.write(",".join(text.values()) + "\n")

    def until(self, step: int) -> list[dict[str, str]]:
        """The rows up to a step."""
        return [row for row in self.rows if int(row["step"]) <= step]

    @staticmethod
    def write(path: Path, rows: list[dict[str, str]]) -> None:
        """Rows as CSV, whole or not at all."""
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else ["step"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        with whole_file(path) as partial:
            partial.write_text(text.getvalue(), encoding="utf-8")
