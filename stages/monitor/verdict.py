"""Diagnose training from its probes: one word and one sentence of evidence.

Each rule compares the latest probes with earlier ones, so none depends on the length of training: `late` is the last quarter so
far. Quality, coverage, density and diversity are relative to held-out reals. Thresholds were tuned on two thirds of the cases in
`benchmarks/sick`; its table also shows the others.
"""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

Word = Literal[
    "healthy",
    "learning",
    "plateau",
    "converged",
    "oscillating",
    "collapsing",
    "collapsed",
    "diverged",
    "discriminator won",
    "discriminator lost",
]
WORDS: tuple[Word, ...] = get_args(Word)
SICK = WORDS[WORDS.index("oscillating") :]
"""Verdicts that training is failing."""

EARLY, SETTLED = 4, 20
"""Number of probes before any verdict except on non-finite values, and before training can be called finished."""
STEADY = 3
"""Window of the running median, in probes."""
GOOD, BAD = 0.75, 0.3
"""Quality at which a plateau counts as converged, and below which it is a failure."""
BETTER = 0.03
"""Smallest rise in quality that counts as progress."""
MOST, STILL = 0.45, 0.6
"""Share of reals whose cluster is generated, below which a plateau is a collapse: for fakes that move between clusters, and for
fakes that stay in theirs (mean drift below STAYS)."""
STAYS = 0.25
WANDERING, SWINGING, FINE = 0.4, 0.2, 0.68
"""Mean drift and quality swing of an oscillating game, and the mean quality from which oscillation is harmless."""
CHANCE, MISLED = 0.5, 0.4
"""Discriminator accuracy below which it gives no useful signal: while fakes are bad, and while they are not good yet."""
EXPLODED, FAR = 100.0, 1.6
"""Gradient norm (ganhacks #10), and its factor over the usual norm, at which training has diverged; diversity above which fakes
lie outside the data."""


@dataclass(frozen=True, slots=True)
class Probed:
    """One probe: its position, discriminator statistics since the previous probe, gradient norms, and metrics of the fakes.

    `accuracy`: share of real/fake pairs in which the real has the larger logit. `gap`: mean logit of reals minus that of fakes.
    `overfit`: share of training/held-out pairs of reals in which the training sample has the larger logit: 0.5 if the
    discriminator does not overfit, NaN without held-out data. `averaged_quality` and `averaged_distance`: those of the averaged
    generator, if there is one. Metrics added in later versions come last and are NaN in older checkpoints.
    """

    step: int
    kimg: float
    accuracy: float
    gap: float
    grad_d: float
    grad_g: float
    overfit: float
    diversity: float
    coverage: float
    density: float
    distance: float
    drift: float
    quality: float
    averaged_quality: float
    averaged_distance: float
    clusters: float = math.nan


@dataclass(frozen=True, slots=True)
class Verdict:
    """One word and a sentence of evidence."""

    word: Word
    evidence: str

    @property
    def sick(self) -> bool:
        """Whether training is failing."""
        return self.word in SICK


def steady(values: Sequence[float]) -> list[float]:
    """Running median over the last STEADY values."""
    return [statistics.median(values[max(0, i - STEADY + 1) : i + 1]) for i in range(len(values))]


def _latest_best(values: Sequence[float]) -> int:
    """Index of the latest maximum, where a decline begins."""
    return max(range(len(values)), key=lambda i: (values[i], i))


