"""Write the code fingerprint of every stage into artifacts/code, one file per stage, for DVC to compare."""

from typing import Any

from espalier.data.files import whole_folder
from espalier.stages.config.code import stage_code, stages_with_code
from espalier.stages.config.params import ARTIFACTS

CODE = ARTIFACTS / "code"


def write_fingerprints(params: dict[str, Any]) -> None:
    """Write the fingerprints. This is cheap, and does not need torch."""
    with whole_folder(CODE) as folder:
        for pipeline, stage in stages_with_code(params):
            file = folder / pipeline / stage
            file.parent.mkdir(exist_ok=True)
            file.write_text(stage_code(params, pipeline, stage), encoding="utf-8")
