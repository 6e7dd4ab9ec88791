"""docs/speedrun.md: tables of the finished runs, their curves, and the leaderboard."""

import statistics

from matplotlib.figure import Figure

from benchmarks.speedrun import runs
from benchmarks.speedrun.judging import floor
from benchmarks.speedrun.rows import read
from benchmarks.speedrun.runs import JUDGES, RECIPES, WORLDS, every_recipe
from benchmarks.worlds import Mean, markdown, mean


def final(world: str, recipe: str, metric: str) -> Mean | None:
    """A metric at the end over the finished seeds."""
    values = [read(file)[-1][metric] for file in sorted(runs.ROWS.glob(f"{world}-{recipe}-[0-9].csv"))]
    return mean(values) if values else None


def seconds_to(world: str, recipe: str, level: float, metric: str = "fd_imagenet") -> str:
    """CPU seconds until a metric is at a level, on a straight line between measurements; the median over seeds."""
    found = [seconds_in(read(file), level, metric) for file in sorted(runs.ROWS.glob(f"{world}-{recipe}-[0-9].csv"))]
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


def table(protocol: str) -> str:
    """docs/speedrun.md from the finished runs; `protocol` says how they were made."""
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
    whole = runs.runs(list(RECIPES))
    done = f"{sum(run.rows.is_file() for run in whole)} of {len(whole)} runs have finished."
    text = "\n\n".join(["# Which recipe, in equal time", protocol, done, *parts, READING, leaderboard()])
    (runs.DOCS / "speedrun.md").write_text(text + "\n", encoding="utf-8")
    return text


def leaderboard() -> str:
    """Every finished run with its date and commit, the fastest to ProGAN's mean `fid_local` first."""
    file, rows = runs.ROWS / "runs.csv", []
    for line in file.read_text(encoding="utf-8").splitlines() if file.is_file() else ():
        name, day, commit = line.split(",")
        world, recipe, seed = name.split("-")
        level = final(world, "progan", "fid_local")
        seconds = seconds_in(read(runs.ROWS / f"{name}.csv"), level.mean, "fid_local") if level else float("inf")
        last = read(runs.ROWS / f"{name}.csv")[-1]
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
            for file in sorted(runs.ROWS.glob(f"{world}-{recipe}-[0-9].csv")):
                rows = read(file)
                label = words if file.stem.endswith("-0") else None
                axes.plot([r["seconds"] for r in rows], [r[metric] for r in rows], color=f"C{number}", label=label)
        axes.set(xlabel="CPU seconds", ylabel=metric, yscale="log")
        axes.grid(alpha=0.3, which="both")
    if figure.axes[0].lines:
        figure.axes[0].legend(fontsize=7, frameon=False)
    runs.ROWS.mkdir(parents=True, exist_ok=True)
    figure.savefig(runs.ROWS / f"{world}.png")


READING = """\
Distances are lower better, recall and coverage higher; mean ± standard error over seeds. The last columns are the median of
the seconds until a distance is at the mean that today's default ends with. Each run has a file in [speedrun](speedrun),
written when it finished. Made by `python -m benchmarks.speedrun`, which goes on where it was ended; `--table-only` makes the
page of what is there."""
