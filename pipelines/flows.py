"""The Prefect flows. All share one implementation; DVC defines the stages and their order."""

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
    """Translate an image conditioned on a sentence, in two stages."""
    from espalier.pipelines.prefect.chain import run_chain

    return run_chain("fashiongan", options)


@flow(name="target")
def target(target: str, options: RunOptions = AS_CONFIGURED) -> State:
    """Run any target of the DAG with all its dependencies.

    Args:
        target: A pipeline in params.yaml, or a DVC stage, such as progan@r8 or dataset@dolls.
    """
    from espalier.pipelines.prefect.chain import run_chain

    return run_chain(target, options)


OWN = {"progan": progan, "fashiongan": fashiongan}
"""Pipelines with a flow of their own; all others run through `target`."""
