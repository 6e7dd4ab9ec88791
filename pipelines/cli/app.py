"""The command line's application, and arguments that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

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
