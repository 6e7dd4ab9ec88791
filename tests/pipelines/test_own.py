"""The examples of docs/own, run as their readers would: one file next to params.yaml, and the commands of the page."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from espalier.stages.config.params import merge
from tests.conftest import ROOT, Project

PAGES = sorted(path.stem for path in (ROOT / "docs" / "own").glob("*.md") if path.stem != "README")
LONGEST = 32
"""Lines of code of an example, without blank ones."""


class Page:
    """A page's files by name, and its commands."""

    def __init__(self, name: str) -> None:
        text = (ROOT / "docs" / "own" / f"{name}.md").read_text(encoding="utf-8")
        blocks = re.findall(r"`([\w.]+)`:\n\n```(?:python|yaml)\n(.*?)```", text, flags=re.S)
        self.files: dict[str, str] = dict(blocks)
        commands = re.search(r"Run it:\n\n```\n(.*?)```", text, flags=re.S)
        self.commands = commands[1].splitlines() if commands else []

    @property
    def code(self) -> tuple[str, str]:
        """The one Python file: its name and content."""
        ((name, text),) = [file for file in self.files.items() if file[0].endswith(".py")]
        return name, text


def give(project: Project, page: Page) -> None:
    """Add a page's files to a project."""
    name, text = page.code
    (project.root / name).write_text(text, encoding="utf-8")
    params: dict[str, Any] = merge(project.params, YAML(typ="safe").load(page.files["params.yaml"]))
    project.write_params(params)
    if "dvc.yaml" in page.files:
        dag = project.root / "dvc.yaml"
        dag.write_text(dag.read_text() + page.files["dvc.yaml"].removeprefix("stages:\n"))


def prepare_for(project: Project, page: str) -> None:
    """What a page's example needs beyond the tiny project, or in place of its full sizes."""
    stages = project.params["progan"]["stages"]
    for stage in ("dense", "bright"):
        if stage in stages:
            project.set(f"progan.stages.{stage}.kimg", 0.8)
    if page == "metric":
        project.set("datasets.dolls.count", 320)
        project.set("progan.stages.r16.evaluate.count", 80)
        project.set("features.dolls", {"dataset": "artifacts/datasets/dolls", "resolution": 16, "epochs": 1})


def of(project: Project, stage: str, file: str) -> Path:
    return project.root / "artifacts" / stage / file


def metrics(project: Project, stage: str) -> dict[str, float]:
    found: dict[str, float] = json.loads(of(project, stage, "metrics.json").read_text())
    return found


def check_loss(project: Project, said: str) -> None:
    assert "my_losses.Huber" in of(project, "progan/r4", "stage.json").read_text()
    project.set("progan.common.tricks.loss.delta", 0)
    wrong = project.look("check", "progan", ok=False)
    assert "progan.common.tricks.loss.delta: " in wrong and "greater than 0" in wrong


def check_network(project: Project, said: str) -> None:
    assert "my_networks.Dense" in of(project, "progan/dense", "stage.json").read_text()
    assert metrics(project, "progan/dense")["step"] == 100
    file = project.root / "my_networks.py"
    file.write_text(
        file.read_text().replace("channels, resolution, resolution", "channels, 2 * resolution, resolution // 2")
    )
    wrong = project.espalier("check", "progan", ok=False)
    assert "returns (2, 3, 32, 8) for latents (2, 32), but the data are (2, 3, 16, 16)" in wrong


def check_source(project: Project, said: str) -> None:
    manifest = json.loads(of(project, "datasets/discs", "manifest.json").read_text())
    assert (manifest["count"], manifest["channels"], manifest["classes"]) == (400, 1, ["small", "large"])


def check_kind(project: Project, said: str) -> None:
    assert "my_kinds.LinearLight" in of(project, "progan/r4", "stage.json").read_text()
    project.espalier("sample", "artifacts/progan/r4", "-n", "4", "-o", "some.png")


def check_conditioning(project: Project, said: str) -> None:
    assert (project.root / "bright.png").is_file()


