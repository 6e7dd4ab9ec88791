"""python -m benchmarks.speedrun: which recipe makes the best images in equal time, on one CPU thread.

Two worlds: 8,000 drawn dolls at 64x64, and 100 of them. Each recipe trains for 1,800 CPU seconds of iterations on one thread, 3
seeds; what is judged is the averaged generator, 2,000 images, beside 2,000 other dolls that no recipe trains on. Judges:
`fd_imagenet` (EfficientNet-Lite0), `fid_local` (a network trained on 4,000 yet other dolls), and recall and coverage in the
latter's features. A recipe that trains on a judge's network is not judged by it: `projected` has its `fd_imagenet` in brackets.
Sizes and rates are those of `benchmarks/params.yaml`, set before anything ran; no recipe was tuned. A chain is judged in its last
stage only. On 100 dolls all are augmented (DiffAugment); `--plain` runs them without, `--only straight` is ProGAN not grown.
"""

import argparse
import contextlib
import csv
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor

from benchmarks.worlds import ROOT, Mean, markdown, mean
from espalier.data.files import whole_file, whole_folder
from espalier.data.store import Store
from espalier.pipelines.run.repro import dvc
from espalier.stages.artifacts.artifact import Artifact, load_artifact, write_artifact
from espalier.stages.config.load import stage_config
from espalier.stages.config.params import read_params, stage_names
from espalier.stages.config.stage import StageConfig
from espalier.stages.evaluation.reference import Reference, reference
from espalier.stages.features.extractor import Extractor
from espalier.stages.features.load import load_extractor
from espalier.stages.loop.resume import resume
from espalier.stages.loop.trainer import Trainer
from espalier.stages.metrics.frechet import frechet, moments
from espalier.stages.metrics.manifold import manifold
from espalier.stages.types.inputs import inputs_of
from espalier.stages.types.train import trainer_of

CPU = torch.device("cpu")
DOCS = ROOT.parent / "docs"
ROWS = DOCS / "speedrun"
SECONDS, COUNT, SIDE = 1800, 2000, 64
AT = (0.03, 0.06, 0.125, 0.25, 0.5, 0.75, 1.0)
"""When images are judged, as shares of the time."""
WORLDS = {"dolls64": "8,000 dolls", "few64": "100 dolls"}
RECIPES = {
    "sngan": "SNGAN (resnet, spectral norm, hinge)",
    "progan": "ProGAN, 4 to 64 (today's default)",
    "r3gan": "R3GAN",
    "stylegan2": "StyleGAN2",
    "projected": "Projected GAN",
}
OPTIONS = {"straight": "ProGAN at 64 at once"}
PLAIN = "_plain"
JUDGES = ("fd_imagenet", "fid_local", "recall", "coverage")


@dataclass(frozen=True)
class Run:
    """A recipe on a world with a seed."""

    world: str
    recipe: str
    seed: int

    @property
    def pipeline(self) -> str:
        return f"speed_{self.recipe.removesuffix(PLAIN)}"

    @property
    def name(self) -> str:
        return f"{self.world}-{self.recipe}-{self.seed}"

    @property
    def rows(self) -> Path:
        """Where its measurements are once it has finished."""
        return ROWS / f"{self.name}.csv"


def runs(recipes: list[str], plain: bool = False) -> list[Run]:
    """All of these recipes, every recipe once before any a second time; `plain`: without augmentation, on few images."""
    if plain:
        return [Run("few64", recipe + PLAIN, seed) for seed in range(3) for recipe in recipes]
    return [Run(world, recipe, seed) for seed in range(3) for world in WORLDS for recipe in recipes]


# Judging.


@cache
def judges() -> tuple[dict[str, Extractor], dict[str, Reference]]:
    """The networks, and the reals in their features: half to compare with, half for the floor."""
    networks = {"fd_imagenet": load_extractor(Path("imagenet"), CPU)}
    networks["fid_local"] = load_extractor(Path("artifacts/features/others64"), CPU)
    store = Store(Path("artifacts/datasets/judge64"))
    return networks, {name: reference(store, SIDE, network, COUNT) for name, network in networks.items()}


def judged(images: Tensor) -> dict[str, float]:
    """All judges of images uint8 (COUNT, 3, 64, 64)."""
    networks, reals = judges()
    features = {name: network(images) for name, network in networks.items()}
    found = {name: frechet(moments(reals[name].shown.features), moments(features[name])) for name in networks}
    near = manifold(reals["fid_local"].shown.features, features["fid_local"])
    return {**found, "recall": near.recall, "coverage": near.coverage}


