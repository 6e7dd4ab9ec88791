"""Imports between rooms point one way, typing imports included: down the list, and never between rooms of one floor."""

import ast
import importlib.util
import re
import tomllib
from pathlib import Path

import pytest

from espalier.stages.process.distribution import NAME
from tests.conftest import ROOT

FLOORS = {
    "stages": [
        ["run"], ["types"], ["loop"], ["fashiongan", "evaluation"], ["artifacts"], ["config"], ["networks", "monitor", "latents"],
        ["tricks"], ["kinds", "features", "metrics"], ["contracts"], ["process"],
    ],
    "pipelines": [["cli"], ["flows"], ["prefect", "report", "studio"], ["commands"], ["run"], ["address", "naming"]],
}  # fmt: skip
HOUSE = ["pipelines", "stages", "models", "data"]


def imported(file: Path) -> set[str]:
    """The modules of ours that a file imports, without the package's name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("espalier."):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("espalier.")}
    return {name.removeprefix("espalier.") for name in found}


def arrows(folder: str) -> set[tuple[str, str, str]]:
    """(room, room, file) for each import from one room of a folder to another."""
    found = set()
    for file in sorted((ROOT / folder).rglob("*.py")):
        room = file.relative_to(ROOT / folder).parts[0].removesuffix(".py")
        for name in imported(file):
            parts = name.split(".")
            if parts[0] == folder and len(parts) > 1 and parts[1] != room and room != "__init__":
                found.add((room, parts[1], file.relative_to(ROOT).as_posix()))
    return found


@pytest.mark.parametrize("folder", FLOORS)
def test_arrows_between_rooms_point_down(folder: str) -> None:
    floor = {room: number for number, rooms in enumerate(FLOORS[folder]) for room in rooms}
    wrong = [arrow for arrow in arrows(folder) if floor[arrow[0]] >= floor[arrow[1]]]
    assert not wrong, "\n".join(f"{file}: {one} imports {other}" for one, other, file in sorted(wrong))


def test_arrows_between_the_folders_point_down() -> None:
    wrong = []
    for place, folder in enumerate(HOUSE):
        for file in (ROOT / folder).rglob("*.py"):
            wrong += [f"{file}: {name}" for name in imported(file) if name.split(".")[0] in HOUSE[:place]]
    assert not wrong, "\n".join(wrong)
    assert not any(name.startswith("data") for file in (ROOT / "models").rglob("*.py") for name in imported(file))


def test_every_room_has_a_floor() -> None:
    for folder, floors in FLOORS.items():
        rooms = {
            path.stem for path in (ROOT / folder).iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()
        }
        assert rooms - {"__init__"} == {room for rooms in floors for room in rooms}


def test_the_loop_names_no_kind_of_data() -> None:
    for file in (ROOT / "stages" / "loop").glob("*.py"):
        text = file.read_text(encoding="utf-8").lower()
        assert not re.findall(r"fashion|\bpoints?\b|\bmaps?\b|\bclasses\b|\bconditioned on sentences\b", text), file


def test_files_are_short() -> None:
    limits = {"stages/loop/trainer.py": 200, "stages/run.py": 100}
    for folder in (*HOUSE, "benchmarks"):
        for file in (ROOT / folder).rglob("*.py"):
            name, lines = file.relative_to(ROOT).as_posix(), len(file.read_text(encoding="utf-8").splitlines())
            assert lines < limits.get(name, 400), f"{name}: {lines} lines"


def test_the_distribution_holds_every_package_under_one_name() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    folders = {file.parent.relative_to(ROOT) for folder in HOUSE for file in (ROOT / folder).rglob("__init__.py")}
    assert set(project["tool"]["setuptools"]["packages"]) == {
        f"espalier.{'.'.join(folder.parts)}" for folder in folders
    }
    assert project["project"]["name"] == NAME
    where = importlib.util.find_spec("espalier.stages")
    assert where is not None and where.origin == str(ROOT / "stages" / "__init__.py")
