"""A tiny project that behaves as a user's does: the real dvc.yaml and code, small images, small networks."""

import contextlib
import io
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from filelock import FileLock
from ruamel.yaml import YAML

from espalier.pipelines.cli import main

torch.set_num_threads(1)  # the networks are tiny, and two workers share the cores
ROOT = Path(__file__).parent.parent
REAL_DATA = ROOT.parent / "shared" / "data"

TINY: dict[str, Any] = {
    "datasets": {"dolls": {"source": "dolls", "root": "artifacts/code/dataset/dolls", "count": 48, "resolution": 16}},
    "progan": {
        "common": {
            "dataset": "artifacts/datasets/dolls",
            "seed": 3,
            "kimg": 0.8,
            "batch_size": 8,
            "network": {"latent": 8, "base": 64, "largest": 8},
            "tricks": {
                "loss": "wgan",
                "gradient_penalty": {"every": 2},
                "drift": {},
                "minibatch_stddev": {},
                "ema": {},
                "fade": {"kimg": 0.16},
            },
            "watch": {"log_steps": 5, "sample_kimg": 0.1, "checkpoint_seconds": 0.2},
        },
        "stages": {
            "r4": {"after": "artifacts/datasets/dolls", "resolution": 4},
            "r8": {"after": "artifacts/progan/r4", "resolution": 8},
            "r16": {"after": "artifacts/progan/r8", "resolution": 16},
        },
    },
    "features": {},
    "texts": {},
    "fashiongan": {
        "common": {"dataset": "artifacts/datasets/people", "encoder": "artifacts/texts/outfits"},
        "stages": {},
    },
    "fashiongan_test": {"common": {"dataset": "artifacts/datasets/people_test"}, "stages": {}},
}


class Project:
    """A project folder, and commands run in it as a user would run them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("DVC_", "ESPALIER_"))}
        self.environment.pop("PYTHONDONTWRITEBYTECODE", None)  # a user's processes compile the code once
        self.environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment |= {"OMP_NUM_THREADS": "1", "DVC_NO_ANALYTICS": "1", "PYTHONUNBUFFERED": "1"}

    @property
    def params(self) -> dict[str, Any]:
        """params.yaml as it is now."""
        found: dict[str, Any] = YAML(typ="safe").load(self.root / "params.yaml")
        return found

    def write_params(self, params: dict[str, Any]) -> None:
        YAML().dump(params, self.root / "params.yaml")

    def set(self, path: str, value: Any) -> None:
        """Set one key of params.yaml by its dotted path."""
        params = self.params
        *way, last = path.split(".")
        place = params
        for key in way:
            place = place.setdefault(key, {})
        place[last] = value
        self.write_params(params)

    def start(self, *command: str, **environment: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            command, cwd=self.root, env=self.environment | environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    def run(self, *command: str, ok: bool = True, **environment: str) -> str:
        """Run to the end; stdout and stderr together. With `ok` a failure is a failure of the test."""
        process = self.start(*command, **environment)
        output = process.communicate(timeout=300)[0]
        self.code = process.returncode
        assert not ok or self.code == 0, output
        return output

    def python(self, module: str, *arguments: str, ok: bool = True, **environment: str) -> str:
        return self.run(sys.executable, "-m", module, *arguments, ok=ok, **environment)

    def dvc(self, *arguments: str, ok: bool = True) -> str:
        return self.run("dvc", *arguments, ok=ok)

    def espalier(self, *arguments: str, ok: bool = True) -> str:
        return self.run("espalier", *arguments, ok=ok)

    def look(self, *arguments: str, ok: bool = True) -> str:
        """An `espalier` command that trains nothing, in this process: to start another takes longer than most of them."""
        output, self.code = io.StringIO(), 0
        with (
            contextlib.chdir(self.root), contextlib.redirect_stdout(output), contextlib.redirect_stderr(output),
            mock.patch.object(sys, "argv", ["espalier", *arguments]),
        ):  # fmt: skip
            try:
                main()
            except SystemExit as end:
                self.code = int(end.code or 0)
        assert not ok or self.code == 0, output.getvalue()
        return output.getvalue()

    def bytes(self, path: str) -> bytes:
        return (self.root / path).read_bytes()


def cpu_seconds(*command: str, root: Path) -> float:
    """CPU seconds of a command in a folder, which succeeds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    Project(root).run(*command)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def cost(project: Project, *command: str) -> float:
    """CPU time of a command, in those that a process takes to import DVC just before: as much on a slow or busy machine.

    The least of three, since neighbours on the machine take their share.
    """
    importing = (sys.executable, "-c", "import dvc.cli, dvc.repo, dvc.commands.status")
    found = []
    for _ in range(3):
        unit = cpu_seconds(*importing, root=project.root)
        found.append(cpu_seconds(*command, root=project.root) / unit)
    return min(found)


def make_project(root: Path) -> Project:
    """A tiny project in a git and DVC repository of its own."""
    root.mkdir(parents=True, exist_ok=True)
    for file in ("dvc.yaml", "prefect.toml", ".gitignore", ".dvcignore"):
        shutil.copy(ROOT / file, root / file)
    project = Project(root)
    project.write_params(TINY)
    project.run("git", "init", "-q")
    project.run("git", "config", "user.email", "test@example.org")
    project.run("git", "config", "user.name", "test")
    project.dvc("init", "-q")
    project.run("git", "add", "-A")
    project.run("git", "commit", "-qm", "tiny")
    return project


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """The same numbers in every run of a test."""
    torch.manual_seed(0)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A fresh tiny project."""
    return make_project(tmp_path / "project")


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A tiny project whose whole chain has been run by `dvc repro`, and committed. Look, do not touch."""
    base = tmp_path_factory.getbasetemp()
    first = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "trained-once"  # whichever worker is first
    with FileLock(f"{first}.lock"):
        if not first.is_dir():
            project = make_project(base / "training")
            project.dvc("repro")
            project.run("git", "add", "-A")
            project.run("git", "commit", "-qm", "trained")
            project.root.rename(first)
    own = base / "trained"
    shutil.copytree(first, own, symlinks=True)
    return Project(own)


@pytest.fixture
def copy_of_trained(trained: Project, tmp_path: Path) -> Project:
    """A copy of the trained project that a test may change."""
    shutil.copytree(trained.root, tmp_path / "project", symlinks=True)
    return Project(tmp_path / "project")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder with the real MNIST and Fashion-MNIST, as torchvision lays them out."""
    if not (REAL_DATA / "FashionMNIST" / "raw" / "train-images-idx3-ubyte").is_file():
        pytest.skip(f"the real Fashion-MNIST is not in {REAL_DATA.name} beside the project")
    return REAL_DATA
