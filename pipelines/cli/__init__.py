"""espalier: the command line."""

import sys

from espalier.data.errors import InputError

from espalier.pipelines.cli import project, train, look  # isort: skip  # noqa: F401  (registers the commands)
from espalier.pipelines.cli.app import app


def main() -> None:
    """Run the command line. Bad input prints one error message and exits with code 2."""
    if "" not in sys.path:  # find user modules next to params.yaml, as python -m does
        sys.path.insert(0, "")
    try:
        app()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
