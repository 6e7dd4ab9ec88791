"""Every benchmark's own code at a tiny size: what it times or trains for the first row of its table, and the table itself."""

import csv
import importlib
import json
import os
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from ruamel.yaml import YAML

from espalier.data.prepare import prepare
from espalier.stages.config.load import stage_config
from espalier.stages.config.params import merge, read_params, stage_names
from espalier.stages.config.sections import source_config
from espalier.stages.config.stage_type import stage_of
from espalier.stages.contracts.known import SECTIONS
from espalier.stages.loop import publish
from espalier.stages.types.inputs import MadeUpStore, inputs_of
from tests.conftest import ROOT, Project, make_project

FOLDER = ROOT / "benchmarks"
OWN = ("digit_classifier", "digits", "games", "lazy_tricks", "mixtures", "saddle_tricks")
"""Parts that params.yaml names by dotted path."""
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py"))


@cache
def real_params() -> str:
    """benchmarks/params.yaml as JSON: what shares an anchor there is apart in it."""
    return json.dumps(read_params(FOLDER / "params.yaml"))


class Small:
    """A project like benchmarks/, in which everything is small, and whose tables lie in a folder of its own.

    Its params.yaml has the sections that were changed: all of the real one take a second to read.
    """

    def __init__(self, root: Path) -> None:
        self.root, self.tables = root / "benchmarks", root / "docs" / "tables"
        (self.root / ".dvc").mkdir(parents=True)
        self.tables.mkdir(parents=True)
        for name in OWN:
            shutil.copy(FOLDER / f"{name}.py", self.root)
        self.params: dict[str, Any] = json.loads(real_params())
        self.changed = {"datasets"}

    def change(self, path: str, **options: Any) -> None:
        """Lay options over a section of params.yaml, by its dotted path."""
        *way, last = path.split(".")
        place = self.params
        for key in way:
            place = place[key]
        place[last] = merge(place[last], options)
        self.changed.add(path.partition(".")[0])
        YAML().dump({name: self.params[name] for name in self.changed}, self.root / "params.yaml")

    def prepare(self, name: str, **options: Any) -> None:
        """Prepare a dataset with these options."""
        self.change(f"datasets.{name}", **options)
        prepare(source_config(self.params, name), Path("artifacts/datasets", name), lambda done, total: None, workers=1)

    def prepare_fashion(self) -> None:
        """Dolls in place of Fashion-MNIST, and their feature network."""
        self.params["datasets"]["fashion"] = {}
        self.prepare("fashion", source="dolls", root="artifacts/code/dataset/fashion", count=320, resolution=16)
        self.change("features.fashion", resolution=16)
        self.run("features", "fashion")

    def run(self, pipeline: str, stage: str) -> dict[str, float]:
        """Run a stage to its end, as its process does; returns its final metrics."""
        stage_of(self.params, pipeline, stage).run()
        group = SECTIONS.get(pipeline, pipeline)
        found: dict[str, float] = json.loads((self.root / f"artifacts/{group}/{stage}/metrics.json").read_text())
        return found

    def give(self, pipeline: str, stage: str, **metrics: float) -> None:
        """Final metrics of a run, as if it had been trained."""
        folder = self.root / "artifacts" / pipeline / stage
        folder.mkdir(parents=True)
        (folder / "metrics.json").write_text(json.dumps(metrics))

    def table(self, name: str) -> list[list[str]]:
        """The cells of a table's file, one row per line."""
        lines = (self.tables / f"{name}.md").read_text().splitlines()
        return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Small:
    """It is the current folder, and what every script takes for its own."""
    small = Small(tmp_path)
    for name in SCRIPTS:
        module = script(name)
        for constant, value in (("ROOT", small.root), ("TABLES", small.tables)):
            if hasattr(module, constant):
                monkeypatch.setattr(module, constant, value)
    monkeypatch.setattr(publish, "draw_curves", lambda *arguments: None)  # half of the time, and no benchmark's
    monkeypatch.chdir(small.root)
    monkeypatch.syspath_prepend(str(small.root))
    return small


def script(name: str) -> ModuleType:
    """A script as a module."""
    return importlib.import_module(f"benchmarks.{name}")


def cells(*values: object) -> list[str]:
    """As a table shows them."""
    return [str(value) for value in values]