def floor() -> dict[str, float]:
    """What the other half of the judges' reals score, in `docs/speedrun/floors.csv`; measured once."""
    file = ROWS / "floors.csv"
    if not file.is_file():
        with contextlib.chdir(ROOT), whole_file(file) as partial:
            images = judges()[1]["fid_local"].others.images[:]
            _write(partial, [{"seconds": 0.0, "kimg": 0.0, **judged(images)}])
    return read(file)[0]


# Training.


def stages(run: Run) -> list[StageConfig]:
    """The stages of a recipe; all but the last end after their kimg, the last with the time."""
    params, plain = read_params(), run.recipe.endswith(PLAIN)
    found = [stage_config(params, run.pipeline, name) for name in stage_names(params, run.pipeline)]
    store = Path("artifacts/datasets", run.world)
    for number, config in enumerate(found):
        changes = {"seed": run.seed, "dataset": store, "after": store if number == 0 else config.after}
        tricks = config.tricks
        augmented = any(trick.name == "diffaugment" for trick in tricks.others)
        if augmented if plain else run.world == "few64" and not augmented:
            changed = {**tricks.resolved(), "diffaugment": None if plain else {}}
            config = StageConfig.model_validate({**config.resolved(), "tricks": changed})
        found[number] = config.model_copy(update=changes)
    return found


def train(run: Run, seconds: float, folder: Path) -> None:
    """Train until the time is used up, judging on the way; goes on where an earlier call was ended."""
    torch.set_num_threads(1)
    spent, parent = 0.0, None
    clock, begun_at = folder / "spent.csv", folder / "begun"
    if not begun_at.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        begun_at.write_text(f"{date.today()},{_commit()}", encoding="utf-8")
    chain = stages(run)
    for number, config in enumerate(chain):
        place, artifact = folder / config.stage, folder / f"{config.stage}-artifact"
        place.mkdir(parents=True, exist_ok=True)
        if (artifact / "stage.json").is_file():
            spent, parent = _spent(clock, config.stage, None), load_artifact(artifact)
            continue
        trainer = _trainer(config, run, parent, place)
        begun = _spent(clock, config.stage, trainer.step) if trainer.step else spent
        last = number == len(chain) - 1
        for now in _iterations(trainer, begun, seconds, clock, endless=last):
            spent = now
            if last and _due(measured_in(folder), now, seconds):
                _note(folder, trainer, now)
        if last or spent >= seconds:
            break
        with whole_folder(artifact) as partial:
            write_artifact(partial, trainer.record("finished"), trainer.networks)
        parent = load_artifact(artifact)
    ROWS.mkdir(parents=True, exist_ok=True)
    if run.rows.is_file():
        return
    with whole_file(run.rows) as partial:
        _write(partial, measured_in(folder))
    with (ROWS / "runs.csv").open("a", encoding="utf-8") as file:
        file.write(f"{run.name},{begun_at.read_text(encoding='utf-8')}\n")


def _commit() -> str:
    command = ("git", "rev-parse", "--short", "HEAD")
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def _trainer(config: StageConfig, run: Run, parent: Artifact | None, folder: Path) -> Trainer:
    inputs = inputs_of(config, Store(Path("artifacts/datasets", run.world)), parent, CPU, "speedrun")
    trainer = trainer_of(config, inputs, parent, folder, CPU)
    resume(trainer, [])
    return trainer


def _iterations(trainer: Trainer, spent: float, seconds: float, clock: Path, endless: bool) -> Iterator[float]:
    """Iterate until the time is used up, or the stage's images; yields the CPU seconds so far. Keeps a checkpoint a minute."""
    kept = spent
    while spent < seconds and (endless or trainer.images < trainer.target):
        begun = time.process_time()
        trainer.iterate()
        spent += time.process_time() - begun
        if spent - kept > 60:
            trainer.checkpoint()
            _remember(clock, trainer, spent)
            kept = spent
        yield spent
    trainer.checkpoint()
    _remember(clock, trainer, spent)


def _remember(clock: Path, trainer: Trainer, spent: float) -> None:
    with clock.open("a", encoding="utf-8") as file:
        file.write(f"{trainer.config.stage},{trainer.step},{spent:.3f}\n")


