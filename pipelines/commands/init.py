"""Start a project of one's own: git, DVC, params.yaml with one pipeline, and dvc.yaml."""

import os
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path

from espalier.data.errors import InputError
from espalier.data.files import whole_file
from espalier.pipelines.commands.new import quoted

FILES = ("params.yaml", "dvc.yaml", "README.md", ".gitignore", ".dvcignore")
"""Each has a template; none is called as it is called in a project, because DVC reads every dvc.yaml below its root."""
DOLLS = "dolls: {source: dolls, root: artifacts/code/dataset/dolls, count: 8000, resolution: 32} # drawn by Espalier"


def init_project(folder: Path, images: Path | None) -> None:
    """Make a project in a new or empty folder, or in one without params.yaml and dvc.yaml; other files are left alone.

    Raises:
        InputError: there is a project already, the folder of images does not exist, or git is missing.
    """
    for name in ("params.yaml", "dvc.yaml"):
        if (folder / name).exists():
            raise InputError(f"{folder / name} exists already; choose another folder, or add a pipeline: espalier new")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; choose another name")
    if images is not None and not images.is_dir():
        raise InputError(f"the image folder {images} does not exist")
    if shutil.which("git") is None:
        raise InputError("git is not installed; DVC needs it")
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / ".git").exists():
        _run(folder, "git", "init", "--quiet")
    if not (folder / ".dvc").exists():
        _run(folder, sys.executable, "-m", "dvc", "init", "--quiet")
    name, dataset = ("dolls", DOLLS) if images is None else ("images", _of_images(folder, images))
    templates = resources.files("espalier.pipelines.commands").joinpath("project")
    for file in FILES:
        text = templates.joinpath(f"{file.lstrip('.')}.template").read_text(encoding="utf-8")
        if file == "params.yaml":
            text = text.replace("DATASET", dataset).replace("NAME", name)
        _add(folder / file, text)


def _of_images(folder: Path, images: Path) -> str:
    root = Path(os.path.relpath(images.resolve(), folder.resolve())).as_posix()
    return f"images: {{source: folder, root: {quoted(root)}, resolution: 32}}"


def _add(file: Path, text: str) -> None:
    """Write a file; add what is missing to an ignore file, and leave an existing README alone."""
    if file.exists():
        if file.name == "README.md":
            return
        there = file.read_text(encoding="utf-8")
        missing = [line for line in text.splitlines() if line not in there.splitlines()]
        text = "\n".join([*there.splitlines(), *missing]) + "\n"
    with whole_file(file) as partial:
        partial.write_text(text, encoding="utf-8")


def _run(folder: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
        shown = " ".join([Path(command[0]).name, *command[1:]])
        raise InputError(f"'{shown}': {said[-1]}")
