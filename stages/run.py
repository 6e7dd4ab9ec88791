"""python -m espalier.stages.run PIPELINE STAGE: run one stage of params.yaml, which also gives its type.

`dataset NAME`, `features NAME` and `text NAME` prepare or train the entry of that name, and
`fingerprint` writes the code fingerprints that dvc.yaml tracks. With `--profile`, a training stage runs a few steps and
prints their cost as JSON.
"""

import argparse

from espalier.stages.process import threads  # noqa: F401  (before torch)
from espalier.stages.process.parent import STARTER  # noqa: F401  (records the parent before the slow imports)

# isort: split

from espalier.data.errors import InputError
from espalier.stages.artifacts.workfolder import alone
from espalier.stages.config.params import ARTIFACTS, FINGERPRINT, read_params
from espalier.stages.config.stage_type import stage_of
from espalier.stages.config.started import Started
from espalier.stages.contracts.known import SECTIONS
from espalier.stages.contracts.publishing import publishing
from espalier.stages.process.exits import run
from espalier.stages.process.interruption import ended_by_signals
from espalier.stages.process.output import outlive_readers
from espalier.stages.process.parent import leave_with_starter
from espalier.stages.process.torchrun import leave
from espalier.stages.types.fingerprint import write_fingerprints


def main(pipeline: str, stage: str, profile: bool) -> int | None:
    """Run a stage; returns the exit code of its worker processes, if there are several."""
    if pipeline == FINGERPRINT:
        write_fingerprints(read_params())
        return None
    params = read_params()
    found = stage_of(params, pipeline, stage)
    if not profile:
        artifact = ARTIFACTS / SECTIONS.get(pipeline, pipeline) / stage
        started = Started(params, pipeline, stage)
        with publishing(started.section, started.check), alone(artifact), ended_by_signals():
            return found.run()
    if not hasattr(found, "profile"):
        raise InputError(f"{pipeline} {stage} does not train an adversarial network, so it cannot be profiled")
    found.profile()
    return None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m espalier.stages.run", description="Run one stage of params.yaml.")
    parser.add_argument("pipeline", help=f"a pipeline in params.yaml, or {', '.join(SECTIONS)} or {FINGERPRINT}")
    parser.add_argument("stage", nargs="?", default="", help="a stage of the pipeline, such as r8")
    parser.add_argument("--profile", action="store_true", help="run only a few steps and print their cost as JSON")
    arguments = parser.parse_args()
    outlive_readers()
    leave_with_starter()
    leave(run(lambda: main(arguments.pipeline, arguments.stage, arguments.profile)))
