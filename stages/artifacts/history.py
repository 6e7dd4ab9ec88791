"""CSV logs in the work folder: history.csv, evaluations.csv, monitor.csv."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from espalier.data.files import whole_file


class History:
    """A CSV log with one row per log step. A step already present is not written twice."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[str, str]] = []
        if path.exists():
            with path.open(newline="", encoding="utf-8") as file:
                self.rows = list(csv.DictReader(file))

    def cut(self, step: int) -> None:
        """Drop rows after a step, and any partially written row."""
        self.rows = [row for row in self.rows if (row.get("step") or "").isdigit() and int(row["step"]) <= step]
        self.rows = [row for row in self.rows if None not in row.values()]
        self.write(self.path, self.rows)

    def add(self, row: Mapping[str, float | str]) -> None:
        """Append a row at row["step"]; the first row sets the columns. A term that was never due since then counts as 0."""
        if self.rows and int(self.rows[-1]["step"]) >= int(row["step"]):
            return
        columns = list(self.rows[0] if self.rows else row)
        text = {name: _as_text(row.get(name, 0.0)) if name != "step" else f"{int(row['step'])}" for name in columns}
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
        """Write rows as CSV, atomically."""
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else ["step"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        with whole_file(path) as partial:
            partial.write_text(text.getvalue(), encoding="utf-8")


def _as_text(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.6g}"
