"""Checkpoints by the clock, and leaving in good order when asked to."""

import time

from espalier.stages.contracts.component import Component, Terms
from espalier.stages.loop.trainer import Trainer
from espalier.stages.process import distributed
from espalier.stages.process.interruption import Interrupted, Interruption

ASK_EVERY = 16
"""Steps between questions to the other processes."""


class Checkpoints(Component[Trainer]):
    """The last component: what the others noted of this step is in the checkpoint."""

    def __init__(self, interruption: Interruption) -> None:
        self.interruption = interruption

    def start(self, run: Trainer) -> None:
        self._saved = time.monotonic()

    def after_step(self, run: Trainer, terms: Terms) -> None:
        if self._any_process(run, self.interruption.wanted()):
            run.checkpoint()
            why, code = self.interruption.reason()
            raise Interrupted(f"{why} at step {run.step}; a checkpoint is written", code)
        if self._any_process(run, time.monotonic() - self._saved >= run.config.watch.checkpoint_seconds):
            run.checkpoint()
            self._saved = time.monotonic()

    def _any_process(self, run: Trainer, flag: bool) -> bool:
        """Whether any process says yes. Several ask each other now and then only, since each must wait for all."""
        if distributed.world() > 1 and run.step % ASK_EVERY:
            return False
        return distributed.any_process(flag, run.device)
