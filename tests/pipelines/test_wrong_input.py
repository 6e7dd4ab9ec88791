"""Every command with wrong arguments and files, generated from the commands' own parameters: a sentence, never a traceback."""

import io
import re
import shutil
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console
from typer.models import ArgumentInfo

from espalier.pipelines.cli import look, project, train
from espalier.pipelines.cli.app import app
from espalier.pipelines.commands.check import HEAD
from espalier.pipelines.commands.check import _line as checked_line
from espalier.pipelines.commands.ranking import Rank
from espalier.pipelines.commands.ranking import as_table as ranks_as_table
from espalier.pipelines.commands.status import State, console
from espalier.pipelines.commands.status import as_table as states_as_table
from espalier.stages.process.progress import Bar, Steps
from tests.conftest import Project

LONG = "n" * 300
MODULES = (project, train, look)
"""They register the commands."""
COMMANDS = {str(command.callback.__name__): command.callback for command in app.registered_commands if command.callback}


@dataclass(frozen=True)
class Parameter:
    """An argument or an option of a command."""

    name: str
    kind: type
    option: str
    """Such as "--number"; empty for an argument."""


def parameters(name: str) -> list[Parameter]:
    """Those of a command that take a value."""
    found = []
    for parameter, hint in get_type_hints(COMMANDS[name], include_extras=True).items():
        if parameter == "return":
            continue
        kind, about = get_args(hint)[:2]
        inner = [one for one in (kind, *get_args(kind)) if one in (str, int, float, Path)]
        if inner:
            option = "" if isinstance(about, ArgumentInfo) else (about.param_decls or (f"--{parameter}",))[-1]
            found.append(Parameter(parameter, inner[0], option))
    return found


ARTIFACT = "artifacts/progan/r4"
FLOATS = ("0", "-1", "nan", "inf", "1e99", "many", "")
GOOD: dict[str, dict[str, str]] = {
    "ablate": {"pipeline": "progan", "stage": "r8", "over": "packing=1,2"},
    "check": {"pipeline": "progan"},
    "evaluate": {"artifact": ARTIFACT, "number": "8"},
    "history": {"stage": "progan@r4"},
    "init": {"folder": "fresh"},
    "inspect": {"artifact": ARTIFACT},
    "new": {"name": "fresh", "like": "progan"},
    "report": {"pipeline": "progan", "number": "65"},
    "run": {"target": "progan"},
    "sample": {"artifacts": ARTIFACT, "number": "4"},
    "serve": {"pipelines": "progan"},
    "start": {"name": "fresh", "images": "photos"},
    "translate": {"photo": "wrong/photo.png", "map": "wrong/photo.png", "text": "a red dress"},
}
"""What each command needs."""
INTEGERS = ("0", "-1", "99999999999999999999", "9223372036854775808", "1.5", "many", "")
TEXTS = (
    "", " ", LONG, "[raw]", "[/bold]", "progan@r99", "progan@", "@r4", "a@b@c", "../progan", "prögan", "\udcff", "-", "r4",
    "progan.common.kimg=.inf", "x=1", "9" * 5000, "{", "*a", "null", "2024-01-01",
)  # fmt: skip
OUTS = ("wrong/folder", LONG + ".png", LONG, "wrong/text.txt/out.png", "wrong/text.txt/out.json", ".", "/", "")


