"""Measurements of a run in a CSV file, one row a time of judging."""

import csv
from pathlib import Path

from benchmarks.speedrun.runs import JUDGES


def read(file: Path) -> list[dict[str, float]]:
    with file.open(newline="", encoding="utf-8") as opened:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(opened)]


def write(file: Path, rows: list[dict[str, float]]) -> None:
    with file.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.DictWriter(opened, ["seconds", "kimg", *JUDGES], lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: f"{value:.5g}" for key, value in row.items()} for row in rows)
