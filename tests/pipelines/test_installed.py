"""Espalier installed from its wheel, in a fresh environment, and a project of one's own made with it, far from the repository."""

import json
import shutil
import signal
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from espalier.stages.config.params import merge
from tests.conftest import ROOT, Project
from tests.pipelines.conftest import Served, Server, wait_for
from tests.pipelines.test_init import small
from tests.pipelines.test_new import photos
from tests.pipelines.test_own import YAML, Page

PARTS = ("network", "source", "metric", "component")

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a copy of the sources."""
    base = tmp_path_factory.mktemp("wheel")
    for name in ("data", "models", "pipelines", "stages"):
        shutil.copytree(ROOT / name, base / "source" / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, base / "source" / name)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", base, base / "source"],
        check=True,
    )
    (found,) = base.glob("espalier_gan-*.whl")
    return found


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel; its dependencies are those of the tests' own environment, without Espalier's sources."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=False, symlinks=True)
    (site,) = home.glob("lib/python*/site-packages")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "--python",
            home / "bin/python",
            "install",
            "-q",
            "--no-deps",
            "--no-index",
            wheel,
        ],
        check=True,
    )
    libraries = sysconfig.get_path("purelib")
    (site / "dependencies.pth").write_text(f"{libraries}\n")
    for command in ("dvc", "prefect"):
        script = home / "bin" / command
        imported = f"from {command}.cli import {MAIN[command]} as main"
        script.write_text(f"#!{home}/bin/python\nimport sys\n{imported}\nsys.exit(main())\n")
        script.chmod(0o755)
    return home


MAIN = {"dvc": "main", "prefect": "app"}


def own_project(environment: Path, folder: Path) -> Project:
    """A project made by the installed `espalier init`, with the parts of four pages of docs/own."""
    photos(folder / "photos", 340)
    project = Project(folder)
    project.environment["PATH"] = f"{environment / 'bin'}:{project.environment['PATH']}"
    project.environment.pop("PYTHONPATH", None)
    project.run("espalier", "init", ".")
    project.set("datasets.images", {"source": "folder", "root": "photos", "resolution": 32})
    project.set("progan.common.dataset", "artifacts/datasets/images")
    project.set("progan.stages.r4.after", "artifacts/datasets/images")
    small(project)
    for part in PARTS:
        page = Page(part)
        name, text = page.code
        (folder / name).write_text(text)
        project.write_params(merge(project.params, YAML(typ="safe").load(page.files["params.yaml"])))
    project.set("features", {"images": {"dataset": "artifacts/datasets/images", "resolution": 16, "epochs": 1}})
    dense = {"after": "artifacts/datasets/images", "kimg": 4}
    stages = project.params["progan"]["stages"]
    stages["dense"] |= dense | {
        "evaluate": stages["r16"]["evaluate"] | {"features": "artifacts/features/images", "count": 80}
    }
    project.set("progan.stages", {"dense": stages["dense"], "r4": stages["r4"]})
    return project


def test_the_wheel_holds_one_package_and_the_templates(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"espalier"}
    assert "espalier/pipelines/commands/project/params.yaml.template" in names


def test_a_project_of_ones_own(environment: Path, server: Server, tmp_path: Path) -> None:
    project = own_project(environment, tmp_path / "mine")
    where = project.run("python", "-c", "import espalier.stages as s; print(s.__path__[0])")
    assert str(environment) in where and str(ROOT) not in where
    project.run("dvc", "repro", "features@images", "dataset@discs")
    trainer = project.start("dvc", "repro", "progan@dense")
    wait_for(lambda: list(project.root.glob(".work/progan@dense/*/step-*.pt")) or trainer.poll() is not None)
    project.run("pkill", "-KILL", "-f", "espalier.stages.run progan dense")
    said = trainer.communicate(timeout=60)[0]
    assert trainer.returncode != 0, said
    output = project.run("dvc", "repro", "progan@dense")
    assert "continuing at step" in output
    metrics = json.loads((project.root / "artifacts/progan/dense/metrics.json").read_text())
    assert metrics["sharpness"] > 0 and metrics["weight_norm"] > 0
    shown = project.run("dvc", "metrics", "show")
    assert "sharpness" in shown and "weight_norm" in shown
    (project.root / "my_components.py").write_text("# a comment\n" + (project.root / "my_components.py").read_text())
    assert "Running stage 'progan@dense'" not in project.run("dvc", "repro", "progan@dense")
    served = Served(project, server, "progan")
    run = served.run("progan")
    server.wait_until(run, "Completed")
    assert server.tasks(run)["progan@dense"] == "Cached" and server.tasks(run)["progan@r4"] == "Completed"
    served.process.send_signal(signal.SIGINT)
    served.process.wait(timeout=60)
    project.run("espalier", "report", "progan", "-o", "report.html")
    assert "sharpness" in (project.root / "report.html").read_text()
    _upgrade(environment, project)


def _upgrade(environment: Path, project: Project) -> None:
    """Another version of Espalier: one that computes the same, and one that does not."""
    (trick,) = environment.glob("lib/python*/site-packages/espalier/stages/tricks/wgan.py")
    before = trick.read_text()
    trick.write_text(f"# the same\n{before}")
    assert "Running stage 'progan" not in project.run("dvc", "repro", "progan")
    trick.write_text(before.replace("real.mean()", "2 * real.mean()"))
    assert trick.read_text() != before
    said = project.run("espalier", "status")
    assert "code changed: espalier.stages.tricks.wgan" in " ".join(said.split())
    assert "Running stage 'progan@r4'" in project.run("dvc", "repro", "progan@r4")
    trick.write_text(before)