def wrong_files(folder: Path) -> list[str]:
    """Files and folders that are not what a command expects."""
    folder.mkdir()
    (folder / "folder").mkdir()
    (folder / "empty").touch()
    (folder / "text.txt").write_text("not an artifact\n")
    (folder / "bytes.pt").write_bytes(bytes(range(256)) * 4)
    torch.save(torch.ones(3), folder / "tensor.pt")
    torch.save({"step": 3, "record": {"config": {}}}, folder / "record.pt")
    torch.save({"networks": 1}, folder / "networks.pth")
    np.save(folder / "array.npy", np.ones(3))
    (folder / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    Image.new("RGB", (8, 8)).save(folder / "photo.png")
    (folder / "weights.safetensors").write_bytes(b"\xff" * 16)
    (folder / "loop").symlink_to("loop")
    for name, text in {"record": "{}", "list": "[1]", "torn": '{"format": 3, "dig', "format": '{"format": 99}'}.items():
        (folder / name).mkdir()
        (folder / name / "stage.json").write_text(text)
        (folder / name / "manifest.json").write_text(text)
    (folder / "stage-is-folder" / "stage.json").mkdir(parents=True)
    found = [f"wrong/{path.name}" for path in sorted(folder.iterdir())]
    datasets = [
        "artifacts/datasets/dolls",
        "artifacts/datasets",
        "artifacts",
        "params.yaml",
        "dvc.yaml",
        "artifacts/code",
    ]
    inside = [f"{ARTIFACT}/stage.json", f"{ARTIFACT}/generator.safetensors", f"{ARTIFACT}/samples.png"]
    return [
        *found,
        *datasets,
        *inside,
        "nothing",
        "wrong/loop/inside",
        LONG,
        "",
        "/",
        "/dev/null",
        "~/nothing",
        "progan@r4",
        "progan@r99",
    ]


@pytest.fixture(scope="module")
def place(trained: Project, tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, list[str]]:
    root = tmp_path_factory.mktemp("wrong") / "project"
    shutil.copytree(trained.root, root, symlinks=True)
    return Project(root), wrong_files(root / "wrong")


def values(parameter: Parameter, files: list[str]) -> list[str]:
    """Wrong values for a parameter, by its type."""
    if parameter.kind is int:
        return list(INTEGERS)
    if parameter.kind is float:
        return list(FLOATS)
    if parameter.name == "out":
        return [*OUTS, *files]
    if parameter.name == "folder":
        return [file for file in files if not file.startswith("/")]  # a project is made in it
    return files if parameter.kind is Path else [*TEXTS, *files[:4]]


def arguments(name: str, chosen: dict[str, str]) -> list[str]:
    """A command line with these values of parameters."""
    line = []
    for parameter in parameters(name):
        if parameter.name in chosen:
            line += [parameter.option, chosen[parameter.name]] if parameter.option else [chosen[parameter.name]]
    return line


def lines(name: str, files: list[str]) -> Iterator[list[str]]:
    """Command lines with one wrong value each."""
    yield from ([], ["--nonsense"], ["a", "b", "c", "d", "e"], ["--help"])
    for parameter in parameters(name):
        for value in values(parameter, files):
            yield arguments(name, {**GOOD.get(name, {}), parameter.name: value})


def outcome(project: Project, line: list[str]) -> tuple[int, str]:
    """Exit code and output of a command, or -1 and the traceback in which it ends."""
    try:
        said = project.look(*line, ok=False)
    except BaseException:
        return -1, traceback.format_exc()
    return project.code, said


SLOW = ("init", "report", "run")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long if name in SLOW else ()) for name in COMMANDS]
)
def test_no_command_ends_in_a_traceback(
    name: str, place: tuple[Project, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    project, files = place
    nothing_starts(monkeypatch)
    failures = []
    for line in lines(name, files):
        code, said = outcome(project, [name, *line])
        if code not in (0, 1, 2, 3, 130) or "Traceback" in said or code and not said.strip():
            failures.append(f"{' '.join(line)[:120]!r}: {code}\n{said[-900:]}")
    assert not failures, f"{len(failures)} of them:\n" + "\n".join(failures[:40])


def nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings, servers and profiles do not start: what is tested comes before."""

    def nothing(*arguments: Any, **options: Any) -> int:
        return 0

    for path in (
        "espalier.pipelines.commands.desk.repro",
        "espalier.pipelines.run.plan.save",
        "espalier.pipelines.prefect.server.start_server",
        "espalier.pipelines.prefect.serve.serve_flows",
        *(["espalier.pipelines.studio.page.serve"] if find_spec("gradio") else []),
    ):
        monkeypatch.setattr(path, nothing)
    for path in ("espalier.pipelines.commands.check.measured", "espalier.pipelines.commands.ablate.run_all"):
        monkeypatch.setattr(path, lambda *arguments: iter(()))
    cost = {"images_per_second": 100.0, "peak_bytes": 1 << 30, "base_bytes": 1 << 28}
    monkeypatch.setattr("espalier.pipelines.commands.start.measured", lambda *arguments: iter([("stage", cost)]))


@pytest.mark.parametrize("root", ["photos", "~/photos", "data.zip"])
@pytest.mark.parametrize("command", [("check", "progan"), ("run", "progan"), ("run", "dataset@mine")])
def test_images_that_are_not_there_are_the_sources_sentence(
    project: Project, command: tuple[str, ...], root: str
) -> None:
    project.set("datasets.mine", {"source": "folder", "root": root, "resolution": 16})
    project.set("progan.common.dataset", "artifacts/datasets/mine")
    project.set("progan.stages.r4.after", "artifacts/datasets/mine")
    (project.root / "data.zip").write_text("no archive")
    said = project.look(*command, ok=False)
    expected = {
        "photos": "the image folder photos does not exist",
        "~/photos": f"write {Path('~/photos').expanduser()} for it",
        "data.zip": "data.zip is a file but no .zip archive",
    }[root]
    assert project.code == 2 and said.startswith("error: params.yaml: datasets.mine: ") and expected in said, said


def test_names_with_brackets_are_shown_whole(capsys: pytest.CaptureFixture[str]) -> None:
    name, why = "photos [raw]", "artifacts/[/bold]/:smile: modified"
    console().print(states_as_table([State(name, "stale", why, {}, "")]))
    console().print(ranks_as_table([Rank(name, [1.0], 0)], why))
    with Bar(name, 10) as bar, Steps() as steps:
        bar.say(why)
        bar.show(5, why)
        steps.now(why)
    said = capsys.readouterr().out
    assert said.count(name) >= 3 and said.count(why) == 5, said


@pytest.mark.parametrize(("width", "kept"), [(80, "104.0 kimg"), (120, "D +12.34"), (60, "214 img/s")])
def test_the_time_left_is_shown_on_a_narrow_terminal(width: int, kept: str) -> None:
    output = io.StringIO()
    bar = Bar("progan@r32", 1_200_000)
    bar.console = bar._bar.live.console = Console(file=output, width=width, force_terminal=True)
    bar._begun = time.monotonic() - 1000
    bar.show(214_000, "104.0 kimg", "step 12345", "collapsing", "fade 0.25", "D +12.34  G -0.12")
    bar.console.print(bar._bar.get_renderable())
    (line,) = [line for line in output.getvalue().splitlines() if "progan@r32" in line]
    plain = re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip()
    assert len(plain) <= width and kept in plain and "…" not in plain and re.search(r"18% .*:.. +214 img/s", plain), (
        plain
    )


def test_check_says_what_a_queue_would_not_find(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nothing_starts(monkeypatch)
    Image.new("RGB", (16, 16)).save(tmp_path / "a.png")
    for place in (project.root / "photos", tmp_path / "outside"):
        place.mkdir()
        for number in range(3):
            shutil.copy(tmp_path / "a.png", place / f"{number}.png")
    project.set("progan.common.dataset", "artifacts/datasets/mine")
    project.set("progan.stages.r4.after", "artifacts/datasets/mine")

    def said(root: str) -> str:
        project.set("datasets.mine", {"source": "folder", "root": root, "resolution": 16})
        return project.look("check", "progan")

    lost = (
        "photos is tracked neither by git nor by DVC, so what trains in a copy of the workspace (dvc exp run --queue)"
    )
    assert lost in (first := said("photos")) and "run: dvc add photos" in first
    assert "artifacts/datasets/mine has 3 images: from fewer than 1,000 a GAN learns to copy them" in first
    assert "outside this repository" in said("../outside") and "outside this" not in said(str(tmp_path / "outside"))
    project.dvc("add", "-q", "photos")
    assert "tracked neither" not in said("photos")


def test_the_columns_of_check_stand_apart_within_80_characters() -> None:
    largest = ("faces@r1024", "23,100,000 + 23,100,000", "123.45 GiB", "12345", "123:45:59")
    for cells in (HEAD, largest):
        line = checked_line(cells)
        assert len(line) <= 80 and re.split(r"  +", line) == list(cells), line
