"""The papers' worlds: every stage of benchmarks/ is one that can be trained, and DVC has them all."""

import subprocess
import sys
from pathlib import Path

import pytest

from espalier.stages.config.load import check_stage, stage_config
from espalier.stages.config.params import pipeline_names, read_params, stage_names
from espalier.stages.config.sections import source_config
from tests.conftest import ROOT

FOLDER = ROOT / "benchmarks"


@pytest.fixture(autouse=True)
def _there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    monkeypatch.syspath_prepend(str(FOLDER))


def test_every_run_of_every_table_is_a_valid_stage_that_dvc_knows() -> None:
    params = read_params(Path("params.yaml"))
    for name in params["datasets"]:
        source_config(params, name)
    listed = subprocess.run(
        [sys.executable, "-m", "dvc", "stage", "list", "--name-only"], capture_output=True, text=True, check=True
    ).stdout.split()
    for pipeline in pipeline_names(params):
        for stage in stage_names(params, pipeline):
            check_stage(params, pipeline, stage)
            assert f"{pipeline}@{stage}" in listed
    assert len(pipeline_names(params)) == 34


def test_packs_make_batches_of_as_many_labels_and_updates() -> None:
    params = read_params(Path("params.yaml"))
    for pipeline in ("ring", "grid", "ring_full", "stacked", "stacked_full"):
        plain = stage_config(params, pipeline, f"{'gan' if 'ring' in pipeline or pipeline == 'grid' else 'dcgan'}-0")
        for m in (2, 3, 4):
            packed = stage_config(params, pipeline, f"pac{m}-0")
            assert packed.logits_a_process == plain.batch_size
            assert packed.kimg / packed.batch_size == plain.kimg / plain.batch_size
