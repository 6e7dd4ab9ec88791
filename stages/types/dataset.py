"""Prepare a dataset of params.yaml into artifacts/datasets/NAME."""

from typing import Any

from espalier.data.prepare import prepare
from espalier.stages.config.params import ARTIFACTS
from espalier.stages.config.sections import source_config
from espalier.stages.process.progress import Bar


class PrepareDataset:
    """The stage type."""

    def __init__(self, params: dict[str, Any], pipeline: str, stage: str) -> None:
        self.name, self.source = stage, source_config(params, stage)

    def run(self) -> None:
        bar: list[Bar] = []

        def progress(done: int, total: int) -> None:
            if not bar:
                bar.append(Bar(f"dataset@{self.name}", total).__enter__())
            if bar[0].due() or done == total:
                bar[0].show(done)

        try:
            notes = prepare(self.source, ARTIFACTS / "datasets" / self.name, progress)
        finally:
            for shown in bar:
                shown.__exit__(None, None, None)
        for note in notes:
            print(note)
