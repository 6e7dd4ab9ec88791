"""python -m benchmarks.sick: trainings that fail without help, and some that do not: what the monitor says of them, and what
healing makes of them.

Reduced: 1,500 updates of points, 400 of 16x16 pictures, 3 seeds. There is no other protocol. A run is judged by what the monitor
does not see: 2,500 points beside the modes, or 1,000 pictures by coverage in the features of a network of the dataset's own.
Every third case of each world is a hold-out, which thresholds and remedies were not tuned on.
"""

import csv
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from benchmarks.worlds import ROOT, TABLES, main, markdown, write_table
from data.store import Store
from stages.artifact import load_generator
from stages.features import load_features
from stages.metrics.manifold import manifold
from stages.params import read_params
from stages.pictures import latents
from stages.samples import generate
from stages.verdict import SICK
from stages.workfolder import FAILED, work_root

WORLDS = ("grid", "ring", "mnist", "dolls")
WELL = ("paired", "penalty", "hinge")
"""Cases that should train; all others should fail."""
POINTS, PICTURES = 2500, 1000
HELD, NEAR, COVERED = 0.6, 0.5, 0.25
"""Below this share of the modes, of points near a mode, of what reals cover of the reals, a run has failed."""
WITHIN = 0.25
"""Share of training within which a failure should be named."""


@dataclass(frozen=True)
class Run:
    """One finished training: how good it was at each milestone and at its end, in [0, 1] of `enough`; when it was called sick."""

    world: str
    case: str
    seed: int
    help: str
    kimg: float
    good: tuple[tuple[float, bool], ...]
    alarms: tuple[tuple[float, str], ...]
    rollbacks: int

    @property
    def failed(self) -> bool:
        """Whether it ended badly."""
        return not self.good[-1][1]

    @property
    def onset(self) -> float:
        """Where a failure began, in kimg: after the last milestone that was good; of what never was, at half of the training."""
        well = [kimg for kimg, good in self.good if good]
        return next(kimg for kimg, _ in self.good if kimg > well[-1]) if well else self.kimg / 2

    @property
    def named(self) -> bool:
        """Whether the monitor named the failure in time."""
        return any(abs(kimg - self.onset) <= WITHIN * self.kimg for kimg, _ in self.alarms)


def read_run(world: str, case: str, seed: int, help: str) -> Run | None:
    """A run of this world, if it is finished."""
    key = f"{case}-{help}-{seed}"
    folder = ROOT / "artifacts" / f"sick_{world}" / key
    if not (folder / "stage.json").is_file():
        failed = any((work_root() / f"sick_{world}@{key}").glob(f"*/{FAILED}"))
        return stopped_run(world, case, seed, help) if failed else None
    record = json.loads((folder / "stage.json").read_text())
    at = [(float(path.name[5:]), path) for path in sorted((folder / "milestones").glob("kimg-*"))]
    good = [(kimg, is_good(world, path)) for kimg, path in [*at, (record["images"] / 1000, folder)]]
    with (folder / "monitor.csv").open(newline="") as file:
        probes = [(float(row["kimg"]), row["verdict"]) for row in csv.DictReader(file)]
    alarms = [now for before, now in zip(probes, probes[1:], strict=False) if now[1] in SICK and before[1] == now[1]]
    alarms += [probe for probe in probes if probe[1] == "diverged"]
    kimg = record["config"]["kimg"]
    return Run(world, case, seed, help, kimg, tuple(good), tuple(alarms), len(record["events"]))


def stopped_run(world: str, case: str, seed: int, help: str) -> Run:
    """A run that ended in values that are not finite, and so without an artifact; the trainer says so at that step."""
    kimg = float(read_params(ROOT / "params.yaml")[f"sick_{world}"]["common"]["kimg"])
    return Run(world, case, seed, help, kimg, ((kimg, False),), ((kimg / 2, "diverged"),), 0)


def is_good(world: str, path: Path) -> bool:
    """Whether a generator makes what it should; the answer is kept beside it."""
    kept = ROOT / "judged" / f"{path.relative_to(ROOT / 'artifacts')}.json".replace("/", "-")
    if not kept.is_file():
        with torch.no_grad():
            generator, record = load_generator(path, torch.device("cpu"))
            network = record.config["network"]
            count = POINTS if world in ("grid", "ring") else PICTURES
            latent = latents(count, network["latent"], 1, torch.device("cpu"), network["prior"])
            makes = "points" if world in ("grid", "ring") else "pictures"
            made = generate(generator, latent, None, makes)
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(json.dumps(_points_good(world, made) if makes == "points" else _pictures_good(world, made)))
    return bool(json.loads(kept.read_text()))


def _points_good(world: str, made: torch.Tensor) -> bool:
    """Enough modes have a quarter of their fair share of points within a third of the way to the next, and enough points do."""
    modes = Store(ROOT / "artifacts/datasets" / f"sick_{world}").manifest.modes
    assert modes is not None
    centres = torch.tensor(modes.centres).double()
    apart = float((torch.cdist(centres, centres) + 1e9 * torch.eye(len(centres))).min())
    distance, nearest = torch.cdist(made.double(), centres).min(dim=1)
    near = distance < apart / 3
    counts = torch.bincount(nearest[near], minlength=len(centres))
    held = (counts >= len(made) / len(centres) / 4).double().mean()
    return bool(held >= HELD and near.double().mean() >= NEAR)