class _Case:
    """The rows, and quantities shared by the rules."""

    def __init__(self, rows: Sequence[Probed]) -> None:
        self.rows, self.now = rows, rows[-1]
        self.window = max(EARLY, len(rows) // 4)
        self.late = rows[-self.window :]
        self.quality = steady([row.quality for row in rows])
        self.settled = len(rows) >= SETTLED

    def mean(self, name: str, of: Sequence[Probed] | None = None) -> float:
        """Mean of a column over the late rows, or over `of`."""
        return statistics.fmean(getattr(row, name) for row in of or self.late)

    @property
    def third(self) -> Sequence[Probed]:
        """The last third, for columns too noisy over fewer rows."""
        return self.rows[-max(EARLY, len(self.rows) // 3) :]

    @property
    def risen(self) -> float:
        """Gain in best quality of the late rows over the earlier ones."""
        before = self.quality[: -self.window]
        return max(self.quality[-self.window :]) - max(before, default=0.0)

    def kimg_since(self, index: int) -> float:
        """Thousand images since a row."""
        return self.now.kimg - self.rows[index].kimg


def diagnose(rows: Sequence[Probed]) -> Verdict:
    """Return the verdict on training from its probes so far, oldest first."""
    if not rows:
        return Verdict("learning", "nothing has been measured yet")
    case = _Case(rows)
    for rule in RULES:
        found = rule(case)
        if found is not None:
            return found
    return Verdict("healthy", f"quality {case.quality[-1]:.2f}, diversity {case.now.diversity:.2f} (reals: 1)")


def _diverged(case: _Case) -> Verdict | None:
    if not math.isfinite(case.now.quality) or not math.isfinite(case.now.grad_d + case.now.grad_g):
        return Verdict("diverged", f"at {case.now.kimg:.3g} kimg samples or gradients are not finite")
    last = case.rows[-STEADY:]
    fallen = case.quality[-1] < 0.75 * max(case.quality)
    if len(case.rows) > EARLY and fallen and all(row.diversity > FAR for row in last):
        return Verdict(
            "diverged", f"fakes lie {case.now.diversity:.1f} times as far apart as reals do, and quality has fallen"
        )
    for name, player in (("grad_d", "discriminator"), ("grad_g", "generator")):
        norms = [float(getattr(row, name)) for row in case.rows]
        usual = statistics.median(norms[:-2]) if len(norms) > EARLY else math.inf
        if all(norm > EXPLODED * max(usual, 1.0) for norm in norms[-2:]):
            return Verdict("diverged", f"the {player}'s gradient rose from {usual:.2g} to {norms[-1]:.2g}")
    return None


def _collapsed(case: _Case) -> Verdict | None:
    names = ("diversity", "coverage")
    for name in names:
        values = steady([getattr(row, name) for row in case.rows])
        best = _latest_best(values)
        limit = 0.15 if name == "diversity" else 0.1
        was = values[best] >= 2.5 * limit and best < len(values) - 1
        never = case.settled and case.risen < BETTER and case.mean("accuracy") > 0.55
        if len(values) > EARLY and values[-1] < limit and (was or never):
            fell = (
                f"fell from {values[best]:.2f} to {values[-1]:.2f} (reals: 1) in {case.kimg_since(best):.3g} kimg"
                if was
                else f"is {values[-1]:.2f} (reals: 1) after {case.now.kimg:.3g} kimg and does not rise"
            )
            return Verdict("collapsed", f"{name} {fell}")
    return None


def _collapsing(case: _Case) -> Verdict | None:
    for name in ("diversity", "coverage"):
        values = [min(v, 1.0) for v in steady([getattr(row, name) for row in case.rows])]
        good = [value if quality > BAD else 0.0 for value, quality in zip(values, case.quality, strict=True)]
        best = _latest_best(good)  # noise is diverse too
        if len(values) > EARLY and best < len(values) - 2 and good[best] > 0.3 and values[-1] < 0.5 * good[best]:
            return Verdict(
                "collapsing",
                f"{name} fell from {values[best]:.2f} to {values[-1]:.2f} (reals: 1) in {case.kimg_since(best):.3g} kimg",
            )
    return None


def _oscillating(case: _Case) -> Verdict | None:
    drift, qualities = case.mean("drift"), [row.quality for row in case.late]
    swing = max(qualities) - min(qualities)
    fine = case.mean("quality") >= FINE
    if not case.settled or fine or drift < WANDERING or swing < SWINGING or case.risen > BETTER:
        return None
    return Verdict(
        "oscillating",
        f"{drift:.0%} of the fakes move to another cluster of the data from probe to probe, and quality swings between "
        f"{min(qualities):.2f} and {max(qualities):.2f} (reals: 1)",
    )


def _missing(case: _Case) -> Verdict | None:
    """Collapse from the start: samples may look real but cover only some clusters."""
    covered = case.mean("clusters", case.third)
    least = STILL if case.mean("drift") < STAYS else MOST
    if not case.settled or case.risen > BETTER or case.mean("quality") < BAD or not covered < least:
        return None
    since = case.kimg_since(-len(case.third))
    return Verdict(
        "collapsed", f"fakes cover the clusters of only {covered:.0%} of the reals, and have for {since:.3g} kimg"
    )


def _misled(case: _Case) -> Verdict | None:
    """The discriminator takes bad fakes for real: any improvement happens in spite of it."""
    accuracy, quality = (case.mean(name, case.third) for name in ("accuracy", "quality"))
    least = CHANCE if quality < BAD else MISLED
    if case.settled and quality < GOOD and accuracy < least:
        so = f"while quality is {quality:.2f} (reals: 1)"
        return Verdict(
            "discriminator lost", f"the discriminator ranks {accuracy:.0%} of real/fake pairs correctly, {so}"
        )
    return None


def _ended_badly(case: _Case) -> Verdict | None:
    if not case.settled or case.risen > BETTER or max(case.quality[-case.window :]) > BAD:
        return None
    accuracy, quality = case.mean("accuracy"), case.mean("quality")
    so = f"and quality has stayed at {quality:.2f} (reals: 1) for {case.kimg_since(-case.window):.3g} kimg"
    if accuracy > 0.6:
        return Verdict(
            "discriminator won", f"the discriminator ranks {accuracy:.0%} of real/fake pairs correctly, {so}"
        )
    return Verdict(
        "discriminator lost",
        f"the discriminator is at chance: it ranks {accuracy:.0%} of pairs correctly, {so}",
    )


def _ended(case: _Case) -> Verdict | None:
    if not case.settled or case.risen > BETTER:
        return None
    quality = case.mean("quality")
    word: Word = "converged" if quality >= GOOD else "plateau"
    return Verdict(word, f"quality has stayed at {quality:.2f} (reals: 1) for {case.kimg_since(-case.window):.3g} kimg")


def _learning(case: _Case) -> Verdict | None:
    if len(case.rows) <= EARLY:
        return Verdict("learning", f"{len(case.rows)} probes so far")
    if case.risen > BETTER:
        return Verdict("learning", f"quality rose to {case.quality[-1]:.2f} (reals: 1)")
    return None


RULES: tuple[Callable[[_Case], Verdict | None], ...] = (
    _diverged,
    _collapsed,
    _collapsing,
    _oscillating,
    _missing,
    _misled,
    _ended_badly,
    _ended,
    _learning,
)
"""Rules in order; the first that returns a verdict wins."""
