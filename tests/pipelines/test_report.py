"""`espalier report`: what its page holds, that it needs nobody else, and what it says where there is little to say."""

import base64
import contextlib
import html
import io
import json
import math
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from espalier.data.sealed import digests_in, read_record, write_record
from espalier.data.store import Store
from espalier.pipelines.commands.status import State
from espalier.pipelines.report.chain import Chain, StageFacts, facts_of, fade_end, tone_of
from espalier.pipelines.report.charts import Band, Panel, both_widths, thinned, ticks
from espalier.pipelines.report.curves import bands_of, curves, strip
from espalier.pipelines.report.diagram import diagram, edges_of
from espalier.pipelines.report.html import metric_text
from espalier.pipelines.report.networks import nearest
from espalier.pipelines.report.sections import flat, verdicts
from espalier.pipelines.report.sheets import read_grid, sheet, spread
from espalier.pipelines.run.dag import Node
from espalier.stages.kinds.grids import grid, save_image
from tests.conftest import ROOT, Project

MEBIBYTES_5 = 5 * 2**20
STAGES = ("dataset@dolls", "progan@r4", "progan@r8", "progan@r16")


def reported(project: Project, *arguments: str) -> str:
    """The page of progan."""
    said = project.look("report", "progan", "-o", "out/page.html", "-n", "8", *arguments)
    assert said.splitlines()[-1] == "out/page.html"
    return (project.root / "out/page.html").read_text(encoding="utf-8")


def assert_alone(page: str) -> None:
    """It asks nobody for anything, runs nothing, and every image in it is whole."""
    for place in re.findall(r"(?:src|href|action|srcset|poster|data)\s*=\s*[\"']([^\"']*)", page):
        assert place.startswith(("data:image/", "#")), place[:80]
    assert not re.search(r"<(script|link|iframe|object|embed|base)\b|@import|\son\w+\s*=", page)
    assert all(place.startswith("#") for place in re.findall(r"url\(([^)]*)\)", page))
    images = re.findall(r"data:image/(?:png|webp);base64,([A-Za-z0-9+/=]+)", page)
    assert len(images) == page.count("data:") > 0
    for image in images:
        Image.open(io.BytesIO(base64.b64decode(image, validate=True))).load()
    assert len(page.encode()) < MEBIBYTES_5


def test_the_page_holds_every_stage_and_needs_nobody(trained: Project) -> None:
    page = reported(trained)
    assert_alone(page)
    for stage in STAGES:
        assert f">{stage}</text>" in page
    for part in ("growth", "beside", "curves", "metrics", "origin"):
        assert f'<section id="{part}">' in page and f'href="#{part}"' in page
    assert page.count('in every stage"') == 12 and "r4 (4×4) → r8 (8×8) → r16 (16×16)" in page
    assert "nearest real image to each, in pixels among all 48" in page
    assert "8 images are too few for 1280 features" in page  # why metrics have no floors
    assert "fade end" in page and "gradient_penalty" in page
    record = json.loads(trained.bytes("artifacts/progan/r16/stage.json"))
    for told in (
        record["dataset"]["digest"],
        record["code"],
        record["versions"]["torch"],
        "tricks.gradient_penalty.every",
    ):
        assert told in page


def test_of_a_part_of_the_chain_there_is_a_page_of_what_is_there(copy_of_trained: Project) -> None:
    project = copy_of_trained
    shutil.rmtree(project.root / "artifacts/progan/r16")
    (project.root / "artifacts/progan/r8/stage.json").unlink()
    (project.root / "artifacts/progan/r8/stage.json").write_text("{")
    (project.root / "artifacts/progan/r4/history.csv").unlink()
    page = reported(project)
    assert_alone(page)
    assert all(f">{stage}</text>" in page for stage in STAGES)
    assert "1 of 3 stages finished" in page
    assert "damaged" in page and "dvc checkout progan@r8" in page and "not trained yet" in page


def test_a_hostile_dataset_name_is_text(copy_of_trained: Project) -> None:
    project, name = copy_of_trained, "<script>alert('x')</script>&\""
    for stage in ("r4", "r8", "r16"):
        file = project.root / "artifacts/progan" / stage / "stage.json"
        record = read_record(file)
        record["evidence"] = record["config"]["dataset"] = record["dataset"]["path"] = name
        if record["parent"] is None:
            record["config"]["after"] = name
        record["verdict"], record["events"] = name, [{"step": 1, "images": 8, "kind": "stop", "words": name}]
        write_record(file, record)
    page = reported(project)
    assert_alone(page)
    assert name not in page and html.escape(name, quote=True) in page


