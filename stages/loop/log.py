"""The progress line, and the rows of history.csv."""

import math
from pathlib import Path

from espalier.stages.artifacts.history import History
from espalier.stages.contracts.component import Component, Metrics, Terms
from espalier.stages.loop.curves import write_curves
from espalier.stages.loop.trainer import Trainer
from espalier.stages.monitor.monitor import gradient_norm
from espalier.stages.process import distributed
from espalier.stages.process.progress import Bar

NOT_METRICS = ("step", "kimg", "alpha")


class Log(Component[Trainer]):
    """Prints news, updates the progress bar, and writes a row every `log_steps`."""

    def __init__(self, bar: Bar) -> None:
        self.bar = bar

    def cut(self, run: Trainer, step: int) -> None:
        self.history = History(run.folder / "history.csv")
        if distributed.rank() == 0:
            self.history.cut(step)

    def after_step(self, run: Trainer, terms: Terms) -> None:
        due = run.step == 1 or run.step % run.config.watch.log_steps == 0
        if run.step % run.read_every == 0 or due:
            run.check()
        self._show(run)
        if due:
            self._row(run)

    def _show(self, run: Trainer) -> None:
        for sentence in run.news:
            self.bar.say(sentence)
        run.news.clear()
        if self.bar.due():
            means, alpha = run.meter.read(), run.networks.alpha
            parts = [f"{run.images / 1000:.1f} kimg", f"step {run.step}", run.monitor.verdict.word]
            parts += [f"fade {alpha:.2f}"] if alpha < 1 else []
            losses = (f"D {means.get('loss_d', math.nan):+.2f}", f"G {means.get('loss_g', math.nan):+.2f}")
            self.bar.show(run.images, *parts, "  ".join(losses))

    def _row(self, run: Trainer) -> None:
        gradients = {f"grad_{name[0]}": gradient_norm(run.networks.of(name)) for name in run.game.optimizers}
        row = {
            "step": run.step,
            "kimg": run.images / 1000,
            "alpha": run.networks.alpha,
            **run.meter.read(),
            **gradients,
        }
        run.meter.restart()
        if distributed.rank() == 0:
            self.history.add(row)

    def publish(self, run: Trainer, folder: Path, until: int) -> Metrics:
        rows = self.history.until(until)
        History.write(folder / "history.csv", rows)
        write_curves(rows, folder / "curves")
        if run.interventions.kept:  # the last iterations belong to networks that are not published
            return {}
        return {name: float(value) for name, value in rows[-1].items() if name not in NOT_METRICS}