def mean(*values: float) -> object:
    """Mean and standard error, as a table shows them; counted apart from the scripts."""
    error = np.std(values, ddof=1) / len(values) ** 0.5
    return f"{np.mean(values):.3g} ± {error:.2g}"


# What is timed.


def test_a_step_of_ours_is_the_plain_loops_and_both_are_timed(capsys: pytest.CaptureFixture[str]) -> None:
    step = script("step")
    ours = step.make_trainer(8, 4, 1)
    assert ours.batches.reals.shape == (step.IMAGES, 8, 8, 3)
    step.check_same(ours, step.Plain(ours))
    again = step.make_trainer(8, 4, 1)
    other = step.Plain(again)
    with torch.no_grad():
        next(other.d.parameters()).mul_(1.1)
    with pytest.raises(AssertionError):  # so it does see a difference
        step.check_same(again, other)
    line = [cell.strip() for cell in step.row(8, 4, 1).strip("|").split("|")]
    assert line[:2] == ["8", "4"] and all(float(cell) > 0 for cell in line[2:6])
    shares = dict(re.findall(r"(\S+) +(-?\d+)%", line[6]))
    assert list(shares) == ["data", "penalty", "D", "G", "EMA", "else"]
    assert 97 <= sum(map(int, shares.values())) <= 103


def test_step_is_a_script_too_from_anywhere(tmp_path: Path) -> None:
    command = [sys.executable, str(FOLDER / "step.py"), *["--resolutions", "8", "--widths", "4", "--seconds", "0.01"]]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"^\| 8 \| 4 \|", done.stdout, flags=re.M)) == 1


def test_the_monitors_cost_is_of_training_blocks(small: Small, capsys: pytest.CaptureFixture[str]) -> None:
    dolls = {"source": "dolls", "root": "artifacts/code/dataset/dolls", "count": 128, "resolution": 4}
    networks = {"network": {"latent": 8, "base": 64, "largest": 8}, "monitor": {"steps": 3}}
    small.params["datasets"]["dolls"] = {}
    small.prepare("dolls", **dolls)
    root = read_params(ROOT / "params.yaml")
    small.params["progan"] = {"common": root["progan"]["common"], "stages": {"r4": root["progan"]["stages"]["r4"]}}
    small.change("progan.common", **networks)
    small.prepare("sick_grid", count=2000)
    small.change("well_grid.common", monitor={"steps": 3})
    assert script("monitor_cost").main() == 0
    head, _, first, last = small.table("monitor_cost")
    assert head == list(script("monitor_cost").HEAD)
    assert first[:4] == ["progan r4", "4x4", "32", "3"] and last[:4] == ["well_grid paired-0", "points", "64", "3"]
    for row in (first, last):
        step, probe, share = float(row[4]), float(row[5]), float(row[6].removesuffix(" %"))
        assert share == pytest.approx(100 * probe / (probe + 3 * step), abs=3)


class Clocked:
    """Stands for a project, its server and what serves its flows: notes what it is asked for."""

    def __init__(self, *asked: object) -> None:
        self.asked: list[tuple[object, ...]] = []

    def dvc(self, *arguments: str) -> str:
        self.asked.append(("dvc", *arguments))
        return "code\ndataset@dolls\nprogan@r4\nprogan@r8" if "list" in arguments else ""

    def run(self, **options: object) -> str:
        self.asked.append(("flow", options))
        return "run"

    def wait_until(self, run: str, *states: str, seconds: float) -> str:
        return states[0]

    def start(self) -> None:
        self.asked.append(("start",))

    def stop(self) -> None:
        self.asked.append(("stop",))


