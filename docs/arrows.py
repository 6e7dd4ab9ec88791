"""python -m docs.arrows: draws docs/arrows.png, the imports between the rooms of stages/, before they were rooms and now.

The graph is that of tests/stages/test_arrows.py. Before, at the last commit of the flat folder, a file counts for the room
that the move put it in; typing imports count, too. Downward arrows are grey. Upward ones, and those between rooms of one
floor, are red.
"""

import ast
import subprocess
from collections import Counter
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tests.stages.test_arrows import FLOORS, arrows

FLAT, MOVE = "42a8421", "344e5de"
"""The last commit before the move, and the move: later commits change files so much that git no longer finds them."""
HERE = Path(__file__).parent
DOWN, WRONG, BOX = "#9aa3ad", "#d9480f", "#f3f3f0"
MOVED_BY_HAND = {
    "position": "loop",
    "describe": "tricks",
    "translation": "fashiongan",
    "healing": "loop",
    "best": "loop",
    "measure": "loop",
}
"""Files that git does not find again, since they were taken apart."""

Edges = Counter[tuple[str, str]]


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True, cwd=HERE.parent).stdout


def rooms_then() -> dict[str, str]:
    """The room of each module of the flat folder."""
    found = dict(MOVED_BY_HAND)
    for line in _git("diff", "-M30%", "--name-status", FLAT, MOVE, "--", "stages").splitlines():
        status, *paths = line.split("\t")
        if status.startswith("R"):
            old, new = (Path(path).relative_to("stages") for path in paths)
            found.setdefault(old.stem, new.parts[0].removesuffix(".py"))
    return found


def edges_then() -> Edges:
    """Imports between rooms at that commit, by how many."""
    rooms, found = rooms_then(), Edges()
    for name in _git("ls-tree", "-r", "--name-only", FLAT, "stages/").splitlines():
        path = Path(name)
        if path.suffix != ".py" or path.name == "__init__.py":
            continue
        folder = path.parts[1] if len(path.parts) > 2 else ""
        room = folder or rooms.get(path.stem, "")
        for node in ast.walk(ast.parse(_git("show", f"{FLAT}:{name}"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("stages"):
                modules = (
                    [f"{node.module}.{alias.name}" for alias in node.names]
                    if node.module == "stages"
                    else [node.module or ""]
                )
                for module in modules:
                    parts = module.split(".")
                    other = parts[1] if len(parts) > 2 else rooms.get(parts[-1], "")
                    if room and other and room != other:
                        found[room, other] += 1
    return found


def edges_now() -> Edges:
    """The same now."""
    return Edges((one, other) for one, other, _ in arrows("stages"))


def draw(axes: Axes, edges: Edges, title: str) -> None:
    """Rooms on their floors, and arrows; the title says how many do not point down."""
    floors = FLOORS["stages"]
    places = {
        room: (0.5 + (i - (len(rooms) - 1) / 2) * 0.3, -n)
        for n, rooms in enumerate(floors)
        for i, room in enumerate(rooms)
    }
    wrong = 0
    for (one, other), count in sorted(edges.items()):
        if one not in places or other not in places:
            continue
        (x, y), (a, b) = places[one], places[other]
        down = b < y
        wrong += 0 if down else count
        bend = 0.25 if a >= x else -0.25
        axes.annotate(
            "", (a, b), (x, y),
            arrowprops={
                "arrowstyle": "-|>", "color": DOWN if down else WRONG, "lw": 0.8 if down else 1.6, "shrinkA": 12, "shrinkB": 12,
                "connectionstyle": f"arc3,rad={bend if down else -0.35}", "alpha": 0.7 if down else 0.9,
            },
        )  # fmt: skip
    for room, (x, y) in places.items():
        axes.text(
            x,
            y,
            room,
            ha="center",
            va="center",
            fontsize=10,
            bbox={"boxstyle": "round,pad=0.45", "fc": BOX, "ec": "#666"},
        )
    axes.set_title(f"{title}: {wrong} imports up or sideways", fontsize=11)
    axes.set_xlim(0, 1)
    axes.set_ylim(-len(floors) + 0.3, 0.7)
    axes.set_axis_off()


def main() -> None:
    """Draw both."""
    figure = Figure(figsize=(12, 9), dpi=110, layout="constrained")
    left, right = figure.subplots(1, 2)
    draw(left, edges_then(), "before")
    draw(right, edges_now(), "now")
    FigureCanvasAgg(figure).print_png(str(HERE / "arrows.png"))  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
