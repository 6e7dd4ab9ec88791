"""A user's component: its errors name it, and its files have a folder of their own in the artifact."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from espalier.data.errors import InputError
from espalier.stages.contracts.component import Component, Metrics, Terms
from espalier.stages.loop.trainer import Trainer
from espalier.stages.process.exits import TrainingFailed
from espalier.stages.process.interruption import Interrupted

OWN_FILES = "components"
"""Folder in the artifact for the files of users' components."""


class OwnComponent(Component[Trainer]):
    """Wraps a component that params.yaml names by dotted path."""

    def __init__(self, name: str, component: Component[Trainer]) -> None:
        self.name, self.component = name, component

    def cut(self, run: Trainer, step: int) -> None:
        with self._named("cut", run):
            self.component.cut(run, step)

    def start(self, run: Trainer) -> None:
        with self._named("start", run):
            self.component.start(run)

    def after_step(self, run: Trainer, terms: Terms) -> None:
        with self._named("after_step", run):
            self.component.after_step(run, terms)

    def publish(self, run: Trainer, folder: Path, until: int) -> Metrics:
        with self._named("publish", run):
            return self.component.publish(run, folder / OWN_FILES, until)

    @contextmanager
    def _named(self, method: str, run: Trainer) -> Iterator[None]:
        """Name the component in its errors.

        Raises:
            InputError: the component raised an error; names it, the method and the line.
        """
        try:
            yield
        except (InputError, TrainingFailed, Interrupted, OSError):
            raise
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            raise InputError(
                f"the component {self.name} failed in {method} at step {run.step}: {type(error).__name__}: {error} "
                f"({Path(last.filename).name}, line {last.lineno}). Fix it and run again: checkpoints in {run.folder} are kept"
            ) from error
