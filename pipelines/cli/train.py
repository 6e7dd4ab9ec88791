"""Commands that train: at the desk, by Prefect, as an ablation."""

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from espalier.data.errors import InputError
from espalier.pipelines.cli.app import LARGEST_SEED, TRAIN, Pipeline, app
from espalier.pipelines.naming import stage_name

REPORTS = Path("reports")


@app.command(rich_help_panel=TRAIN)
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
    seed: Annotated[
        int | None, typer.Option(min=0, max=LARGEST_SEED, help="Use another seed; creates a DVC experiment.")
    ] = None,
    start: Annotated[
        str,
        typer.Option(
            "--from",
            help="Resume r8 from a checkpoint (with --step), or train the stages after progan@r8:REV, an older version.",
        ),
    ] = "",
    step: Annotated[
        int | None, typer.Option(min=1, max=LARGEST_SEED, help="With --from r8: step of its checkpoint.")
    ] = None,
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
    raise typer.Exit(run_at_desk(stage_name(target), options, _report))


def _report(pipeline: str, artifact: Path) -> None:
    """Write what a pipeline with `report: true` ends with: its page, and a grid."""
    from espalier.pipelines.commands.sample import Wanted, draw_grid
    from espalier.pipelines.report.page import write_report

    page, grid = REPORTS / f"{pipeline}.html", REPORTS / f"{pipeline}.png"
    made = (artifact / "stage.json").stat().st_mtime
    if page.is_file() and grid.is_file() and min(page.stat().st_mtime, grid.stat().st_mtime) > made:
        return
    write_report(pipeline, page, 500, "")
    draw_grid([artifact], Wanted(64, 1), grid)
    print(f"report:  {page}\ngrid:    {grid}")


@app.command(rich_help_panel=TRAIN)
def ui(port: Annotated[int, typer.Option(min=1, max=65535, help="Port.")] = 4200) -> None:
    """Start Prefect's server and its web page on this machine, until Ctrl-C.

    Then, in another shell: espalier serve
    """
    from espalier.pipelines.prefect.server import start_server

    def ready(page: str) -> None:
        print(f"the page: {page}\nflows:    {'' if port == 4200 else f'PREFECT_API_URL={page}/api '}espalier serve")

    raise typer.Exit(start_server(port, ready))


@app.command(rich_help_panel=TRAIN)
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


@app.command(rich_help_panel=TRAIN)
def ablate(
    pipeline: Pipeline,
    stage: Annotated[str, typer.Argument(help="A stage of the pipeline, such as [bold]r8[/].")],
    over: Annotated[
        list[str],
        typer.Option(help="An option or a trick with its values, such as packing=1,2; off removes it."),
    ],
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="Seeds per combination.")] = 3,
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
    results = []
    with contextlib.suppress(KeyboardInterrupt):
        for result in run_all(pipeline, stage, wanted):
            results.append(result)
    if results:
        metric = choose_metric(results, by)
        ranks, image = ranked(results, metric, lowest), table_path(pipeline, stage).with_suffix(".png")
        draw(ranks, metric, f"{pipeline}@{stage}", image)
        console().print(as_table(ranks, metric))
        print(f"\n{image}, and every run in {image.with_suffix('.csv')}")
    if len(results) < len(wanted):
        print(f"stopped after {len(results)} of {len(wanted)} runs; run the same command to continue", file=sys.stderr)
        raise typer.Exit(130)
