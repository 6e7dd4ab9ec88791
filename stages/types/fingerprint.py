"""Write the code fingerprint of every stage into artifacts/code, one file per stage, for DVC to compare."""

from typing import Any

from espalier.data.files import whole_folder
from espalier.stages.config.code import stage_code, stages_with_code
from espalier.stages.config.params import ARTIFACTS

CODE = ARTIFACTS / "code"


class Fingerprint:
    """The stage type. It belongs to no pipeline, is cheap and does not need torch."""

    def __init__(self, params: dict[str, Any], pipeline: str = "", stage: str = "") -> None:
        self.params = params

    def run(self) -> None:
        with whole_folder(CODE) as folder:
            for pipeline, stage in stages_with_code(self.params):
                file = folder / pipeline / stage
                file.parent.mkdir(exist_ok=True)
                file.write_text(stage_code(self.params, pipeline, stage), encoding="utf-8")