def _spent(clock: Path, stage: str, step: int | None) -> float:
    """The CPU seconds at a checkpoint of a stage, by default at its last."""
    lines = [line.split(",") for line in clock.read_text(encoding="utf-8").splitlines()]
    return next(float(s) for name, at, s in reversed(lines) if name == stage and step in (None, int(at)))


def _due(rows: list[dict[str, float]], spent: float, seconds: float) -> bool:
    """Whether a time to judge has passed since the last row."""
    before = rows[-1]["seconds"] if rows else 0.0
    return any(before < share * seconds <= spent for share in AT)


def _note(folder: Path, trainer: Trainer, spent: float) -> None:
    images = trainer.made(trainer.latents(COUNT))[:]
    row = {"seconds": round(spent, 1), "kimg": trainer.images / 1000, **judged(images)}
    rows = measured_in(folder)
    with whole_file(folder / "rows.csv") as partial:
        _write(partial, [*rows, row])


def measured_in(folder: Path) -> list[dict[str, float]]:
    """The measurements of a run so far."""
    file = folder / "rows.csv"
    return read(file) if file.is_file() else []


def read(file: Path) -> list[dict[str, float]]:
    with file.open(newline="", encoding="utf-8") as opened:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(opened)]


def _write(file: Path, rows: list[dict[str, float]]) -> None:
    with file.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.DictWriter(opened, ["seconds", "kimg", *JUDGES], lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: f"{value:.5g}" for key, value in row.items()} for row in rows)


# The table.


def final(world: str, recipe: str, metric: str) -> Mean | None:
    """A metric at the end over the finished seeds."""
    values = [read(file)[-1][metric] for file in sorted(ROWS.glob(f"{world}-{recipe}-[0-9].csv"))]
    return mean(values) if values else None


def seconds_to(world: str, recipe: str, level: float, metric: str = "fd_imagenet") -> str:
    """CPU seconds until a metric is at a level, on a straight line between measurements; the median over seeds."""
    found = [seconds_in(read(file), level, metric) for file in sorted(ROWS.glob(f"{world}-{recipe}-[0-9].csv"))]
    middle = statistics.median(found) if found else float("inf")
    return f"{middle:.0f}" if middle < float("inf") else "not reached"


def seconds_in(rows: list[dict[str, float]], level: float, metric: str) -> float:
    """CPU seconds until a run's metric is at a level, on a straight line between measurements; infinite if it never is."""
    before: dict[str, float] | None = None
    for row in rows:
        if row[metric] <= level:
            if before is None:
                return row["seconds"]
            share = (before[metric] - level) / (before[metric] - row[metric])
            return before["seconds"] + share * (row["seconds"] - before["seconds"])
        before = row
    return float("inf")


def table() -> str:
    """docs/speedrun.md from the finished runs."""
    parts = []
    for world, title in WORLDS.items():
        levels = {metric: final(world, "progan", metric) for metric in JUDGES[:2]}
        rows = []
        for recipe, words in every_recipe().items():
            found = {metric: final(world, recipe, metric) for metric in JUDGES}
            ended = final(world, recipe, "kimg")
            if ended is None:
                continue
            own = recipe.startswith("projected")  # it trains on this judge's network
            shown = [f"({v})" if own and m == "fd_imagenet" else str(v) for m, v in found.items()]
            to = [
                "" if level is None else f"({seconds})" if own and metric == "fd_imagenet" else seconds
                for metric, level in levels.items()
                for seconds in [seconds_to(world, recipe, level.mean, metric) if level else ""]
            ]
            rows.append([words, ended.count, f"{ended.mean:.0f}", *shown, *to])
        rows.append(["*other dolls (floor)*", "", "", *(f"{floor()[metric]:.3g}" for metric in JUDGES), "", ""])
        head = ["recipe", "seeds", "kimg", *JUDGES, *(f"CPU s to ProGAN's {metric}" for metric in levels)]
        parts.append(f"## {title}\n\n{markdown(head, rows)}")
        if len(rows) > 1:
            draw(world)
            parts.append(f"![curves](speedrun/{world}.png)")
    protocol = (__doc__ or "").partition("\n\n")[2].strip()
    whole = runs(list(RECIPES))
    done = f"{sum(run.rows.is_file() for run in whole)} of {len(whole)} runs have finished."
    text = "\n\n".join(["# Which recipe, in equal time", protocol, done, *parts, READING, leaderboard()])
    (DOCS / "speedrun.md").write_text(text + "\n", encoding="utf-8")
    return text


