"""The Prefect flows. All are one implementation; which stages there are, and in which order, is DVC's word."""

from prefect import flow
from prefect.client.schemas.objects import State

from espalier.pipelines.run.options import RunOptions

AS_CONFIGURED = RunOptions()


@flow(name="progan")
def progan(options: RunOptions = AS_CONFIGURED) -> State:
    """Grow a ProGAN, resolution by resolution."""
    from espalier.pipelines.prefect.chain import run_chain

    return run_chain("progan", options)


@flow(name="fashiongan")
def fashiongan(options: RunOptions = AS_CONFIGURED) -> State:
    """Translate a picture by a sentence, in two stages."""
    from espalier.pipelines.prefect.chain import run_chain

    return run_chain("fashiongan", options)


@flow(name="target")
def target(target: str, options: RunOptions = AS_CONFIGURED) -> State:
    """Run any target of the DAG with all that it needs.

    Args:
        target: A pipeline of params.yaml, or a stage as dvc names it, such as progan@r8 or dataset@dolls.
    """
    from espalier.pipelines.prefect.chain import run_chain

    return run_chain(target, options)


OWN = {"progan": progan, "fashiongan": fashiongan}
"""Flows of a pipeline's own; any other is a run of `target`."""
