"""python -m espalier.stages.run PIPELINE STAGE: run one stage of params.yaml, which also gives its type.

`dataset NAME`, `features NAME` and `text NAME` prepare or train the entry of that name, and `fingerprint` writes the code
fingerprints that dvc.yaml tracks. With `--profile`, a training stage runs a few steps and prints their cost as JSON.
"""

import argparse
import sys
from typing import Any

from espalier.stages.process.parent import STARTER  # noqa: F401  (records the parent before the slow imports)

# isort: split

from espalier.data.errors import InputError
from espalier.stages.config.params import merged_section, read_params, type_of
from espalier.stages.contracts.known import SECTIONS, TYPES
from espalier.stages.contracts.registry import load
from espalier.stages.process.exits import run

FINGERPRINT = "fingerprint"


def stage_of(params: dict[str, Any], pipeline: str, stage: str) -> Any:
    """The stage, ready to run.

    Raises:
        InputError: its configuration is invalid.
    """
    kind = pipeline if pipeline in SECTIONS else type_of(merged_section(params, pipeline, stage))
    path = TYPES.get(kind, kind)
    if "." not in path:
        raise InputError(f"params.yaml: {pipeline}.stages.{stage}.type: unknown type '{kind}'; use train or translate")
    try:
        found = load(path)
    except ValueError as error:
        raise InputError(
            f"params.yaml: {pipeline}.stages.{stage}.type: '{kind}' cannot be imported: {error}"
        ) from error
    return found(params, pipeline, stage)


def main(pipeline: str, stage: str, profile: bool) -> int | None:
    """Run a stage; returns the exit code of its worker processes, if there are several."""
    if pipeline == FINGERPRINT:
        from espalier.stages.types.fingerprint import Fingerprint

        Fingerprint(read_params()).run()
        return None
    found = stage_of(read_params(), pipeline, stage)
    code: int | None = found.profile() if profile else found.run()
    return code


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m espalier.stages.run", description="Run one stage of params.yaml.")
    parser.add_argument("pipeline", help="a pipeline in params.yaml, or dataset, features, text or fingerprint")
    parser.add_argument("stage", nargs="?", default="", help="a stage of the pipeline, such as r8")
    parser.add_argument("--profile", action="store_true", help="run only a few steps and print their cost as JSON")
    arguments = parser.parse_args()
    sys.exit(run(lambda: main(arguments.pipeline, arguments.stage, arguments.profile)))
