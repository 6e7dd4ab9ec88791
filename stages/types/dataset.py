"""Prepare a dataset of params.yaml into artifacts/datasets/NAME."""

from contextlib import ExitStack
from typing import Any

from espalier.data.prepare import prepare
from espalier.stages.config.params import ARTIFACTS
from espalier.stages.config.sections import source_config
from espalier.stages.contracts.publishing import before_publishing
from espalier.stages.contracts.stage_type import StageType
from espalier.stages.process.progress import Bar


class PrepareDataset(StageType):
    """The stage type."""

    def __init__(self, params: dict[str, Any], pipeline: str, stage: str) -> None:
        self.name, self.source = stage, source_config(params, stage)

    def run(self) -> None:
        bar: Bar | None = None

        def progress(done: int, total: int) -> None:
            nonlocal bar
            bar = bar or stack.enter_context(Bar(f"dataset@{self.name}", total))
            if bar.due() or done == total:
                bar.show(done)

        with ExitStack() as stack:
            out = ARTIFACTS / "datasets" / self.name
            notes = prepare(self.source, out, progress, before_publishing=before_publishing)
        for note in notes:
            print(note)
