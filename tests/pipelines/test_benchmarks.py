"""The papers' worlds: every stage of benchmarks/ is one that can be run, and its own DVC repository has them all."""

import subprocess
import sys
from pathlib import Path

import pytest

from espalier.stages.config.load import check_stage, stage_config, trains
from espalier.stages.config.params import pipeline_names, read_params, stage_names
from espalier.stages.config.sections import source_config
from tests.conftest import ROOT

FOLDER = ROOT / "benchmarks"


@pytest.fixture(autouse=True)
def _there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    monkeypatch.syspath_prepend(str(FOLDER))


def dvc(folder: Path, *arguments: str) -> list[str]:
    """What dvc answers in a folder, a line each."""
    command = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.splitlines()


def test_every_run_of_every_table_is_a_valid_stage_that_dvc_knows() -> None:
    params = read_params(Path("params.yaml"))
    for name in params["datasets"]:
        source_config(params, name)
    listed = set(dvc(FOLDER, "stage", "list", "--name-only"))
    kinds = {"datasets": "dataset", "features": "features", "texts": "text"}
    wanted = {"code", *(f"{kind}@{name}" for section, kind in kinds.items() for name in params[section])}
    for pipeline in pipeline_names(params):
        for stage in stage_names(params, pipeline):
            check_stage(params, pipeline, stage)
            if trains(params, pipeline, stage):
                assert stage_config(params, pipeline, stage).name == f"{pipeline}@{stage}"
            wanted.add(f"{pipeline}@{stage}")
    assert listed == wanted
    assert len(pipeline_names(params)) == 42


def test_the_tables_worlds_are_a_repository_of_their_own_and_the_project_sees_none_of_them() -> None:
    assert dvc(FOLDER, "root") == dvc(ROOT, "root") == ["."]
    listed = dvc(ROOT, "stage", "list", "--all", "--name-only")
    assert listed == [
        "code", "dataset@dolls", "dataset@people", "dataset@people_test", "progan@r4", "progan@r8", "progan@r16", "progan@r32",
        "features@dolls", "text@outfits", "fashiongan@shape", "fashiongan@image", "fashiongan_test@translate",
    ]  # fmt: skip
    assert len(listed) == 13


def test_packs_make_batches_of_as_many_labels_and_updates() -> None:
    params = read_params(Path("params.yaml"))
    for pipeline in ("ring", "grid", "ring_full", "stacked", "stacked_full"):
        plain = stage_config(params, pipeline, f"{'gan' if 'ring' in pipeline or pipeline == 'grid' else 'dcgan'}-0")
        for m in (2, 3, 4):
            packed = stage_config(params, pipeline, f"pac{m}-0")
            assert packed.setting.logits == plain.batch_size
            assert packed.kimg / packed.batch_size == plain.kimg / plain.batch_size