def every_recipe() -> dict[str, str]:
    """Recipes and options, with and without augmentation, and their words."""
    all_of = RECIPES | OPTIONS
    return all_of | {f"{recipe}{PLAIN}": f"{words}, without augmentation" for recipe, words in all_of.items()}


def leaderboard() -> str:
    """Every finished run with its date and commit, the fastest to ProGAN's mean `fid_local` first."""
    file, rows = ROWS / "runs.csv", []
    for line in file.read_text(encoding="utf-8").splitlines() if file.is_file() else ():
        name, day, commit = line.split(",")
        world, recipe, seed = name.split("-")
        level = final(world, "progan", "fid_local")
        seconds = seconds_in(read(ROWS / f"{name}.csv"), level.mean, "fid_local") if level else float("inf")
        last = read(ROWS / f"{name}.csv")[-1]
        reached = f"{seconds:.0f}" if seconds < float("inf") else "not reached"
        cells = [day, commit, every_recipe()[recipe], seed, reached, f"{last['fid_local']:.3g}"]
        rows.append((list(WORLDS).index(world), seconds, last["fid_local"], [WORLDS[world], *cells]))
    head = ["world", "date", "commit", "recipe", "seed", "CPU s to ProGAN's fid_local", "fid_local at the end"]
    return f"## Leaderboard\n\n{markdown(head, [row for *_, row in sorted(rows)])}"


def draw(world: str) -> None:
    """Every seed's curves over CPU seconds."""
    figure = Figure(figsize=(10, 4), dpi=110, layout="constrained")
    for axes, metric in zip(figure.subplots(1, 2), ("fd_imagenet", "fid_local"), strict=True):
        for number, (recipe, words) in enumerate(every_recipe().items()):
            for file in sorted(ROWS.glob(f"{world}-{recipe}-[0-9].csv")):
                rows = read(file)
                label = words if file.stem.endswith("-0") else None
                axes.plot([r["seconds"] for r in rows], [r[metric] for r in rows], color=f"C{number}", label=label)
        axes.set(xlabel="CPU seconds", ylabel=metric, yscale="log")
        axes.grid(alpha=0.3, which="both")
    if figure.axes[0].lines:
        figure.axes[0].legend(fontsize=7, frameon=False)
    ROWS.mkdir(parents=True, exist_ok=True)
    figure.savefig(ROWS / f"{world}.png")


READING = """\
Distances are lower better, recall and coverage higher; mean ± standard error over seeds. The last columns are the median of the
seconds until a distance is at the mean that today's default ends with. Runs were made two at a time on one machine, beside other
work; each has a file in [speedrun](speedrun), written when it finished. Made by `python -m benchmarks.speedrun`, which goes on
where it was ended; `--table-only` makes the page of what is there."""


def main() -> int:
    """Run what is missing, then write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--jobs", type=int, default=2, help="trainings at once (default 2)")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"CPU seconds a run (default {SECONDS})")
    parser.add_argument("--only", nargs="+", choices=RECIPES | OPTIONS, default=list(RECIPES), help="these recipes")
    parser.add_argument("--plain", action="store_true", help="without augmentation, on 100 dolls")
    parser.add_argument("--one", metavar="NAME", help="one run by name, such as dolls64-r3gan-0, in this process")
    parser.add_argument("--table-only", action="store_true", help="run nothing; the page of what is there")
    chosen = parser.parse_args()
    if chosen.one:
        world, recipe, seed = chosen.one.split("-")
        with contextlib.chdir(ROOT):
            run = Run(world, recipe, int(seed))
            train(run, chosen.seconds, ROOT / ".work" / "speedrun" / run.name)
        return 0
    failed = False
    if not chosen.table_only:
        with contextlib.chdir(ROOT):
            made = [f"dataset@{name}" for name in (*WORLDS, "judge64", "others64")]
            subprocess.run(dvc("repro", "code", *made, "features@others64"), check=True)
        missing = [run for run in runs(chosen.only, chosen.plain) if not run.rows.is_file()]
        with ThreadPoolExecutor(chosen.jobs) as pool:
            failed = any(list(pool.map(lambda run: _started(run, chosen.seconds), missing)))
    print(table())
    return int(failed)


def _started(run: Run, seconds: float) -> int:
    command = [sys.executable, "-m", "benchmarks.speedrun", "--one", run.name, "--seconds", str(seconds)]
    code = subprocess.run(command, cwd=ROOT.parent, env={**os.environ, "OMP_NUM_THREADS": "1"}).returncode
    print(f"{run.name}: {'failed' if code else 'finished'}", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
