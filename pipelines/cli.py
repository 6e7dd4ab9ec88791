"""espalier: the command line."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from espalier.data.errors import InputError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Train GANs in stages, as a pipeline you can trust to finish.\n\n"
    "Start with [bold]espalier check progan[/], then [bold]espalier run progan[/]. Ctrl-C is safe at any time: "
    "the same command resumes. All configuration is in params.yaml.",
)

Pipeline = Annotated[str, typer.Argument(help="A pipeline in params.yaml, such as [bold]progan[/].")]
Weights = Annotated[Path, typer.Argument(help="An artifact, a milestone or a checkpoint file.")]


@app.command()
def run(
    target: Annotated[str, typer.Argument(help="A pipeline in params.yaml, or a stage, such as [bold]progan@r8[/].")],
    until: Annotated[str, typer.Option(help="Stop after this stage, such as r16.")] = "",
    force: Annotated[bool, typer.Option(help="Run stages even if DVC considers them unchanged.")] = False,
    override: Annotated[
        list[str] | None,
        typer.Option(
            "-S",
            "--set-param",
            help="Override a parameter, such as progan.common.tricks.loss=hinge; creates a DVC experiment.",
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Use another seed; creates a DVC experiment.")] = None,
    start: Annotated[
        str,
        typer.Option(
            "--from",
            help="Resume r8 from a checkpoint (with --step), or train the stages after progan@r8:REV, an older version.",
        ),
    ] = "",
    step: Annotated[int | None, typer.Option(min=1, help="With --from r8: step of its checkpoint.")] = None,
    time: Annotated[str, typer.Option("--for", help="Stop after this long, such as 40m or 8h; exit code 3.")] = "",
    pull: Annotated[bool, typer.Option(help="Pull already trained stages from the DVC remote.")] = False,
    push: Annotated[bool, typer.Option(help="Push trained stages to the DVC remote.")] = False,
) -> None:
    """Train a pipeline or resume it (dvc repro, with progress).

    Only changed stages are trained. Ctrl-C writes a checkpoint; the same command resumes from it.

    Examples: espalier run progan --until r16, espalier run progan --for 8h,
    espalier run progan --from r8 --step STEP
    """
    from pydantic import ValidationError

    from espalier.pipelines.commands.desk import run_at_desk
    from espalier.pipelines.run.options import RunOptions

    try:
        options = RunOptions(
            until=until, force=force, overrides=tuple(override or ()), seed=seed, start=start, step=step, time=time,
            pull=pull, push=push,
        )  # fmt: skip
    except ValidationError as error:
        raise InputError("; ".join(e["msg"].removeprefix("Value error, ") for e in error.errors())) from error
    raise typer.Exit(run_at_desk(target, options))


@app.command()
def ui(port: Annotated[int, typer.Option(min=1, max=65535, help="Port.")] = 4200) -> None:
    """Start Prefect's server and its web page on this machine, until Ctrl-C.

    Then, in another shell: espalier serve
    """
    from espalier.pipelines.prefect.server import start_server

    def ready(page: str) -> None:
        print(f"the page: {page}\nflows:    {'' if port == 4200 else f'PREFECT_API_URL={page}/api '}espalier serve")

    raise typer.Exit(start_server(port, ready))


@app.command()
def serve(
    pipelines: Annotated[list[str] | None, typer.Argument(help="Pipelines in params.yaml; all by default.")] = None,
    cron: Annotated[str | None, typer.Option(help="Cron schedule, such as '0 2 * * *'.")] = None,
    timezone: Annotated[str, typer.Option(help="Time zone of the schedule, such as Europe/Berlin.")] = "UTC",
    name: Annotated[str | None, typer.Option(help="Name of the deployments; default: this folder's name.")] = None,
) -> None:
    """Execute runs from Prefect's page or a schedule on this machine, one at a time, until Ctrl-C."""
    from espalier.pipelines import flows
    from espalier.pipelines.prefect.serve import serve_flows

    serve_flows(flows.flow_of, flows.target, pipelines or (), cron, timezone, name)


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
def ablate(
    pipeline: Pipeline,
    stage: Annotated[str, typer.Argument(help="A stage of the pipeline, such as [bold]r8[/].")],
    over: Annotated[
        list[str],
        typer.Option(help="An option or a trick with its values, such as packing=1,2; off removes it."),
    ],
    seeds: Annotated[int, typer.Option(min=1, help="Seeds per combination.")] = 3,
    by: Annotated[str, typer.Option(help="Final metric to rank by; default: modes or diversity.")] = "",
    lowest: Annotated[bool, typer.Option(help="Lower is better.")] = False,
) -> None:
    """Train a stage with every combination of options and several seeds, and rank the combinations.

    Each run is a DVC experiment. Ctrl-C is safe: the same command continues with the remaining runs.

    Example: espalier ablate progan r8 --over loss=wgan,hinge --over packing=1,2 --seeds 3
    """
    from espalier.pipelines.commands.ablate import parse_axis, run_all, table_path, trials
    from espalier.pipelines.commands.ranking import as_table, choose_metric, draw, ranked
    from espalier.pipelines.commands.status import console

    wanted, refused = trials(pipeline, stage, [parse_axis(text) for text in over], seeds)
    for combination, why in refused.items():
        print(f"skipped: {combination}: {why}")
    results = [result for result in run_all(pipeline, stage, wanted) if result is not None]
    if results:
        metric = choose_metric(results, by)
        ranks, image = ranked(results, metric, lowest), table_path(pipeline, stage).with_suffix(".png")
        draw(ranks, metric, f"{pipeline}@{stage}", image)
        console().print(as_table(ranks, metric))
        print(f"\n{image}, and every run in {image.with_suffix('.csv')}")
    if len(results) < len(wanted):
        print(f"stopped after {len(results)} of {len(wanted)} runs; run the same command to continue", file=sys.stderr)
        raise typer.Exit(130)


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


def main() -> None:
    """Run the command line. Bad input prints one error message and exits with code 2."""
    if "" not in sys.path:  # find user modules next to params.yaml, as python -m does
        sys.path.insert(0, "")
    try:
        app()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
