"""A stage type of one's own whose output is a dataset store, which another pipeline trains on."""

import json

import pytest
from ruamel.yaml import YAML

from tests.conftest import Project

CODE = '''
"""The images of a dataset in grey."""

from pathlib import Path
from typing import Any

import numpy as np

from espalier.data.prepare import prepare
from espalier.data.sources.source import Example, Listing, Source
from espalier.data.store import Store
from espalier.stages.config.load import stage_options
from espalier.stages.config.params import ARTIFACTS
from espalier.stages.contracts.stage_type import StageOptions, StageType


class GreyOf(Source):
    def listing(self) -> Listing:
        return Listing([str(i) for i in range(Store(self.root).manifest.count)], channels=1)

    def example(self, listing: Listing, index: int) -> Example:
        image = Store(self.root).images(self.resolution)[index]
        return Example(np.rint(image.mean(axis=2, keepdims=True)).astype(np.uint8))


class Grey(StageType):
    def __init__(self, params: dict[str, Any], pipeline: str, stage: str) -> None:
        self.options, self.out = stage_options(params, pipeline, stage, StageOptions), ARTIFACTS / pipeline / stage

    def run(self) -> None:
        source = GreyOf(source="grey", root=self.options.dataset, resolution=16)
        prepare(source, self.out, lambda done, total: None)
'''
DAG = """
  grey:
    foreach: ${grey.stages}
    do:
      cmd: python -m espalier.stages.run grey ${key}
      params: [grey.common, "grey.stages.${key}"]
      deps: ["${item.after}", "artifacts/code/grey/${key}"]
      outs: ["artifacts/grey/${key}"]
"""


@pytest.mark.long
def test_a_pipeline_trains_on_what_a_stage_made(project: Project) -> None:
    (project.root / "my_grey.py").write_text(CODE)
    dag = project.root / "dvc.yaml"
    dag.write_text(dag.read_text() + DAG)
    dolls = "artifacts/datasets/dolls"
    project.set("grey", {"common": {"dataset": dolls, "type": "my_grey.Grey"}, "stages": {"all": {"after": dolls}}})
    project.set("progan.common.dataset", "artifacts/grey/all")
    project.set("progan.stages.r4.after", "artifacts/grey/all")
    said = project.espalier("check", "progan")
    assert "the configuration of progan is valid" in said
    project.dvc("repro", "progan@r8")
    record = json.loads((project.root / "artifacts/progan/r8/stage.json").read_text())
    assert record["channels"] == 1 and record["dataset"]["path"] == "artifacts/grey/all"
    said = project.espalier("status")
    assert "grey@all" in said
    lines = {line.split()[0]: line for line in said.splitlines() if "@" in line}
    assert "up to date" in lines["grey@all"] and "up to date" in lines["progan@r8"]
    (project.root / "my_grey.py").write_text(CODE.replace("np.rint(image", "np.rint(255 - image"))
    again = project.dvc("repro", "progan@r4")
    assert "Running stage 'grey@all'" in again and "Running stage 'progan@r4'" in again
    assert "Running stage 'dataset@dolls'" not in again
    assert YAML(typ="safe").load(dag)["stages"]["grey"]
