"""espalier: the command line."""

import os
import sys
from collections.abc import Callable

from espalier.data.errors import InputError
from espalier.stages.process import threads  # noqa: F401  (before torch)

INTERRUPTED = 130
"""Exit code after Ctrl-C."""


def main() -> None:
    """Run the command line. Bad input prints one error message and exits with code 2."""
    if "" not in sys.path:  # find user modules next to params.yaml, as python -m does
        sys.path.insert(0, "")
    try:
        _application()()
    except InputError as error:
        _end(str(error))
    except BrokenPipeError:  # whoever read the output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        name = str(error.filename or "")
        _end(f"{name[:100]}{'...' if len(name) > 100 else ''}: {error.strerror or error}".removeprefix(": "))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _end(words: str) -> None:
    print(f"error: {words}", file=sys.stderr)
    sys.exit(2)


def _application() -> Callable[[], object]:
    """The application with its commands: imported here, so that Ctrl-C meanwhile is answered as it is later."""
    from espalier.pipelines.cli import look, project, train  # noqa: F401  (they register the commands)
    from espalier.pipelines.cli.app import app

    return app