@pytest.mark.long
def test_against_an_experiment_tells_what_differs(copy_of_trained: Project) -> None:
    project = copy_of_trained
    project.dvc("exp", "run", "-n", "slower", "-S", "+progan.stages.r16.adam.learning_rate=0.0005", "progan@r16")
    project.run("git", "stash", "-q")
    project.dvc("checkout", "-q", "--force")
    page = reported(project, "--against", "slower")
    assert_alone(page)
    part = page.split('<section id="against">')[1].split("</section>")[0]
    assert "Compared with slower" in part and "progan.stages.r16.adam.learning_rate" in part and "0.0005" in part
    assert "r16, slower" in part and "r16, here" in part and "loss_g" in part
    said = project.look("report", "progan", "--against", "slowr", ok=False)
    assert project.code == 2 and "did you mean 'slower'" in said and "Traceback" not in said
    assert not (project.root / "report.html").exists()


BAD: dict[str, tuple[tuple[str, ...], str]] = {
    "unknown pipeline": (("progn",), "did you mean 'progan'"),
    "a stage": (("progan@r8",), "has no pipeline 'progan@r8'; did you mean 'progan'"),
    "ending": (("progan", "-o", "x.pdf"), "use x.html"),
    "folder": (("progan", "-o", "art.html"), "which is a folder"),
    "no such place": (("progan", "-o", "params.yaml/x.html"), "--out params.yaml/x.html: cannot write the file"),
    "unknown revision": (("progan", "--against", "nothing-like-it"), "--against nothing-like-it: dvc cannot compare"),
    "an option": (("progan", "--against", "--help"), "--against --help: dvc cannot compare"),
    "nothing trained": (("fashiongan",), "fashiongan"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_a_sentence(trained: Project, case: str) -> None:
    command, expected = BAD[case]
    (trained.root / "art.html").mkdir(exist_ok=True)
    said = trained.look("report", *command, ok=False)
    (trained.root / "art.html").rmdir()
    assert trained.code == 2 and expected in said and "Traceback" not in said, said


@pytest.mark.long
def test_a_stage_of_points_has_a_page_too(project: Project) -> None:
    shutil.copy(ROOT / "benchmarks/mixtures.py", project.root)
    ring = {"source": "mixtures.Mixture", "root": "artifacts/code/dataset/ring", "shape": "ring", "count": 200}
    project.set("datasets", {"ring": ring})
    common = {"dataset": "artifacts/datasets/ring", "kimg": 0.4, "batch_size": 8, "network": "mlp"}
    common |= {"tricks": {"loss": "hinge"}, "monitor": {"steps": 10}, "components": {"mixtures.FoundModes": {}}}
    project.set("progan", {"common": common, "stages": {"r4": {"after": "artifacts/datasets/ring"}}})
    project.espalier("run", "progan")
    page = reported(project)
    assert_alone(page)
    assert 'alt="samples of progan@r4"' in page and "Monitor metrics and verdicts" in page and "modes" in page
    assert '<section id="beside">' not in page and '<section id="growth">' not in page


def test_nothing_trained_says_what_to_run(project: Project) -> None:
    said = project.look("report", "progan", ok=False)
    assert project.code == 2 and "no stage of progan is trained yet" in said and "espalier run progan" in said


# The parts.

MONITOR = """step,kimg,accuracy,quality,coverage,density,diversity,verdict
20,0.2,0.7,0.5,0.4,0.6,0.8,learning
40,0.4,0.9,0.2,0.1,nan,0.1,collapsed
60,0.6,0.9,0.2,0.1,inf,0.1,collapsed
80,0.8,0.7,0.8,0.7,0.9,0.9,healthy
"""
TOLD = {
    "verdict": "healthy",
    "evidence": "quality 0.80 (reals: 1), <b>diversity</b> 0.90",
    "images": 800,
    "events": [
        {
            "step": 60,
            "images": 600,
            "kind": "rollback",
            "words": "collapsed: rolled back to 0.2 kimg and resumed with r1",
        },
        {"step": 80, "images": 800, "kind": "stop", "words": "healthy for long"},
    ],
    "remedies": [{"tricks": {"r1": {}}}],
}


def facts(folder: Path, told: dict[str, Any], name: str = "r16") -> StageFacts:
    """A stage whose artifact says this."""
    artifact = folder / name
    artifact.mkdir()
    (artifact / "monitor.csv").write_text(MONITOR)
    (artifact / "history.csv").write_text("step,kimg,alpha,loss_d\n1,0.1,0.5,1\n30,0.3,1,-2\n60,0.8,1,nan\n")
    write_record(artifact / "stage.json", {"config": {"tricks": {}}, **told, "digests": digests_in(artifact)})
    with contextlib.chdir(folder):  # which has no work folder; the repository may have one
        return facts_of(Node(f"progan@{name}", (), (artifact,)), State(f"progan@{name}", "up to date", "", {}))


def test_verdicts_and_events_are_on_the_page(tmp_path: Path) -> None:
    stage = facts(tmp_path, TOLD)
    chain = Chain("progan", [stage])
    assert [(h.kimg, h.kind) for h in stage.happenings()] == [(0.3, "fade end"), (0.6, "rollback"), (0.8, "stop")]
    assert "quality 0.80" in verdicts(chain) and "<b>diversity" not in verdicts(chain)
    assert ">healthy</text>" in diagram(chain, {})
    found = strip([stage], bands_of([stage]))
    assert [(s.start, s.end, s.word, s.tone) for s in found] == [
        (0.0, 0.2, "learning", "young"), (0.2, 0.6, "collapsed", "bad"), (0.6, 0.8, "healthy", "good")
    ]  # fmt: skip
    drawn = curves(chain)
    assert ">collapsed</text>" in drawn and "rolled back to 0.2 kimg and resumed with r1" in drawn
    assert "nan" not in drawn and "inf" not in drawn.replace("info", "")
    for panel in ("Losses", "The discriminator&#x27;s accuracy", "Monitor metrics and verdicts"):
        assert panel in drawn


def test_a_stage_of_an_older_version_has_neither_verdict_nor_events(tmp_path: Path) -> None:
    stage = facts(tmp_path, {"images": 800})
    assert stage.verdict == "" and [h.kind for h in stage.happenings()] == ["fade end"]
    assert verdicts(Chain("progan", [stage])) == "" and stage.seconds is None


def test_stages_of_a_dag_are_drawn_with_the_arrows_that_do_not_follow_from_others(tmp_path: Path) -> None:
    first, second = facts(tmp_path, TOLD, "r4"), facts(tmp_path, TOLD, "r8")
    data = StageFacts(Node("dataset@d", (), (tmp_path,)), State("dataset@d", "missing", "", {}))
    nodes = [replace(first.node, needs=("dataset@d",)), replace(second.node, needs=("dataset@d", "progan@r4"))]
    chain = Chain("progan", [data, replace(first, node=nodes[0]), replace(second, node=nodes[1])])
    assert edges_of(chain) == [("dataset@d", "progan@r4"), ("progan@r4", "progan@r8")]
    assert len(chain.own) == 2 and diagram(chain, {}).count("<svg") == 2


def test_charts_hold_what_is_odd() -> None:
    bands = [Band("a stage with a long name", 0, 1), Band("b", 1, 1)]
    odd = [[(0.0, math.nan), (0.5, math.inf), (1.0, 3.0)], []]
    drawn = both_widths(Panel("odd", {"<x>": odd, "none": [[], []]}), bands, [])
    assert "<x>" not in drawn and "&lt;x&gt;" in drawn and "nan" not in drawn and "a stage" in drawn
    long = [(i / 1000, float(i % 7)) for i in range(100_000)]
    assert len(thinned(long)) <= 260 and thinned(long)[-1][0] > 99
    assert ticks(-1.3, 2.2, 4) == [-1, 0, 1, 2] and ticks(0, 0, 4) == [] and len(ticks(0, 1e-9, 4)) > 2


def test_images_come_back_from_the_grids_that_stages_publish(tmp_path: Path) -> None:
    for side, channels in ((4, 3), (32, 1), (64, 3)):
        made = torch.randint(0, 256, (64, channels, side, side), dtype=torch.uint8)
        save_image(grid(made), tmp_path / "grid.png")
        found = read_grid(tmp_path / "grid.png", (side, side), 8, 5)
        assert found is not None and found.shape == (5, side, side, 3)
        assert (found == made[:5].permute(0, 2, 3, 1).numpy()).all()
        assert read_grid(tmp_path / "grid.png", (side, side), 7, 5) is None
    assert read_grid(tmp_path / "none.png", (4, 4), 8, 5) is None


def test_a_fake_that_is_a_real_image_is_told(trained: Project) -> None:
    store = Store(trained.root / "artifacts/datasets/dolls")
    real = np.array(store.images(16)[:3])
    between = ((real.astype(int) + np.roll(real, 1, axis=0)) // 2).astype(np.uint8)
    near = nearest(np.concatenate([real, between]), store)
    assert near.copies == 3 and (near.reals[:3] == real).all()
    assert nearest(between, store).copies == 0


def test_small_parts() -> None:
    assert sheet(np.zeros((5, 4, 4, 3), np.uint8), 3).size == (3 * 66 - 2, 2 * 66 - 2)
    assert sheet(np.zeros((1, 512, 512, 1), np.uint8), 3).size == (128, 128)
    assert spread(3, 9) == [0, 1, 2] and spread(100, 3) == [0, 50, 99]
    assert metric_text(-1.0) == "−1" and metric_text(8000) == "8,000" and metric_text(0.123456) == "0.1235"
    assert metric_text(True) == "True" and metric_text(math.inf) == "inf"
    assert flat({"a": {"b": 1, "c": None}, "d": {}}) == {"a.b": "1", "a.c": "null", "d": "{}"}
    assert fade_end([{"kimg": 1.0, "alpha": 1.0}]) is None
    assert [tone_of(word) for word in ("", "healthy", "collapsing", "discriminator won")] == [
        "none",
        "good",
        "uneasy",
        "bad",
    ]