def check_metric(project: Project, said: str) -> None:
    found = metrics(project, "progan/r16")
    assert 0 < found["sharpness"] < 255 and 0 < found["sharpness_floor"] < 255
    assert "sharpness" in said
    file = project.root / "my_metrics.py"
    file.write_text(file.read_text().replace("float((", "float('nan') * float(("))
    project.dvc("repro", "progan@r16")
    assert "sharpness" not in metrics(project, "progan/r16")
    notes = json.loads(of(project, "progan/r16", "stage.json").read_text())["evaluated"]["notes"]
    assert any(note.startswith("sharpness of the fakes is nan") for note in notes)


def check_component(project: Project, said: str) -> None:
    with of(project, "progan/r4", "components/weight_norm.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["kimg"] for row in rows] == ["0.2", "0.4", "0.6", "0.8"]
    assert metrics(project, "progan/r4")["weight_norm"] == pytest.approx(float(rows[-1]["weight_norm"]), rel=1e-4)
    assert "weight_norm" in said
    file = project.root / "my_components.py"
    right = file.read_text()
    file.write_text(
        right.replace(
            "def after_step(self, run, terms):", "def after_step(self, run, terms):\n        1 / (run.step - 30)"
        )
    )
    wrong = project.dvc("repro", "progan@r4", ok=False)
    assert "the component my_components.WeightNorm failed in after_step at step 30: ZeroDivisionError" in wrong
    assert "my_components.py, line" in wrong and "Traceback" not in wrong
    file.write_text(right + "\n# mended\n")
    project.dvc("repro", "progan@r4")


def check_stage_type(project: Project, said: str) -> None:
    assert set(metrics(project, "palette/r4")) == {"red", "green", "blue"}
    assert "green" in said


def check_trick(project: Project, said: str) -> None:
    """The trick's own page has a test of its own in test_docs.py."""


CHECKS = {page: globals()[f"check_{page.replace('-', '_')}"] for page in PAGES}


SLOW = {"component", "conditioning", "kind", "metric", "network", "stage-type"}


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.long] * (n in SLOW)) for n in PAGES])
def test_the_example_of_an_own_part_runs(project: Project, name: str) -> None:
    page = Page(name)
    give(project, page)
    prepare_for(project, name)
    assert len([line for line in page.code[1].splitlines() if line.strip()]) <= LONGEST
    said = "\n".join(project.run(*command.split()) for command in page.commands)
    CHECKS[name](project, said)


WRONG = {
    "loss": ("progan.common.tricks.loss", "my_losses.Huber"),
    "network": ("progan.stages.dense.network", "my_networks.Dense"),
    "source": ("datasets.discs.source", "my_sources.Discs"),
    "kind": ("progan.common.kind", "my_kinds.LinearLight"),
    "conditioning": ("progan.stages.bright.conditioning", "my_conditions.Brightness"),
    "metric": ("progan.stages.r16.evaluate.metrics", "my_metrics.Sharpness"),
    "component": ("progan.common.components", "my_components.WeightNorm"),
    "stage-type": ("palette.common.type", "my_stages.Palette"),
    "trick": ("progan.common.tricks", "my_tricks.ColourMatch"),
}


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.long] * (n != "trick")) for n in PAGES])
def test_a_part_that_cannot_be_is_a_sentence_with_its_key(project: Project, name: str) -> None:
    page, (key, path) = Page(name), WRONG[name]
    module, _, cls = path.partition(".")
    give(project, page)
    stage = re.findall(r"repro (\w+)(?:@(\w+))?", "\n".join(page.commands) or "repro progan@r4")[-1]
    if name == "metric":
        project.set("features.dolls", {"dataset": "artifacts/datasets/dolls", "resolution": 16})
    for other, said in (
        (f"{module}_nowhere.{cls}", "No module named"),
        (f"{module}.{cls}Nowhere", "has no attribute"),
        ("pathlib.Path", "is not a"),
    ):
        text = (project.root / "params.yaml").read_text()
        assert path in text
        (project.root / "params.yaml").write_text(text.replace(path, other))
        wrong = project.python("espalier.stages.run", stage[0], stage[1] or "r4", ok=False)
        (project.root / "params.yaml").write_text(text)
        assert project.code == 2 and said in wrong and "Traceback" not in wrong, wrong
        assert key.rpartition(".")[2] in wrong and other in wrong, wrong
