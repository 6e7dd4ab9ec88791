"""Commands that change what is configured: projects, pipelines, a dry run, tricks."""

from pathlib import Path
from typing import Annotated

import typer

from espalier.pipelines.cli.app import Pipeline, app


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Folder of the new project.")],
    images: Annotated[Path | None, typer.Option(help="A folder of images to train on; default: drawn dolls.")] = None,
) -> None:
    """Start a project of your own: git, DVC, params.yaml with one pipeline, and dvc.yaml.

    Example: espalier init my-project --images photos
    """
    from espalier.pipelines.commands.init import init_project

    init_project(folder, images)
    print(f"made the project {folder}; next: cd {folder}, espalier check progan, espalier run progan")


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Name of the new pipeline.")],
    like: Annotated[str, typer.Option(help="The pipeline in params.yaml to copy.")],
    images: Annotated[Path | None, typer.Option(help="A folder of images to train it on.")] = None,
) -> None:
    """Add a pipeline to params.yaml and dvc.yaml, a copy of an existing one.

    Example: espalier new faces --like progan --images photos/faces
    """
    from espalier.pipelines.commands.new import new_pipeline

    for added in new_pipeline(name, like, images):
        print(f"added {added}")
    print(f"adjust it in params.yaml, then: espalier check {name}, espalier run {name}")


@app.command()
def check(pipeline: Pipeline) -> None:
    """Do a dry run: validate a pipeline and run a few steps of each stage.

    Reports peak memory, images/s and the estimated total time on this machine.
    """
    from rich.table import Table

    from espalier.pipelines.commands.check import measured, training, warnings
    from espalier.pipelines.commands.status import console
    from espalier.pipelines.run.validate import validate
    from espalier.stages.process.progress import clock

    names = training(pipeline, validate(pipeline))
    for sentence in warnings(pipeline, names):
        print(f"warning: {sentence}")
    print(f"the configuration of {pipeline} is valid; profiling {len(names)} stages ...")
    table = Table("stage", "G + D parameters", "peak memory", "images/s", "time", box=None, pad_edge=False)
    total, made_up = 0.0, False
    for name, cost in measured(pipeline, names):
        total += cost["seconds"]
        made_up = made_up or not cost["prepared"]
        parameters = f"{cost['generator_parameters']:,} + {cost['discriminator_parameters']:,}"
        table.add_row(
            f"{pipeline}@{name}",
            parameters,
            f"{cost['peak_bytes'] / 2**30:.2f} GiB",
            f"{cost['images_per_second']:.0f}",
            clock(cost["seconds"]),
        )
    console().print(table)
    print(f"estimated training time of the whole chain on this machine: {clock(total)}")
    if made_up:
        print("the dataset is not prepared yet; random RGB images were used instead")


@app.command()
def tricks(
    name: Annotated[str, typer.Argument(help="A trick, or a loss such as [bold]hinge[/], to show in detail.")] = "",
) -> None:
    """List every trick with its options, or show the details of one: equation, source, options, incompatibilities."""
    from espalier.pipelines.commands.status import console
    from espalier.pipelines.commands.tricks import all_tricks, one_trick

    if not name:
        console().print(all_tricks())
        return
    for line in one_trick(name):
        print(line)
