"""python -m benchmarks.faults: break trainings in every way there is, and write the counts to docs/tables/faults.md.

    python -m benchmarks.faults                          all parts, over an hour on one core
    python -m benchmarks.faults crashes --stride 40      some crash points of a training
    python -m benchmarks.faults mutations
    python -m benchmarks.faults kills --kills 200

Each part keeps its counts in .work/faults, from which the table is made. Exit code 1 if anything was lost.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.faults.crash_points import enumerate_crashes
from benchmarks.faults.kills import campaign
from benchmarks.faults.mutations import accepted, doors

ROOT = Path(__file__).parents[2]
KEPT, TABLE = ROOT / ".work/faults", ROOT / "docs/tables/faults.md"
WAYS = {
    "kill": "the process dies, the machine goes on",
    "names": "power cut: names are kept, bytes that were not synced are not",
    "nothing": "power cut: nothing is kept that was not synced",
}


def crashes(folder: Path, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Rows of crash points."""
    found = enumerate_crashes(folder, arguments.stride)
    return [
        {"what": f"crash points, {one.tried} of {one.calls}: {WAYS[one.way]}", "tried": one.tried, "lost": one.lost}
        for one in found
    ]


def mutations(folder: Path, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Rows of mutations."""
    rows = []
    for door in doors(folder):
        tried, read = accepted(door)
        print(f"{door.name}: {tried} mutations, {len(read)} were read", flush=True)
        rows.append({"what": f"mutations: {door.name}", "tried": tried, "lost": read})
    return rows


def kills(folder: Path, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Rows of kills."""
    rows = []
    for name, one in campaign(folder, arguments.kills, arguments.seed).items():
        orphans = [f"{one.orphans} orphans"] if one.orphans else []
        rows.append(
            {"what": f"kills of {name}, {one.ended} times to its end", "tried": one.total, "lost": one.lost + orphans}
        )
    return rows


PARTS: dict[str, Callable[[Path, argparse.Namespace], list[dict[str, Any]]]] = {
    "crashes": crashes,
    "mutations": mutations,
    "kills": kills,
}


def table() -> str:
    """The Markdown table of all parts that have run."""
    lines = ["| fault | tried | lost |", "|---|---|---|"]
    for part in PARTS:
        file = KEPT / f"{part}.json"
        for row in json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []:
            lines.append(f"| {row['what']} | {row['tried']:,} | {'; '.join(row['lost']) or 'nothing'} |")
    made = "Made by `python -m benchmarks.faults`; lost are a checkpoint, a byte of what is published, or a process that stays."
    return "\n".join(["# Faults made on purpose", "", *lines, "", made, ""])


def main() -> int:
    """Run the parts asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help=f"any of {', '.join(PARTS)}")
    parser.add_argument("--stride", type=int, default=1, help="try every so many-th crash point")
    parser.add_argument("--kills", type=int, default=200, help="at least so many kills")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    lost = 0
    KEPT.mkdir(parents=True, exist_ok=True)
    for part in arguments.parts or PARTS:
        with tempfile.TemporaryDirectory() as folder:
            rows = PARTS[part](Path(folder), arguments)
        (KEPT / f"{part}.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")
        lost += sum(len(row["lost"]) for row in rows)
    TABLE.write_text(table(), encoding="utf-8")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
