"""Every espalier command that README and the documentation show is one that exists, with these options, on what is there."""

import functools
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from espalier.pipelines.cli.app import app
from tests.conftest import ROOT, Project
from tests.pipelines.test_wrong_input import nothing_starts, outcome

PLACES = {
    "DIR": "fresh", "PHOTOS": "photos", "NAME": "fresh", "PIPELINE": "progan", "STAGE": "progan@r8", "STEP": "3", "REV": "HEAD",
    "ARTIFACT": "artifacts/progan/r32", "KEY=V1,V2": "packing=1,2", "PHOTO": "photos/a.png", "MAP.png": "photos/a.png",
    "N": "4", "PORT": "4200", "PATH": "photos", "FILE": "photos/a.png",
}  # fmt: skip
"""What stands for the words in capitals."""
TRAINED = ("sample", "inspect", "status", "history", "tricks", "check", "run", "clean")
"""Commands that are run on a trained project; of the others, which need more than it has, options and arguments are read."""


def shown() -> Iterator[tuple[str, str]]:
    """(page, command) for each command of espalier in code blocks and in inline code."""
    for page in (
        ROOT / "README.md",
        *sorted((ROOT / "docs").rglob("*.md")),
        *sorted((ROOT / "pipelines/commands/project").glob("R*")),
    ):
        text = page.read_text(encoding="utf-8")
        blocks = re.findall(r"^```[a-z]*\n(.*?)^```", text, re.M | re.S)
        inline = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))
        lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
        named = [words for words in inline if len(words.split()) > 2]  # a command's name alone is no command line
        for line in (*lines, *named):
            for part in re.split(r"\s&&\s|\s#\s", line):
                words = part.strip().removeprefix("$ ").removeprefix(".venv/bin/")
                words = re.sub(r"^[A-Z_]+=\S+ ", "", words)
                if re.match(r"espalier [a-z-]", words) and "..." not in words and "--help" not in words:
                    yield page.relative_to(ROOT).as_posix(), words


COMMANDS = sorted(set(shown()))


def arguments(command: str) -> list[str]:
    """As a shell gives them, without optional brackets, and with something in place of words in capitals."""
    optional = re.sub(r"\[[^\]]*\]", "", command)
    found = shlex.split(optional)[1:]
    return [
        re.sub(r"\b(" + "|".join(map(re.escape, PLACES)) + r")(?![\w.])", lambda m: PLACES[m[1]], word)
        for word in found
    ]


def test_there_are_many() -> None:
    assert len(COMMANDS) > 50 and {page for page, _ in COMMANDS} >= {"README.md", "docs/tutorial.md", "docs/prefect.md"}


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_options_and_arguments_exist(page: str, command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    called: list[str] = []

    def noted(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def nothing(*given: Any, **options: Any) -> None:
            called.append(function.__name__)

        return nothing

    for registered in app.registered_commands:
        assert registered.callback
        monkeypatch.setattr(registered, "callback", noted(registered.callback))
    line = arguments(command)
    code, said = outcome(Project(tmp_path), line)
    assert code == 0 and (called == [line[0]] or not line or line[0].startswith("--")), f"{page}: {command}\n{said}"


@pytest.fixture(scope="module")
def shipped(trained: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A trained project with the stages that the documentation names."""
    root = tmp_path_factory.mktemp("shown") / "project"
    shutil.copytree(trained.root, root, symlinks=True)
    project = Project(root)
    project.set("progan.stages.r32", {"after": "artifacts/progan/r16", "resolution": 32})
    project.set("datasets.dolls.resolution", 32)
    shutil.copytree(root / "artifacts/progan/r16", root / "artifacts/progan/r32")
    (root / "photos").mkdir()
    Image.new("RGB", (16, 16)).save(root / "photos/a.png")
    project.espalier("new", "images", "--like", "progan", "--images", "photos")
    return project


RUN = [
    (page, command)
    for page, command in COMMANDS
    if page == "README.md" and command.split()[1:2] and command.split()[1] in TRAINED
]


@pytest.mark.parametrize(("page", "command"), RUN)
def test_readmes_commands_run(page: str, command: str, shipped: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing_starts(monkeypatch)
    steps = [int(path.name.split("-")[1]) for path in (shipped.root / ".work/progan@r8").glob("*/step-*.pt")]
    line = [str(steps[0]) if word == "3" and "--step" in command else word for word in arguments(command)]
    code, said = outcome(shipped, line)
    assert code in (0, 3), f"{command}\n{said}"
