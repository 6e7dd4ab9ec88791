"""Commands that show what was trained."""

from pathlib import Path
from typing import Annotated

import typer

from espalier.data.errors import InputError
from espalier.pipelines.cli.app import Pipeline, Weights, app


@app.command()
def status() -> None:
    """Show the state of every stage: up to date, stale, half-way at a step, training, or missing."""
    from espalier.pipelines.commands.status import as_table, console, states

    console().print(as_table(states()))


@app.command()
def history(
    stage: Annotated[str, typer.Argument(help="A DVC stage, such as [bold]progan@r8[/].")],
    number: Annotated[
        int, typer.Option("-n", "--number", min=1, help="Number of commits of dvc.lock to search.")
    ] = 200,
) -> None:
    """List the versions of a stage's artifact across commits and experiments, newest first, with metrics and samples.

    To train the later stages from one of them: espalier run progan --from progan@r8:REV
    """
    from espalier.pipelines.commands.history import as_line, head_line, history

    print(head_line())
    for version in history(stage, number):
        print(as_line(version), flush=True)


@app.command()
def sample(
    artifacts: Annotated[
        list[Path], typer.Argument(help="Artifacts, milestones or checkpoints; with several, one row each.")
    ],
    number: Annotated[
        int, typer.Option("-n", "--number", min=1, help="Number of images, or of latents to interpolate between.")
    ] = 64,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same images.")] = 0,
    out: Annotated[Path, typer.Option("-o", "--out", help="Image file to write.")] = Path("grid.png"),
    interpolate: Annotated[bool, typer.Option(help="Write a GIF that interpolates between latents (slerp).")] = False,
) -> None:
    """Sample images from an artifact or a checkpoint. No dataset is needed.

    Examples: espalier sample artifacts/progan/r32 -n 64 --seed 1 -o grid.png,
    espalier sample artifacts/progan/r32 -n 8 --interpolate -o walk.gif
    """
    from espalier.pipelines.commands.sample import draw_grid, draw_walk

    wanted = ".gif" if interpolate else ".png"
    if out.suffix.lower() != wanted:
        raise InputError(f"--out is {out}, but this writes a {wanted} file; use {out.with_suffix(wanted)}")
    (draw_walk if interpolate else draw_grid)(artifacts, number, seed, out)
    print(out)


@app.command()
def evaluate(
    artifact: Weights,
    number: Annotated[
        int,
        typer.Option("-n", "--number", min=1, help="Number of samples; compare metrics only at the same number."),
    ] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same metrics.")] = 0,
    features: Annotated[
        Path | None,
        typer.Option(
            help="A feature network's artifact, [bold]inception[/], or a .pth file of Inception's weights; default: the network "
            "trained on its dataset."
        ),
    ] = None,
    dataset: Annotated[
        Path | None, typer.Option(help="Prepared dataset; default: the one the artifact was trained on.")
    ] = None,
    modes: Annotated[
        bool, typer.Option("--modes", help="Fail if classes cannot be counted, instead of skipping class metrics.")
    ] = False,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Also write a .json file.")] = None,
) -> None:
    """Evaluate an artifact against real images: distances, precision, recall and diversity, each next to its floor.

    The floor is the value of the same metric for other real images.

    Examples: espalier evaluate artifacts/progan/r32 -n 2000 -o r32.json,
    espalier evaluate artifacts/progan/r32 -n 2000 --features inception
    """
    from espalier.data.files import write_json
    from espalier.pipelines.commands.evaluate import as_table, evaluation_of
    from espalier.pipelines.commands.status import console

    found = evaluation_of(artifact, number, seed, features, dataset, modes)
    console().print(as_table(found))
    name, _, digest = found.about["features"].partition(":")
    print(f"\n{found.about['reference']}; features {name}:{digest[:12]}, resized {found.about['resizer']}")
    for note in found.notes:
        print(note)
    if out is not None:
        write_json(out, found.as_json())
        print(out)


@app.command()
def report(
    pipeline: Pipeline,
    out: Annotated[Path, typer.Option("-o", "--out", help="HTML file to write.")] = Path("report.html"),
    against: Annotated[str, typer.Option(help="A commit, branch, tag or experiment to compare with.")] = "",
    number: Annotated[
        int,
        typer.Option("-n", "--number", min=1, help="Number of samples for metrics; more is slower and more precise."),
    ] = 500,
) -> None:
    """Write one HTML page about a pipeline: samples, growth, curves, verdicts, metrics, lineage.

    The file is self-contained.

    Example: espalier report progan -o report.html --against brave-newt
    """
    from espalier.pipelines.report.page import write_report

    if out.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"--out is {out}, but this writes a .html file; use {out.with_suffix('.html')}")
    write_report(pipeline, out, number, against)
    print(out)


@app.command()
def translate(
    photo: Annotated[Path, typer.Argument(help="Photo of one person.")],
    map: Annotated[
        Path, typer.Option("--map", help="Its segmentation map: a palette PNG of the same size with classes 0 to 6.")
    ],
    text: Annotated[
        list[str], typer.Option(help="A sentence that describes the new outfit; with several, one row each.")
    ],
    number: Annotated[int, typer.Option("-n", "--number", min=1, help="Number of outfits per sentence.")] = 4,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same outfits.")] = 0,
    out: Annotated[Path, typer.Option("-o", "--out", help="Image file to write.")] = Path("outfits.png"),
    artifact: Annotated[Path, typer.Option(help="Artifact of the second stage, which refers to the first.")] = Path(
        "artifacts/fashiongan/image"
    ),
) -> None:
    """Dress a person as a sentence describes: person, map, new map and result side by side.

    Example: espalier translate doll.png --map doll-map.png --text "a red dress with short sleeves" -n 4 -o out.png
    """
    from espalier.pipelines.commands.translate import draw_outfits

    if out.suffix.lower() != ".png":
        raise InputError(f"--out is {out}, but this writes a .png file; use {out.with_suffix('.png')}")
    for sentence in draw_outfits(photo, map, text, number, seed, artifact, out):
        print(sentence)
    print(out)


@app.command()
def studio(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port.")] = 7860,
    host: Annotated[str, typer.Option(help="Interface to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    artifact: Annotated[Path, typer.Option(help="Artifact of FashionGAN's second stage.")] = Path(
        "artifacts/fashiongan/image"
    ),
    people: Annotated[Path, typer.Option(help="Prepared dataset of people with segmentation maps.")] = Path(
        "artifacts/datasets/people_test"
    ),
) -> None:
    """Open a web page for dressing people and sampling from artifacts, until Ctrl-C.

    Requires gradio, an optional dependency; if it is missing, the command says how to install it.
    """
    from espalier.pipelines.studio.actions import open_studio

    open_studio(host, port, artifact, people)


@app.command()
def inspect(artifact: Weights) -> None:
    """Show an artifact's or checkpoint's configuration, lineage and versions."""
    from espalier.pipelines.commands.inspect import describe

    for line in describe(artifact):
        print(line)
