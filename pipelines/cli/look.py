"""Commands that show what was trained."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from espalier.data.errors import InputError
from espalier.pipelines.cli.app import (
    LARGEST_SEED,
    LOOK,
    MOST_IMAGES,
    MOST_SAMPLES,
    Pipeline,
    Trust,
    Weights,
    app,
    check_out,
)
from espalier.pipelines.naming import artifact_path, stage_name


@app.command(rich_help_panel=LOOK)
def status(
    every: Annotated[bool, typer.Option("--all", help="Also show pipelines of which nothing was made.")] = False,
) -> None:
    """Show the state of every stage in use: up to date, stale, half-way at a step, training, or missing."""
    from espalier.pipelines.commands.status import as_table, console, in_use, states
    from espalier.pipelines.run.dag import read_dag

    dag = read_dag()
    found = states(dag)
    shown, others = (found, []) if every else in_use(found, dag)
    console().print(as_table(shown))
    if others:
        pipelines = ", ".join(dict.fromkeys(name.partition("@")[0] for name in others))
        print(f"\n{len(others)} stages of which nothing was made are not shown ({pipelines}): espalier status --all")


@app.command(rich_help_panel=LOOK)
def history(
    stage: Annotated[str, typer.Argument(help="A DVC stage, such as [bold]progan@r8[/].")],
    number: Annotated[
        int, typer.Option("-n", "--number", min=1, max=MOST_SAMPLES, help="Number of commits of dvc.lock to search.")
    ] = 200,
) -> None:
    """List the versions of a stage's artifact across commits and experiments, newest first, with metrics and samples.

    To train the later stages from one of them: espalier run progan --from progan@r8:REV
    """
    from espalier.pipelines.commands.history import as_line, head_line, history

    print(head_line())
    for version in history(stage_name(stage), number):
        print(as_line(version), flush=True)


@app.command(rich_help_panel=LOOK)
def sample(
    artifacts: Annotated[
        list[Path],
        typer.Argument(
            parser=artifact_path,
            metavar="ARTIFACTS...",
            help="Artifacts, such as [bold]progan@r8[/], milestones or checkpoints; with several, one row each.",
        ),
    ],
    number: Annotated[
        int,
        typer.Option("-n", "--number", min=1, max=MOST_SAMPLES, help="Number of images, or of latents of a walk."),
    ] = 64,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="The same seed gives the same images.")] = 0,
    out: Annotated[Path, typer.Option("-o", "--out", help="Image file to write.")] = Path("grid.png"),
    interpolate: Annotated[
        bool, typer.Option(help="Write a GIF or MP4 that interpolates between latents (slerp).")
    ] = False,
    columns: Annotated[
        int | None, typer.Option(min=1, max=MOST_IMAGES, help="Columns of the grid; default: a square.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Write each image as a PNG into this new folder instead of a grid.")
    ] = None,
    truncation: Annotated[
        float,
        typer.Option(min=0, max=2, help="Below 1: more typical images, fewer kinds; for networks with styles."),
    ] = 1.0,
    classes: Annotated[
        str, typer.Option(metavar="N,N,...", help="Numbers of the classes to show, in turns; default: all.")
    ] = "",
    seeds: Annotated[
        str, typer.Option(metavar="N,N-N,...", help="Show the first image of each of these seeds, such as 3,7,20-25.")
    ] = "",
    latents: Annotated[
        Path | None, typer.Option(help="Show the latents of a file, as espalier project writes it.")
    ] = None,
    trust: Trust = False,
) -> None:
    """Sample images from an artifact or a checkpoint (no dataset is needed), or show random images of a prepared dataset.

    Examples: espalier sample artifacts/progan/r32 -n 64 --seed 1 -o grid.png,
    espalier sample artifacts/progan/r32 --seeds 3,7,20-25 --interpolate -o walk.mp4,
    espalier sample artifacts/progan/r32 -n 10000 --folder images
    """
    from espalier.pipelines.commands.sample import Wanted, draw_folder, draw_grid, draw_walk

    if columns is not None and (interpolate or folder is not None or len(artifacts) > 1):
        raise InputError("--columns is for the grid of one artifact; leave it out")
    if seeds and latents is not None:
        raise InputError("--seeds and --latents are two answers to the same question; leave one out")
    wanted = Wanted(number, seed, truncation, _numbers(classes, "classes"), _numbers(seeds, "seeds"), latents)
    number = len(wanted.seeds) or number
    wanted = replace(wanted, number=number)
    if folder is not None:
        if interpolate or len(artifacts) > 1:
            raise InputError("--folder writes the images of one artifact; leave out --interpolate, and give one path")
        draw_folder(artifacts[0], wanted, folder)
        print(folder)
        return
    if number > MOST_IMAGES:
        raise InputError(f"a grid of {number} images is too large; use {MOST_IMAGES} at most, or --folder")
    check_out(out, *(".gif", ".mp4") if interpolate else (".png",))
    if interpolate:
        draw_walk(artifacts, wanted, out)
    else:
        draw_grid(artifacts, wanted, out, columns)
    print(out)


def _numbers(text: str, what: str) -> tuple[int, ...]:
    """Numbers and ranges between commas."""
    found: list[int] = []
    for part in text.split(",") if text else ():
        first, _, last = part.partition("-")
        if not all(end.isascii() and end.isdecimal() and len(end) < 11 for end in (first, last or first)):
            raise InputError(f"'{text}' are no numbers of {what}; write such as --{what} 0,3 or --{what} 0-3")
        span = range(int(first), int(last or first) + 1)
        if not span or len(found) + len(span) > MOST_IMAGES or span[-1] > LARGEST_SEED:
            raise InputError(
                f"--{what} {part}: {MOST_IMAGES} numbers at most, the smaller one first, none above {LARGEST_SEED}"
            )
        found += span
    return tuple(found)


@app.command(rich_help_panel=LOOK)
def project(
    photo: Annotated[Path, typer.Argument(help="A photo; its middle is used, in the shape of the images.")],
    artifact: Weights,
    steps: Annotated[int, typer.Option(min=1, max=100_000, help="Steps of Adam.")] = 500,
    out: Annotated[Path, typer.Option("-o", "--out", help="Image file to write.")] = Path("projected.png"),
    trust: Trust = False,
) -> None:
    """Find the latent of a photo: the image of a generator that is nearest to it.

    Draws photo, best random sample and result side by side, and writes the latent into a .safetensors file beside it.

    Examples: espalier project me.jpg artifacts/faces/r64 -o me.png,
    espalier sample artifacts/faces/r64 --latents me.safetensors -o again.png
    """
    from espalier.pipelines.commands.projection import latents_beside, project_photo

    check_out(out, ".png")
    print(project_photo(photo, artifact, steps, out))
    print(f"{out}\n{latents_beside(out)}")


@app.command(rich_help_panel=LOOK)
def directions(
    artifact: Weights,
    number: Annotated[int, typer.Option("-n", "--number", min=1, max=64, help="Number of directions.")] = 6,
    labels: Annotated[
        bool, typer.Option("--labels", help="Also one for each class of its dataset, which the studio then shows, too.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="The sample that is moved.")] = 0,
    out: Annotated[Path, typer.Option("-o", "--out", help="Image file to write.")] = Path("directions.png"),
    trust: Trust = False,
) -> None:
    """Find directions along which a generator's images change in one way, and draw a sample moved along each.

    The directions are those that the first layer stretches most (SeFa), a row each, from -3 to 3 standard deviations.

    Example: espalier directions artifacts/faces/r64 -n 6 -o directions.png
    """
    from espalier.pipelines.commands.directions import draw_directions

    check_out(out, ".png")
    print(f"rows: {', '.join(draw_directions(artifact, number, labels, seed, out))}")
    print(out)


@app.command(rich_help_panel=LOOK)
def evaluate(
    artifact: Weights,
    number: Annotated[
        int,
        typer.Option(
            "-n",
            "--number",
            min=1,
            max=MOST_SAMPLES,
            help="Number of samples; compare only metrics of the same.",
        ),
    ] = 2000,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="The same seed gives the same metrics.")] = 0,
    features: Annotated[
        Path | None,
        typer.Option(
            help="A feature network's artifact, [bold]imagenet[/], [bold]inception[/], or a .pth file of Inception's weights; "
            "default: the network trained on its dataset, else imagenet."
        ),
    ] = None,
    dataset: Annotated[
        Path | None, typer.Option(help="Prepared dataset; default: the one the artifact was trained on.")
    ] = None,
    modes: Annotated[
        bool, typer.Option("--modes", help="Fail if classes cannot be counted, instead of skipping class metrics.")
    ] = False,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Also write a .json file.")] = None,
    trust: Trust = False,
) -> None:
    """Evaluate an artifact against real images: distances, precision, recall and diversity, each next to its floor.

    The floor is the value of the same metric for other real images.

    Examples: espalier evaluate artifacts/progan/r32 -n 2000 -o r32.json,
    espalier evaluate artifacts/progan/r32 -n 2000 --features imagenet
    """
    from espalier.data.files import write_json
    from espalier.pipelines.commands.evaluate import as_table, evaluation_of
    from espalier.pipelines.commands.status import console

    if out is not None:
        check_out(out, ".json")
    found = evaluation_of(artifact, number, seed, features, dataset, modes)
    console().print(as_table(found))
    name, _, digest = found.about["features"].partition(":")
    print(f"\n{found.about['reference']}; features {name}:{digest[:12]}, resized {found.about['resizer']}")
    for note in found.notes:
        print(note)
    if out is not None:
        write_json(out, found.as_json())
        print(out)


@app.command(rich_help_panel=LOOK)
def report(
    pipeline: Pipeline,
    out: Annotated[Path, typer.Option("-o", "--out", help="HTML file to write.")] = Path("report.html"),
    against: Annotated[str, typer.Option(help="A commit, branch, tag or experiment to compare with.")] = "",
    number: Annotated[
        int,
        typer.Option(
            "-n",
            "--number",
            min=1,
            max=MOST_SAMPLES,
            help="Samples for metrics; more is slower and more precise.",
        ),
    ] = 500,
) -> None:
    """Write one HTML page about a pipeline: samples, growth, curves, verdicts, metrics, lineage.

    The file is self-contained.

    Example: espalier report progan -o report.html --against brave-newt
    """
    from espalier.pipelines.report.page import write_report

    check_out(out, ".html", ".htm")
    write_report(pipeline, out, number, against)
    print(out)


@app.command(rich_help_panel=LOOK)
def translate(
    photo: Annotated[Path, typer.Argument(help="Photo of one person.")],
    map: Annotated[
        Path, typer.Option("--map", help="Its segmentation map: a palette PNG of the same size with classes 0 to 6.")
    ],
    text: Annotated[
        list[str], typer.Option(help="A sentence that describes the new outfit; with several, one row each.")
    ],
    number: Annotated[
        int, typer.Option("-n", "--number", min=1, max=MOST_IMAGES, help="Number of outfits per sentence.")
    ] = 4,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="The same seed gives the same outfits.")] = 0,
    out: Annotated[Path, typer.Option("-o", "--out", help="Image file to write.")] = Path("outfits.png"),
    artifact: Annotated[Path, typer.Option(help="Artifact of the second stage, which refers to the first.")] = Path(
        "artifacts/fashiongan/image"
    ),
    trust: Trust = False,
) -> None:
    """Dress a person as a sentence describes: person, map, new map and result side by side.

    Example: espalier translate doll.png --map doll-map.png --text "a red dress with short sleeves" -n 4 -o out.png
    """
    from espalier.pipelines.commands.translate import draw_outfits

    check_out(out, ".png")
    for sentence in draw_outfits(photo, map, text, number, seed, artifact, out):
        print(sentence)
    print(out)


@app.command(rich_help_panel=LOOK)
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


@app.command(rich_help_panel=LOOK)
def inspect(artifact: Weights) -> None:
    """Show an artifact's or checkpoint's configuration, lineage and versions, or what a prepared dataset holds."""
    from espalier.pipelines.commands.inspect import describe

    for line in describe(artifact):
        print(line)