@cache
def _reals(world: str) -> tuple[torch.Tensor, float]:
    """Features of reals, and what other reals cover of them."""
    store = Store(ROOT / "artifacts/datasets" / f"sick_{world}")
    images = store.images(16)
    chosen = np.sort(np.random.default_rng(0).permutation(len(images))[: 2 * PICTURES])
    shown = torch.from_numpy(np.array(images[chosen])).permute(0, 3, 1, 2)
    features = load_features(ROOT / "artifacts/features" / f"sick_{world}", torch.device("cpu"))(shown)
    return features[::2], manifold(features[::2], features[1::2]).coverage


def _pictures_good(world: str, made: torch.Tensor) -> bool:
    real, floor = _reals(world)
    features = load_features(ROOT / "artifacts/features" / f"sick_{world}", torch.device("cpu"))(made)
    return bool(torch.isfinite(features).all()) and manifold(real, features).coverage >= COVERED * floor


def runs() -> list[Run]:
    """All finished runs."""
    params = read_params(ROOT / "params.yaml")
    found = []
    for world in WORLDS:
        axes = params[f"sick_{world}"]["matrix"]
        for case in axes["case"]:
            for help in axes["help"]:
                found += [run for seed in axes["seed"] if (run := read_run(world, case, seed, help)) is not None]
    return found


def held_out(world: str, case: str) -> bool:
    """Whether a case is of the third that nothing was tuned on."""
    cases = read_params(ROOT / "params.yaml")[f"sick_{world}"]["matrix"]["case"]
    return bool(cases.index(case) % 3 == 2)


def share(flags: Iterable[bool]) -> str:
    """As "17 of 18"."""
    of = list(flags)
    return f"{sum(of)} of {len(of)}" if of else ""


def row(title: str, found: list[Run]) -> list[str]:
    """Figures of some runs."""
    alone = [run for run in found if run.help == "none"]
    sick = [run for run in alone if run.case not in WELL]
    failed = [run for run in sick if run.failed]
    helped = {(run.world, run.case, run.seed): run for run in found if run.help == "heal"}
    mended = [not helped[key].failed for run in failed if (key := (run.world, run.case, run.seed)) in helped]
    well = [run for run in alone if run.case in WELL]
    return [
        title,
        share(run.failed for run in sick),
        share(run.named for run in failed),
        share(mended),
        share(run.failed for run in well),
        share(bool(run.alarms) for run in well if not run.failed),
    ]


def table(ending: str) -> None:
    """Named, mended and false alarms, of the cases tuned on and of the hold-out, and every case."""
    found = runs()
    head = ["", "failed alone", "named in time", "mended", "well ones that failed", "false alarms"]
    tuned = [run for run in found if not held_out(run.world, run.case)]
    rows = [row("tuned on", tuned), row("hold-out", [run for run in found if held_out(run.world, run.case)])]
    rows += [row(world, [run for run in found if run.world == world]) for world in WORLDS]
    cases = []
    for world, case in dict.fromkeys((run.world, run.case) for run in found):
        of = [run for run in found if (run.world, run.case) == (world, case)]
        words = sorted({word for run in of if run.help == "none" for _, word in run.alarms})
        mark = " (hold-out)" if held_out(world, case) else ""
        cases.append([*row(f"{world} {case}{mark}", of), ", ".join(words)])
    text = (
        f"# Sick trainings\n\n{(__doc__ or '').partition('.py')[0].partition(chr(10) * 2)[2].strip()}\n\n"
        f"{markdown(head, rows)}\n\nNamed in time: the monitor gave a sick verdict, twice in a row, within a quarter of the "
        "training before or after\nthe failure began. Mended: with `heal: true` the same seed ended well. Made by `python -m "
        f"benchmarks.sick`.\n\n{markdown([*head, 'verdicts'], cases)}\n\n![cases](sick.png)"
    )
    write_table("sick", text)
    draw(found)


def draw(found: list[Run]) -> None:
    """Share of seeds that end well, alone and healed, a case a bar."""
    cases = list(dict.fromkeys((run.world, run.case) for run in found))
    figure = Figure(figsize=(10, 0.24 * len(cases) + 1.2), dpi=110, layout="constrained")
    axes = figure.subplots()
    for offset, (help, colour, label) in enumerate((("none", "#9aa3ad", "alone"), ("heal", "#2e9e5b", "heal: true"))):
        of = [[not r.failed for r in found if (r.world, r.case, r.help) == (*case, help)] for case in cases]
        shares = [sum(flags) / len(flags) if flags else 0 for flags in of]
        axes.barh([i + 0.38 * offset for i in range(len(cases))], shares, height=0.36, color=colour, label=label)
    axes.set_yticks(range(len(cases)), [" ".join(case) for case in cases], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("share of seeds that end well")
    axes.legend(loc="lower right")
    figure.savefig(TABLES / "sick.png")


if __name__ == "__main__":
    sys.exit(main((__doc__ or "").partition("\n\n")[0], (tuple(f"sick_{world}" for world in WORLDS),), table))
