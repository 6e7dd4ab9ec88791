"""Commands that change what is configured: projects, pipelines, a dry run, tricks."""

from pathlib import Path
from typing import Annotated

import typer

from espalier.data.errors import InputError
from espalier.pipelines.cli.app import SET_UP, app
from espalier.pipelines.naming import artifact_path, stage_name

Hours = Annotated[float, typer.Option(min=0, max=10_000, help="Hours that the whole run may take, by the clock.")]


@app.command(rich_help_panel=SET_UP)
def init(
    folder: Annotated[Path, typer.Argument(help="Folder of the new project.")],
    images: Annotated[Path | None, typer.Option(help="A folder of images to train on; default: drawn dolls.")] = None,
    hours: Hours = 2.0,
) -> None:
    """Start a project of your own: git, DVC, params.yaml with one pipeline, and dvc.yaml.

    With --images, the pipeline is chosen as by espalier start, and called images.

    Example: espalier init my-project --images photos --hours 2
    """
    from espalier.pipelines.commands.init import IMAGES, check_folder_of, init_project, install_imagenet
    from espalier.pipelines.commands.start import plan

    check_folder_of(folder, images)
    if trouble := install_imagenet():
        print(trouble)
    choice, told = (None, []) if images is None else plan(IMAGES, images, hours)
    init_project(folder, choice)
    for line in told:
        print(line)
    name = "progan" if images is None else IMAGES
    print(f"made the project {folder}; next: cd {folder}, espalier check {name}, espalier run {name}")


@app.command(rich_help_panel=SET_UP)
def new(
    name: Annotated[str, typer.Argument(help="Name of the new pipeline.")],
    like: Annotated[str, typer.Option(help="The pipeline in params.yaml to copy.")] = "",
    images: Annotated[Path | None, typer.Option(help="A folder of images to train it on.")] = None,
    hours: Hours = 2.0,
) -> None:
    """Add a pipeline to params.yaml and dvc.yaml: a copy of another one, or without --like what espalier start chooses.

    Example: espalier new faces --like progan --images photos/faces
    """
    from espalier.pipelines.commands.new import new_pipeline

    if not like:
        if images is None:
            raise InputError("a pipeline like which one? Use --like progan, or --images FOLDER to have it chosen")
        start(name, images, hours)
        return
    for added in new_pipeline(name, like, images):
        print(f"added {added}")
    print(f"adjust it in params.yaml, then: espalier check {name}, espalier run {name}")


@app.command(rich_help_panel=SET_UP)
def start(
    name: Annotated[str, typer.Argument(help="Name of the new pipeline.")],
    images: Annotated[Path, typer.Option(help="A folder of images to train on, or a .zip of one.")],
    hours: Hours = 2.0,
    resolution: Annotated[
        str, typer.Option(help="Side of the images in pixels; auto: what they have and the time allows.")
    ] = "auto",
    parent: Annotated[
        Path | None,
        typer.Option("--from", parser=artifact_path, help="Go on with a generator that was trained on other images."),
    ] = None,
) -> None:
    """Choose how to train on a folder of images in the time given, and add it to params.yaml and dvc.yaml.

    Looks at the images and at this machine, then says what it chose and why; espalier run NAME trains it, and ends with a report.

    Examples: espalier start faces --images photos/faces --hours 2,
    espalier start cats --images photos/cats --from artifacts/faces/r64
    """
    from espalier.pipelines.commands.start import start

    for line in start(name, images, hours, _side(resolution), parent):
        print(line)
    print(f"next: espalier run {name}")


def _side(text: str) -> int | None:
    """A resolution; None for auto."""
    if text == "auto":
        return None
    if (
        text.isdecimal()
        and text.isascii()
        and len(text) < 6
        and 4 <= int(text) <= 4096
        and not int(text) & (int(text) - 1)
    ):
        return int(text)
    raise InputError(f"--resolution is '{text}'; use auto, or a power of two such as 64")


@app.command(rich_help_panel=SET_UP)
def check(
    target: Annotated[str, typer.Argument(help="A pipeline in params.yaml, or a stage, such as [bold]progan@r8[/].")],
) -> None:
    """Do a dry run: validate a pipeline and run a few steps of each stage.

    Reports peak memory, images/s and the estimated total time on this machine.
    """
    from espalier.pipelines.commands.check import check_target

    check_target(stage_name(target))


@app.command(rich_help_panel=SET_UP)
def clean(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be deleted.")] = False,
) -> None:
    """Delete old work folders: checkpoints of configurations that params.yaml does not have, unfinished experiments included.

    Artifacts, DVC's cache and what an interrupted run resumes from are kept. DVC's own cache is cleaned by: dvc gc --workspace
    """
    from espalier.pipelines.commands.clean import delete, leftovers

    found = leftovers()
    for one in found:
        print(f"{one.size / 2**20:10.1f} MiB  {one.path}  ({one.why})")
    if not dry_run:
        delete(found)
    print(f"{sum(one.size for one in found) / 2**20:10.1f} MiB {'can be freed' if dry_run else 'freed'}")


@app.command(rich_help_panel=SET_UP)
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
