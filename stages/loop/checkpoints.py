"""Timed checkpoints, and a graceful exit on request."""

import time

from espalier.stages.contracts.component import Component, Terms
from espalier.stages.loop.trainer import Trainer
from espalier.stages.process import distributed
from espalier.stages.process.interruption import Interrupted, Interruption

ASK_EVERY = 16
"""Steps between synchronisations with the other processes."""


class Checkpoints(Component[Trainer]):
    """Runs last, so that the checkpoint includes what the other components recorded at this step."""

    def __init__(self, interruption: Interruption) -> None:
        self.interruption = interruption

    def start(self, run: Trainer) -> None:
        self._saved = time.monotonic()

    def after_step(self, run: Trainer, terms: Terms) -> None:
        mine = self.interruption.reason()
        if self._any_process(run, mine is not None):
            run.checkpoint()
            stop = distributed.first(mine)
            assert stop is not None
            raise Interrupted(f"{stop[0]} at step {run.step}; a checkpoint is written", stop[1])
        if self._any_process(run, time.monotonic() - self._saved >= run.config.watch.checkpoint_seconds):
            run.checkpoint()
            self._saved = time.monotonic()

    def _any_process(self, run: Trainer, flag: bool) -> bool:
        """Whether `flag` is set in any process. Multiple processes check only every ASK_EVERY steps: it synchronises."""
        if distributed.world() > 1 and run.step % ASK_EVERY:
            return False
        return distributed.any_process(flag, run.device)
