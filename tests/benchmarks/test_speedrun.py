"""The speedrun's harness: a chain trains for CPU seconds, goes on where it was ended, and its rows make the page."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from ruamel.yaml import YAML

from benchmarks.speedrun import costs, judging, runs, training
from benchmarks.speedrun.page import seconds_to, table
from benchmarks.speedrun.rows import read
from benchmarks.speedrun.runs import AT, OPTIONS, PLAIN, RECIPES, SECONDS, Run, stages
from benchmarks.speedrun.training import train
from espalier.data.prepare import prepare
from espalier.data.sources.dolls import DollSource
from tests.conftest import ROOT


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the benchmark's params.yaml, a few dolls, and judges that cost nothing."""
    params = YAML(typ="safe").load(ROOT / "benchmarks/params.yaml")
    for name in ("r4", "r8", "r16", "r32"):
        params["speed_progan"]["stages"][name]["kimg"] = 0.064
    params["speed_progan"]["common"]["tricks"]["fade"]["kimg"] = 0.032
    with (tmp_path / "params.yaml").open("w") as file:
        YAML().dump(params, file)
    source = DollSource(source="dolls", root=ROOT / "data/dolls", count=40, resolution=64)
    prepare(source, tmp_path / "artifacts/datasets/dolls64", lambda done, total: None, workers=1)
    numbers = itertools.count(100, -1)

    def judged(images: torch.Tensor) -> dict[str, float]:
        assert images.shape == (runs.COUNT, 3, 64, 64) and images.dtype == torch.uint8
        return {"fd_imagenet": float(next(numbers)), "fid_local": 3.0, "recall": 0.5, "coverage": 0.25}

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runs, "COUNT", 4)
    monkeypatch.setattr(runs, "DOCS", tmp_path / "docs")
    monkeypatch.setattr(runs, "ROWS", tmp_path / "docs/speedrun")
    for module in (judging, training):
        monkeypatch.setattr(module, "judged", judged)
    (tmp_path / "docs/speedrun").mkdir(parents=True)
    (tmp_path / "docs/speedrun/floors.csv").write_text(
        "seconds,kimg,fd_imagenet,fid_local,recall,coverage\n0,0,1.25,2.5,0.9,0.95\n"
    )
    yield tmp_path


def cost(place: Path, seconds: float) -> None:
    """Every stage costs this for a thousand images."""
    every = [(Run(world, recipe, 0)) for recipe in RECIPES | OPTIONS for world in ("dolls64", "few64")]
    lines = {
        ",".join((*costs.key_of(config)[:2], "yes" if costs.key_of(config)[2] else "no"))
        for run in every
        for config in stages(run)
    }
    text = "\n".join(["pipeline,stage,augmented,seconds", *(f"{line},{seconds}" for line in sorted(lines))])
    (place / "docs/speedrun/costs.csv").write_text(text + "\n")
    costs.costs.cache_clear()


def test_costs_are_of_equal_time_and_every_run_has_one(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs, "ROUNDS", 1)
    monkeypatch.setattr(
        costs, "_every_stage", lambda: stages(Run("dolls64", "progan", 0)) + stages(Run("few64", "straight", 1))
    )
    costs.measure()
    costs.costs.cache_clear()
    found = costs.costs()
    chain = {config.stage: config.kimg for config in stages(Run("dolls64", "progan", 0))} | {"r64": costs.UNIT}
    assert sum(kimg * found["speed_progan", stage, False] for stage, kimg in chain.items()) == pytest.approx(
        SECONDS, rel=1e-2
    )
    assert (
        found["speed_progan", "r4", False]
        < found["speed_progan", "r64", False]
        < 3 * found["speed_straight", "r64", True]
    )


def test_a_chain_goes_on_where_it_was_ended_and_its_rows_make_the_page(place: Path) -> None:
    run, folder = Run("dolls64", "progan", 0), place / "work"
    cost(place, 10)  # an iteration of 32 images takes 0.32 seconds
    with pytest.MonkeyPatch.context() as patch:
        left = iter([False] * 3 + [True])
        patch.setattr(training, "_due", lambda *given: pytest.fail("ended") if next(left) else False)
        with pytest.raises(pytest.fail.Exception):
            train(run, 1000, folder)
    assert [path.name for path in sorted(folder.glob("*-artifact"))] == [f"r{r}-artifact" for r in (16, 32, 4, 8)]
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*-artifact/stage.json")}
    train(run, 12, folder)
    assert before == {path: path.stat().st_mtime_ns for path in before}, "no stage that was done is trained again"
    rows = read(run.rows)
    assert 4 <= len(rows) <= len(AT) and rows[-1]["seconds"] >= 12, "times that passed in one step are judged once"
    passed = [sum(row["seconds"] >= share * 12 for share in AT) for row in rows]
    assert passed == sorted(set(passed)) and passed[-1] == len(AT)
    assert rows[-1]["kimg"] > rows[0]["kimg"] > 0
    train(run, 12, folder)
    assert read(run.rows) == rows, "the time was used up"
    assert (
        "| ProGAN, 4 to 64 (today's default) | 1 |" in table("How.") and (place / "docs/speedrun/dolls64.png").is_file()
    )
    page = table("How.")
    assert "| *other dolls (floor)* |  |  | 1.25 | 2.5 | 0.9 | 0.95 |" in page
    day, commit = (place / "docs/speedrun/runs.csv").read_text().strip().split(",")[1:]
    assert f"| 8,000 dolls | {day} | {commit} | ProGAN, 4 to 64 (today's default) | 0 |" in page
    assert seconds_to("dolls64", "progan", 0) == "not reached"
    middle = (rows[2]["seconds"] + rows[3]["seconds"]) / 2
    level = (rows[2]["fd_imagenet"] + rows[3]["fd_imagenet"]) / 2
    assert float(seconds_to("dolls64", "progan", level)) == pytest.approx(middle, abs=1)


def test_every_recipe_is_valid_and_augmented_on_few_images(place: Path) -> None:
    for recipe in RECIPES | OPTIONS:
        plain = stages(Run("few64", recipe + PLAIN, 0))
        assert not any(trick.name in ("diffaugment", "ada") for stage in plain for trick in stage.tricks.others)
        assert len(plain) == (5 if recipe == "progan" else 1)
        for world in ("dolls64", "few64"):
            config = stages(Run(world, recipe, 2))[-1]
            assert (config.seed, config.resolution, config.dataset.name) == (2, 64, world)
            augmented = any(trick.name == "diffaugment" for trick in config.tricks.others)
            assert augmented == (world == "few64" or recipe == "projected")
