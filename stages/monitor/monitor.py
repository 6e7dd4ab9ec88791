"""Monitor training: run probes every few steps and judge the results. It never changes a weight.

Its state is saved in each checkpoint, so resumed training reaches the same verdicts at the same steps.
"""

from __future__ import annotations

import math
from dataclasses import asdict, fields
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from torch import Tensor, nn

from espalier.stages.contracts.in_parts import Images
from espalier.stages.monitor.probe import Probe, drift
from espalier.stages.monitor.verdict import BAD, STEADY, Probed, diagnose, steady
from espalier.stages.process.meter import Meter

if TYPE_CHECKING:
    from espalier.stages.monitor.options import StopOptions

KEEP_EVERY, SLIGHTLY = 5, 0.01
"""Minimum number of probes between two saved bests, since each writes a checkpoint; minimum improvement of the next one."""
MOST_PROBES = 1000
"""The latest probes, on which the verdict is based: reading more would take longer than a step."""
LOGITS = ("d_accuracy", "d_real", "d_fake")


class Monitor:
    """Probe results and the verdict on them. The probe itself is set when training starts."""

    def __init__(self) -> None:
        self.rows: list[Probed] = []
        self.words: list[str] = []
        self.best: int | None = None
        self.meter = Meter()
        self.verdict = diagnose(())
        self.probe: Probe | None = None
        self._shares: Tensor | None = None

    def note(self, step: int, said: dict[str, Tensor]) -> None:
        """Record the discriminator's logits and accuracy for an iteration."""
        self.meter.add(step, {name: said[name] for name in LOGITS if name in said})

    def look(
        self,
        step: int,
        kimg: float,
        networks: tuple[nn.Module, nn.Module],
        fakes: Images,
        averaged: Images | None,
        overfit: float = math.nan,
    ) -> Probed:
        """Run a probe. `networks` are discriminator and generator, with this iteration's gradients; `averaged` are fakes of the
        averaged generator, if it is a separate network; `overfit` is as in `Probed`.
        """
        assert self.probe is not None
        means = self.meter.read()
        self.meter.restart()
        accuracy, real, fake = (means.get(name, math.nan) for name in LOGITS)
        seen = self.probe.see(fakes)
        of_averaged = seen if averaged is None else self.probe.see(averaged)
        row = Probed(
            step=step,
            kimg=kimg,
            accuracy=accuracy,
            gap=real - fake,
            grad_d=gradient_norm(networks[0]),
            grad_g=gradient_norm(networks[1]),
            overfit=overfit,
            diversity=seen.diversity,
            coverage=seen.coverage,
            density=seen.density,
            distance=seen.distance,
            drift=drift(self._shares, seen.shares),
            quality=seen.quality,
            averaged_quality=of_averaged.quality,
            averaged_distance=of_averaged.distance,
            clusters=seen.clusters,
        )
        self._shares = self._shares if seen.shares is None else seen.shares
        self.rows.append(row)
        self.verdict = diagnose(self.rows[-MOST_PROBES:])
        self.words.append(self.verdict.word)
        return row

    @property
    def confirmed(self) -> bool:
        """Whether the last two probes agree on the failure; for divergence, one is enough."""
        sick = self.verdict.sick
        return sick and (self.verdict.word == "diverged" or self.words[-2:] == [self.verdict.word] * 2)

    def note_best(self, metric: Literal["quality", "distance"]) -> bool:
        """Whether to save this as the best probe: healthy, of usable quality, better than the saved one, not right after it."""
        now, worth = len(self.rows) - 1, partial(self._worth, metric)
        if self.verdict.sick or self.rows[-1].quality < BAD:
            return False
        if self.best is not None and (now - self.best < KEEP_EVERY or worth(now) <= worth(self.best) + SLIGHTLY):
            return False
        self.best = now
        return True

    def _worth(self, metric: Literal["quality", "distance"], index: int) -> float:
        """The score of a probe, smoothed over those before; higher is better."""
        sign = 1 if metric == "quality" else -1
        rows = self.rows[max(0, index - STEADY + 1) : index + 1]
        return steady([sign * float(getattr(row, f"averaged_{metric}")) for row in rows])[-1]

    def done(self, stop: StopOptions) -> bool:
        """Whether to stop early: the verdict allows it and the metric has not improved for `patience` thousand images."""
        if self.verdict.word not in stop.words or self.best is None:
            return False
        best = max(range(len(self.rows)), key=partial(self._worth, stop.metric))
        return self.rows[-1].kimg - self.rows[best].kimg >= stop.patience

    @property
    def quality(self) -> float:
        """Current quality of the averaged generator, smoothed against noise; 0 before the first probe."""
        return self._worth("quality", len(self.rows) - 1) if self.rows else 0.0

    @property
    def best_kimg(self) -> float:
        """Position of the best probe, in thousand images."""
        return math.nan if self.best is None else self.rows[self.best].kimg

    def latest(self) -> dict[str, str]:
        """The last row of `table`."""
        return {**_texts(self.rows[-1]), "verdict": self.words[-1]}

    def table(self) -> list[dict[str, str]]:
        """All probes as rows of monitor.csv: the measurements and the verdict at that time."""
        return [{**_texts(row), "verdict": word} for row, word in zip(self.rows, self.words, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        """The rows, the last cluster shares (for drift), and running means not yet in a row."""
        rows = [list(asdict(row).values()) for row in self.rows]
        return {
            "rows": rows,
            "best": self.best,
            "words": list(self.words),
            "shares": self._shares,
            "meter": self.meter.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        names = [field.name for field in fields(Probed)]
        self.rows = [Probed(**dict(zip(names, values, strict=False))) for values in state["rows"]]
        self.words, self.best = list(state["words"]), state["best"]
        self.meter.load_state_dict(state["meter"])
        self._shares = state["shares"]
        self.verdict = diagnose(self.rows[-MOST_PROBES:])


def _texts(row: Probed) -> dict[str, str]:
    return {name: f"{value:.6g}" if name != "step" else f"{value}" for name, value in asdict(row).items()}


def gradient_norm(network: nn.Module) -> float:
    """Total gradient norm of the last iteration."""
    gradients = [p.grad.float() for p in network.parameters() if p.grad is not None]
    return float(nn.utils.get_total_norm(gradients)) if gradients else math.nan
