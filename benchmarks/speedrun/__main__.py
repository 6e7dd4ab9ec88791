"""python -m benchmarks.speedrun: which recipe makes the best images in equal time, on one CPU thread.

Two worlds: 8,000 drawn dolls at 64x64, and 100 of them. Each recipe trains for 1,800 CPU seconds of iterations on one
thread, 3 seeds. A second is a number of images of each stage, by what they cost when timed by turns in one process
([costs.csv](speedrun/costs.csv)), so that rows made on other days and machines are of equal time, too. What is judged is the
averaged generator, 2,000 images, beside 2,000 other dolls that no recipe trains on. Judges: `fd_imagenet`
(EfficientNet-Lite0), `fid_local` (a network trained on 4,000 yet other dolls), and recall and coverage in the latter's
features. A recipe that trains on a judge's network is not judged by it: `projected` has its `fd_imagenet` in brackets. Sizes
and rates are those of `benchmarks/params.yaml`, set before anything ran; no recipe was tuned. A chain is judged in its last
stage only. On 100 dolls all are augmented (DiffAugment); `--plain` runs them without, `--only straight` is ProGAN not grown.
"""

import argparse
import contextlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from benchmarks.speedrun.costs import measure
from benchmarks.speedrun.page import table
from benchmarks.speedrun.runs import OPTIONS, RECIPES, ROWS, SECONDS, WORLDS, Run, runs
from benchmarks.speedrun.training import train
from benchmarks.worlds import ROOT
from espalier.pipelines.run.repro import dvc


def main() -> int:
    """Run what is missing, then write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--jobs", type=int, default=2, help="trainings at once (default 2)")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"CPU seconds a run (default {SECONDS})")
    parser.add_argument("--only", nargs="+", choices=RECIPES | OPTIONS, default=list(RECIPES), help="these recipes")
    parser.add_argument("--plain", action="store_true", help="without augmentation, on 100 dolls")
    parser.add_argument("--one", metavar="NAME", help="one run by name, such as dolls64-r3gan-0, in this process")
    parser.add_argument(
        "--costs", action="store_true", help="time all recipes anew; rows that are there are then of another time"
    )
    parser.add_argument("--table-only", action="store_true", help="run nothing; the page of what is there")
    chosen = parser.parse_args()
    if chosen.one:
        world, recipe, seed = chosen.one.split("-")
        with contextlib.chdir(ROOT):
            run = Run(world, recipe, int(seed))
            train(run, chosen.seconds, ROOT / ".work" / "speedrun" / run.name)
        return 0
    if chosen.costs:
        with contextlib.chdir(ROOT):
            measure()
        return 0
    failed = False
    if not chosen.table_only:
        with contextlib.chdir(ROOT):
            made = [f"dataset@{name}" for name in (*WORLDS, "judge64", "others64")]
            subprocess.run(dvc("repro", "code", *made, "features@others64"), check=True)
            if not (ROWS / "costs.csv").is_file():
                measure()
        missing = [run for run in runs(chosen.only, chosen.plain) if not run.rows.is_file()]
        with ThreadPoolExecutor(chosen.jobs) as pool:
            failed = any(list(pool.map(lambda run: _started(run, chosen.seconds), missing)))
    print(table((__doc__ or "").partition("\n\n")[2].strip()))
    return int(failed)


def _started(run: Run, seconds: float) -> int:
    command = [sys.executable, "-m", "benchmarks.speedrun", "--one", run.name, "--seconds", str(seconds)]
    code = subprocess.run(command, cwd=ROOT.parent, env={**os.environ, "OMP_NUM_THREADS": "1"}).returncode
    print(f"{run.name}: {'failed' if code else 'finished'}", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
