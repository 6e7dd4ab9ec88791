"""The Prefect flows: one for each pipeline in params.yaml, and one for any target. DVC defines the stages and their order."""

from collections.abc import Callable
from typing import Any

from prefect import Flow, flow
from prefect.client.schemas.objects import State

from espalier.pipelines.run.options import RunOptions

AS_CONFIGURED = RunOptions()
OF = "pipeline_"
"""In this module, `pipeline_NAME` is the flow of the pipeline NAME; Prefect loads it by that name."""


def flow_of(pipeline: str) -> Flow[..., State]:
    """The flow of a pipeline."""

    def run(options: RunOptions = AS_CONFIGURED) -> State:
        from espalier.pipelines.prefect.chain import run_chain

        return run_chain(pipeline, options)

    run.__name__ = run.__qualname__ = f"{OF}{pipeline}"
    run.__module__ = "espalier.pipelines.flows"
    run.__doc__ = f"Run the pipeline {pipeline} of params.yaml."
    function: Callable[..., State] = run
    return flow(name=pipeline)(function)


@flow(name="target")
def target(target: str, options: RunOptions = AS_CONFIGURED) -> State:
    """Run any target of the DAG with all its dependencies.

    Args:
        target: A pipeline in params.yaml, or a DVC stage, such as progan@r8 or dataset@dolls.
    """
    from espalier.pipelines.prefect.chain import run_chain

    return run_chain(target, options)


def __getattr__(name: str) -> Any:
    if name.startswith(OF):
        return flow_of(name.removeprefix(OF))
    raise AttributeError(name)