def test_a_flows_overhead_is_of_both_in_turns(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    flow_overhead = script("flow_overhead")
    project, server = Clocked(), Clocked()
    monkeypatch.setattr(flow_overhead, "Server", lambda home, of: server)
    monkeypatch.setattr(flow_overhead, "Served", lambda of, at: project)
    times = iter([1.0, 3.0, 2.0, 8.0, 1.5, 4.0, 0.5, 1.0])
    monkeypatch.setattr(flow_overhead, "seconds", lambda action: (action(), next(times))[1])
    said = flow_overhead.measure(project, tmp_path, rounds=2)
    both = [("dvc", "repro", "--force"), ("flow", {"force": True})]
    assert project.asked[2:] == [*both, *both, *[("dvc", "repro"), ("flow", {})] * 2, ("stop",)]
    assert server.asked == [("start",), ("stop",)]
    assert said.splitlines() == [
        "4 stages run: dvc repro 1.5 s, flow 5.5 s: 1.00 s more a stage",
        "4 stages up to date: dvc repro 1.0 s, flow 2.5 s",
    ]


def test_a_flows_overhead_is_measured_on_a_chain_that_dvc_knows(tmp_path: Path) -> None:
    project = script("flow_overhead").chain(tmp_path / "chain")
    names = [f"r{side}" for side in (4, 8, 16, 32, 64)]
    assert project.dvc("stage", "list", "--name-only").split() == [
        "code", "dataset@dolls", *(f"progan@{name}" for name in names)
    ]  # fmt: skip
    assert [stage_config(project.params, "progan", name).resolution for name in names] == [4, 8, 16, 32, 64]


@pytest.mark.long
def test_a_flows_overhead_is_measured_on_a_real_server(tmp_path: Path) -> None:
    project: Project = make_project(tmp_path / "tiny")
    project.set("datasets.dolls.count", 16)
    project.set("datasets.dolls.resolution", 4)
    project.set("progan.stages", {"r4": {"after": "artifacts/datasets/dolls", "resolution": 4, "kimg": 0.1}})
    said = script("flow_overhead").measure(project, tmp_path / "prefect", rounds=1)
    assert re.fullmatch(
        r"3 stages run: dvc repro [\d.]+ s, flow [\d.]+ s: -?[\d.]+ s more a stage\n"
        r"3 stages up to date: dvc repro [\d.]+ s, flow [\d.]+ s",
        said,
    )


# What is trained.


def test_dirac_is_run_by_dvc_to_its_table(tmp_path: Path) -> None:
    root, tables = tmp_path / "benchmarks", tmp_path / "docs" / "tables"
    root.mkdir()
    for path in FOLDER.glob("*.py"):
        shutil.copy(path, root)
    shutil.copy(FOLDER / "dvc.yaml", root)
    shutil.copytree(FOLDER / ".dvc", root / ".dvc", ignore=shutil.ignore_patterns("tmp", "cache"))
    params = json.loads(real_params())
    for section in params.values():
        for axis, values in section.get("matrix", {}).items():
            section["matrix"][axis] = values[:1]
    params["dirac"]["common"]["kimg"] = 0.08
    YAML().dump(params, root / "params.yaml")
    dirac = script("dirac")
    given = {}
    for number, (game, run) in enumerate(product(dirac.GAMES, dirac.RUNS)):
        given[game, run] = 0.001 * number
        folder = root / "artifacts/dirac" / f"{game}-{run}"
        if (game, run) != ("minimax", "none"):
            folder.mkdir(parents=True)
            (folder / "metrics.json").write_text(json.dumps({"distance": given[game, run]}))
    project = Project(tmp_path)
    project.run("git", "init", "-q")
    said = project.python("benchmarks.dirac", "--jobs", "1")
    assert "1 of 1 runs  dirac@minimax-none" in said
    assert (root / "dvc.lock").is_file() and (root / ".work" / "dirac@minimax-none").is_dir()
    trained = json.loads((root / "artifacts/dirac/minimax-none/metrics.json").read_text())["distance"]
    assert 1.41 < trained < 1.5  # simultaneous steps spiral outwards; these are 5
    given["minimax", "none"] = trained
    text = (tables / "dirac.md").read_text()
    for game, title in dirac.GAMES.items():
        row = next(line for line in text.splitlines() if line.startswith(f"| {title} |"))
        for run, expected in zip(dirac.RUNS, dirac.EXPECTED[game], strict=True):
            assert f"| {given[game, run]:.2g}" + f" ({expected})" * bool(expected) + " |" in row
    assert (tables / "dirac.png").is_file()
    again = project.python("benchmarks.dirac", "--table-only")
    assert "runs" not in again.splitlines()[0] and (tables / "dirac.md").read_text() == text


def test_ring_grid(small: Small) -> None:
    small.prepare("ring", count=1000)
    small.change("ring.common", kimg=1)
    ours = small.run("ring", "gan-0")
    small.give("ring", "gan-1", modes=7, hq_share=0.5, reverse_kl=0.25)
    small.give("grid", "pac2-0", modes=21, hq_share=0.125, reverse_kl=1.5)
    ring_grid = script("ring_grid")
    ring_grid.table("")
    head, _, gan, pac2 = small.table("ring_grid")
    published = ring_grid.PUBLISHED["ring"]["GAN"]
    assert gan == cells(
        "ring", "GAN", 2, mean(ours["modes"], 7), published[0], mean(100 * ours["hq_share"], 50), published[1],
        mean(ours["reverse_kl"], 0.25), published[2],
    )  # fmt: skip
    assert pac2[:4] == ["grid", "PacGAN2", "1", "21"] and pac2[5] == "12.5" and pac2[7] == "1.5"
    assert (small.tables / "ring_grid.png").is_file()


def test_stress(small: Small) -> None:
    small.prepare("grid", count=1000)
    small.change("stress.common", kimg=0.64)
    ours = small.run("stress", "sgan-rate-0")["modes"]
    assert ours < script("stress").FEWEST
    small.give("stress", "sgan-rate-1", modes=25)
    small.give("stress", "wgan_gp-tanh-0", modes=20)
    stress = script("stress")
    stress.table("")
    rows = small.table("stress")
    assert [row[0] for row in rows[2:]] == list(stress.LOSSES.values())
    assert rows[2][1:3] == [f"1/2  {ours:g}, 25  (154)", "2/2  none  (35)"]
    assert rows[-1][4] == "1/2  20  (60)"
    assert (small.tables / "stress.png").is_file()


def test_ttur(small: Small) -> None:
    small.prepare("delta", count=100)
    small.change("saddle.common", kimg=0.04)
    small.run("saddle", "equal-0")
    for pair in ("small", "slow_x", "slow_y"):
        folder = small.root / "artifacts/saddle" / f"{pair}-0"
        folder.mkdir(parents=True)
        with (folder / "history.csv").open("w", newline="") as file:
            csv.writer(file).writerows([["step", "distance"], *([i, 1 / (i + 1)] for i in range(2000))])
    ttur = script("ttur")
    (equal,) = ttur.distances("equal")
    assert len(equal) == 20 and 0.3 < equal[0] < 0.9  # it starts at (0.5, -0.4), 0.64 from the middle
    ttur.table("")
    _, _, first, second, *_ = small.table("ttur")
    assert first[:3] == ["0.01, 0.01", "1", f"{np.mean(equal):.3g}"]
    last = np.mean([1 / (i + 1) for i in range(1000, 2000)])
    assert second[:3] == ["0.001, 0.001", "1", f"{last:.3g}"] and second[4] == "5"
    assert first[3] == "0.622 ± 0.026 (SD 0.46)" and second[5] == "344"  # as another's integration by 300 seeds has it
    assert (small.tables / "ttur.png").is_file()


def made_up_mnist(root: Path) -> None:
    """Noise in the form of MNIST's files, as torchvision reads them."""
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    random = np.random.default_rng(0)
    for part in ("train", "t10k"):
        images = random.integers(0, 256, (40, 28, 28), dtype=np.uint8)
        (raw / f"{part}-images-idx3-ubyte").write_bytes(struct.pack(">4i", 0x803, *images.shape) + images.tobytes())
        labels = np.arange(40, dtype=np.uint8) % 10
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2i", 0x801, 40) + labels.tobytes())


def test_stacked_mnist(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("digit_classifier"), "STACKED_SAMPLES", 256)
    made_up_mnist(small.root / "data")
    small.prepare("stacked", count=64, root="data")
    small.prepare("stacked_test", count=16, root="data")
    small.change("classifiers.stages.digits16", epochs=1)
    small.run("classifiers", "digits16")
    small.change("stacked.common", kimg=0.128)
    ours = small.run("stacked", "dcgan-0")
    small.give("stacked", "dcgan-1", modes=100, kl=5)
    small.give("stacked", "r3gan-2", modes=900, kl=0.5)
    stacked_mnist = script("stacked_mnist")
    stacked_mnist.table("")
    _, _, dcgan, r3gan = small.table("stacked_mnist")
    title, of_modes, of_kl = stacked_mnist.PUBLISHED["dcgan"]
    assert dcgan == cells(title, 2, mean(ours["modes"], 100), of_modes, mean(ours["kl"], 5), of_kl)
    assert r3gan == ["paired relativistic + R1 + R2", "1", "900", "", "0.5", ""]
    assert (small.tables / "stacked_mnist.png").is_file()


def test_fashiongan(small: Small) -> None:
    small.prepare("people", count=32)
    small.prepare("people_test", count=24)
    small.change("texts.outfits", epochs=1, width=16)
    small.run("text", "outfits")
    small.change("outfit_one.common", kimg=0.064, network={"width": 2, "code": 16})
    small.run("outfit_one", "coarse7-0")
    ours = small.run("judged", "coarse7-0")
    fashiongan = script("fashiongan")
    metrics = {f"{field}{kind}": 0.5 for field in fashiongan.FIELDS for kind in ("", "_ceiling", "_chance")}
    metrics |= {"frechet": 12.0, "frechet_floor": 3.0, "hair_iou": 0.25, "face_iou": 0.75, "accuracy": 0.625}
    small.give("judged", "composed-0", **metrics)
    (small.root / "artifacts/judged/composed-0/samples.png").write_bytes(b"a sheet")
    fashiongan.table("")
    head, _, ceiling, coarse, composed, chance = small.table("fashiongan")
    shares = [f"{100 * ours[field]:.3g}" for field in fashiongan.FIELDS]
    assert coarse == cells(fashiongan.METHODS["coarse7"], 1, *shares, f"{ours['frechet']:.3g}", *coarse[-2:])
    assert composed == cells(fashiongan.METHODS["composed"], 1, *["50"] * 4, "62.5", "12", "25", "75")
    assert ceiling[2:8] == [*["50"] * 5, "3"] and chance[2:] == [*["50"] * 5, "", "", ""]
    assert len({len(row) for row in (head, ceiling, coarse, composed, chance)}) == 1
    assert (small.tables / "fashiongan.png").is_file()
    assert (small.tables / "fashiongan-people.png").read_bytes() == b"a sheet"


def test_sick(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    sick = script("sick")
    for cached in (sick.least_of, sick._reals):
        cached.cache_clear()
    monkeypatch.setattr(sick, "IMAGES", 60)
    small.prepare("sick_grid", count=600)
    small.prepare("sick_dolls", count=320)
    small.change("features.sick_dolls", epochs=1)
    small.run("features", "sick_dolls")
    points = {"milestone_kimg": 1, "monitor": {"steps": 5}}
    for pipeline in sick.PIPELINES:
        small.change(f"{pipeline}.matrix", seed=[0])
        small.change(f"{pipeline}.common", **{**points, "kimg": 3.2 if "grid" in pipeline else 0.64})
    small.run("sick_grid", "hot-none-0")
    small.run("sick_grid", "hot-heal-0")
    small.run("well_grid", "paired-0")
    small.run("sick_dolls", "hot-none-0")
    small.run("well_dolls", "paired-0")
    (small.root / ".work/sick_grid@unbounded-none-0/key").mkdir(parents=True)
    (small.root / ".work/sick_grid@unbounded-none-0/key/failed.txt").write_text("step 3: loss_d is nan")
    found = sick.runs()
    assert [(run.world, run.case, run.help) for run in found] == [
        ("grid", "hot", "none"), ("grid", "hot", "heal"), ("grid", "unbounded", "none"), ("grid", "paired", "well"),
        ("dolls", "hot", "none"), ("dolls", "paired", "well"),
    ]  # fmt: skip
    grid, _, stopped, *_, dolls = found
    assert grid.failed and [kimg for kimg, _ in grid.good] == [1, 2, 3, 3.2]
    assert stopped.failed and stopped.alarms == ((stopped.kimg / 2, "diverged"),)
    assert not dolls.failed  # by half of its own coverage
    monitor = list(csv.DictReader((small.root / "artifacts/sick_grid/hot-none-0/monitor.csv").open()))
    assert [word for _, word in sick.verdicts(small.root / "artifacts/sick_grid/hot-none-0/monitor.csv")] == [
        row["verdict"] for row in monitor
    ]  # fmt: skip
    sick.table("")
    rows = small.table("sick")
    assert rows[2][0] == "cases held out" and rows[3] == sick.row("cases looked at", found, interval=True)
    noticed = [run.noticed for run in found[::2] if run.failed]
    assert rows[3][1:3] == [f"{2 + found[4].failed} of 3", sick.share(noticed, interval=True)]
    assert [row[0] for row in rows if row[0].endswith(("hot", "unbounded", "paired"))] == [
        "grid hot", "grid unbounded", "grid paired", "dolls hot", "dolls paired",
    ]  # fmt: skip
    total = sum(len(stage_names(small.params, pipeline)) for pipeline in sick.PIPELINES)
    assert f"6 of {total} runs are finished" in (small.tables / "sick.md").read_text()
    assert (small.tables / "sick.png").is_file()


def test_the_control_of_mending_is_other_seeds_alone() -> None:
    sick = script("sick")

    def run(case: str, seed: int, failed: bool) -> Any:
        return sick.Run("ring", case, seed, "none", 1.0, ((1.0, not failed),), ())

    alone = [run("a", 0, True), run("a", 1, True), run("a", 2, False), run("b", 0, True), run("b", 1, False)]
    failed = [one for one in alone if one.failed]
    assert sick.share(sick.redrawn(failed, alone)) == "3 of 5"  # a: 2 of 4, b: 1 of 1
    assert sick.share([True] * 46 + [False] * 4, interval=True) == "46 of 50 (81-97%)"  # Wilson: 0.812 to 0.968


@pytest.mark.long
def test_progressive(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    progressive = script("progressive")
    world = progressive.World("dolls", "fashion", ("grown4", "grown8", "grown16"), {16: "straight16"})
    nothing = progressive.World("nothing", "none", (), {})
    for name, value in {
        "COUNT": 80, "EVERY": 1, "BLOCKS": 1, "BLOCK": 1, "FASHION": world, "DOLLS": nothing, "PLACES": ((world, 16),)
    }.items():  # fmt: skip
        monkeypatch.setattr(progressive, name, value)
    for cached in (progressive.timed, progressive.reals, progressive.runs):
        cached.cache_clear()
    small.prepare_fashion()
    for pipeline in ("grown4", "grown8", "grown16", "straight16"):
        network = {"latent": 8, "base": 64, "largest": 8}
        kimg = 0.25 if pipeline in world.chain[:2] else 2
        changes = {"kimg": kimg, "milestone_kimg": 1, "network": network, "tricks": {"fade": {"kimg": kimg / 2}}}
        small.change(f"{pipeline}.common", **changes)
        small.run(pipeline, "0")
    ways = progressive.runs((world, 16))
    (chain,), (straight,) = ways["chain"], ways["straight"]
    assert [point.kimg for point in chain] == [1.5, 2.5] and [point.kimg for point in straight] == [1, 2]
    pace, fade = progressive.timed()["grown16"]
    before = sum(
        pace.seconds(0.25, fade) for pace, fade in (progressive.timed()[name] for name in ("grown4", "grown8"))
    )
    assert fade == 1 and chain[0].minutes == pytest.approx((before + pace.seconds(1, fade)) / 60)
    assert progressive.timed()["straight16"][1] == 0
    progressive.table("")
    rows = small.table("progressive")
    measured = [row for row in rows if row[0] == "dolls 16x16"]
    assert len(measured) == 2 * len(progressive.SLACK)
    best = max(min(point.fid_local for point in run) for run in (chain, straight))
    assert measured[3][:3] == ["dolls 16x16", "1", f"local FID ≤ {best:.3g}"]
    assert [row[0] for row in rows[-4:]] == ["grown4", "grown8", "grown16", "straight16"]
    assert (small.tables / "progressive.png").is_file()


@pytest.mark.long
def test_lazy_penalty(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    lazy, progressive = script("lazy_penalty"), script("progressive")
    monkeypatch.setattr(lazy, "ROUNDS", 1)
    monkeypatch.setattr(lazy, "EVERY", 1)
    for place in (lazy, progressive):
        monkeypatch.setattr(place, "COUNT", 80)
    for cached in (lazy.curves, lazy.paces, progressive.reals):
        cached.cache_clear()
    small.prepare_fashion()
    small.change("lazy.common", kimg=2, milestone_kimg=1, network={"latent": 8, "base": 64, "largest": 8})
    for way in ("each", "separate4"):
        small.run("lazy", f"{way}-0")
    (curve,) = lazy.curves("each")
    assert [kimg for kimg, _ in curve] == [1, 2]
    assert lazy.at(curve, 1.25) == pytest.approx(0.75 * curve[0][1] + 0.25 * curve[1][1])
    lazy.table("")
    rows = small.table("lazy_penalty")
    assert [row[0] for row in rows[2:]] == ["every iteration", "4, separate and compensated"]
    assert rows[2][3] == f"{curve[1][1]:.3g}" and min(float(row[5]) for row in rows[2:]) <= 2
    assert (small.tables / "lazy_penalty.png").is_file()


def test_a_separate_penalty_steps_with_compensated_adam(small: Small) -> None:
    small.change("lazy.common", network={"latent": 8, "base": 64, "largest": 8}, batch_size=4)
    trainer = script("step").trainer_of
    made: dict[str, Any] = {}
    for way in ("plain4", "compensated4", "separate4"):
        config = stage_config({"lazy": small.params["lazy"]}, "lazy", f"{way}-0")
        inputs = inputs_of(config, MadeUpStore(config), None, torch.device("cpu"), "")
        made[way] = trainer(config, inputs, None, small.root, torch.device("cpu"))
    terms = {way: [of.iterate() for _ in range(5)] for way, of in made.items()}
    adam = {way: of.game.optimizers["discriminator"] for way, of in made.items()}
    for way, steps in (("plain4", 5), ("compensated4", 5), ("separate4", 7)):  # the penalty is due twice
        assert max(int(state["step"]) for state in adam[way].state.values()) == steps
        share = 1 if way == "plain4" else 4 / 5
        (group,) = adam[way].param_groups
        assert group["lr"] == pytest.approx(0.003 * share) and group["betas"] == pytest.approx((0, 0.99**share))
    assert float(terms["compensated4"][1]["lazy_penalty"]) == 0 != float(terms["compensated4"][0]["lazy_penalty"])


def test_commands(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = script("commands")
    chosen = {"STAGES": (3,), "REPEATS": 1, "COMMANDS": ("espalier run nothing", "espalier run points")}
    for name, value in chosen.items():
        monkeypatch.setattr(commands, name, value)
    monkeypatch.setattr(sys, "argv", ["benchmarks.commands"])
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PATH", os.environ["PATH"])
    assert commands.main() == 0
    error, nothing_to_train = small.table("commands")[2:4]
    assert error[0] == "`espalier run nothing`" and 0.1 < float(error[1]) < 1.5 * float(nothing_to_train[1]) < 20


# All of them.


@pytest.mark.parametrize("name", [name for name in SCRIPTS if name not in ("plain_progan", "worlds", *OWN)])
def test_every_script_is_tried_here(name: str) -> None:
    texts = [path.read_text() for path in Path(__file__).parent.glob("test_*.py")]
    tried = (f'script("{name}")', f"from benchmarks import {name}\n")
    assert any(words in text for words in tried for text in texts), "a new benchmark has a smoke test"
    assert callable(getattr(script(name), "main", None))


def test_a_run_that_fails_is_named_and_told_by_the_exit_code(
    small: Small, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    worlds = script("worlds")
    asked: list[list[str]] = []

    def dvc(*arguments: str) -> list[str]:
        asked.append(list(arguments))
        return [sys.executable, "-c", f"import sys; print('said'); sys.exit({'stress@sgan-rate-1' in arguments})"]

    small.change("stress.matrix", loss=["sgan"], stress=["rate"])
    monkeypatch.setattr(worlds, "dvc", dvc)
    monkeypatch.setattr(sys, "argv", ["benchmarks.stress", "--jobs", "1"])
    endings: list[str] = []
    write: Callable[[str], None] = endings.append
    assert worlds.main("stress", ("stress",), write, needed=("features@fashion",)) == 1
    assert endings == [""]
    assert asked[0] == ["repro", "code", "dataset@grid", "features@fashion"]
    assert sorted(asked[1:]) == [["repro", "--single-item", f"stress@sgan-rate-{seed}"] for seed in (0, 1)]
    assert "stress@sgan-rate-1 failed:\nsaid" in capsys.readouterr().err


@pytest.mark.parametrize(("full", "code"), [(True, 0), (False, 2)])
def test_the_released_protocol_is_offered_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, full: bool, code: int
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks.ring_grid", "--table-only", "--full"])
    endings: list[str] = []
    write: Callable[[str], None] = endings.append
    if code:
        with pytest.raises(SystemExit, match="2"):
            script("worlds").main("ring", ("ring",), write, full=full)
    else:
        assert script("worlds").main("ring", ("ring",), write, full=full) == 0
    assert endings == ([] if code else ["_full"])
