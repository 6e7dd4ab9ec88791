"""The command line's application, and arguments that several commands share."""

import os
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from espalier.data.errors import InputError
from espalier.pipelines.naming import artifact_path
from espalier.stages.contracts.trust import TRUST
from espalier.stages.process.distribution import NAME

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Train GANs in stages, as a pipeline you can trust to finish.\n\n"
    "Start with [bold]espalier check progan[/], then [bold]espalier run progan[/]. Ctrl-C is safe at any time: "
    "the same command resumes. All configuration is in params.yaml.",
)

LARGEST_SEED = 2**32 - 1
MOST_IMAGES, MOST_SAMPLES = 65_536, 10_000_000
"""Of a sheet, and of an evaluation."""


SET_UP, TRAIN, LOOK = "Set up", "Train", "Look at results"
"""Groups of commands in the help."""


def _version(given: bool) -> None:
    if given:
        print(f"espalier {version(NAME)}")
        raise typer.Exit


@app.callback()
def _espalier(
    show: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options of espalier itself."""


def check_out(out: Path, *endings: str) -> None:
    """Check a file that a command will write, before anything is computed.

    Raises:
        InputError: it has another ending, is a folder, or lies in what is no folder.
    """
    if out.suffix.lower() not in endings:
        stem = out.stem or "out"
        raise InputError(
            f"--out is '{out}', but this writes a {endings[0]} file; use {out.parent / (stem + endings[0])}"
        )
    if out.is_dir():
        raise InputError(
            f"--out {out}: cannot write the file, which is a folder; use a file in it: {out / ('out' + endings[0])}"
        )
    if any(parent.exists() and not parent.is_dir() for parent in out.parents):
        raise InputError(f"--out {out}: cannot write the file: it lies in what is not a folder")


def _trust(given: bool) -> bool:
    if given:
        os.environ[TRUST] = "1"
    return given


Trust = Annotated[
    bool,
    typer.Option(
        "--trust",
        callback=_trust,
        help="Import modules that the file names and params.yaml does not.",
    ),
]
Pipeline = Annotated[str, typer.Argument(help="A pipeline in params.yaml, such as [bold]progan[/].")]
Weights = Annotated[
    Path,
    typer.Argument(
        parser=artifact_path,
        metavar="ARTIFACT",
        help="An artifact, such as [bold]artifacts/progan/r8[/] or [bold]progan@r8[/], a milestone or a checkpoint file.",
    ),
]
