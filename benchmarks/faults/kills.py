"""Kill chains at random moments, again and again, and compare the bits at the end with those of an undisturbed run.

Each scenario is a command in a project of its own: a chain with tricks that have a state (by dvc, by `espalier run`, and as an
experiment with overridden parameters), and the preparation of a dataset. A kill is SIGKILL of the trainer, of dvc, of
`espalier run`, or of all of them at once, drawn at random, at a random moment after the start or after a checkpoint.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from ruamel.yaml import YAML

from benchmarks.faults.crash_points import PARAMS, content_of
from espalier.stages.artifacts.workfolder import checkpoints_in

ROOT = Path(__file__).parents[2]
VICTIMS = ("espalier.stages.run", "dvc", "espalier", "all")
LEAVING_SECONDS, RUN_SECONDS = 20.0, 300.0


@dataclass(frozen=True)
class Scenario:
    """A command, and the folder that it makes."""

    name: str
    command: tuple[str, ...]
    makes: str


SCENARIOS = (
    Scenario("a chain by dvc", ("dvc", "repro", "progan@r8"), "artifacts/progan"),
    Scenario("a chain by espalier run", ("espalier", "run", "progan"), "artifacts/progan"),
    Scenario("an experiment", ("espalier", "run", "progan", "-S", "+progan.stages.r8.seed=5"), "artifacts/progan"),
    Scenario("a preparation", ("dvc", "repro", "dataset@dolls"), "artifacts/datasets"),
)


@dataclass
class Kills:
    """What was found: kills by victim, ends with equal bits, and what was lost, which should be nothing."""

    by_victim: dict[str, int] = field(default_factory=lambda: dict.fromkeys(VICTIMS, 0))
    ended: int = 0
    orphans: int = 0
    lost: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """All kills."""
        return sum(self.by_victim.values())


def params() -> dict[str, Any]:
    """The toy of the crash points with a second stage, longer trainings and a dataset that takes seconds to prepare."""
    common = {**PARAMS["chain"]["common"], "watch": {"checkpoint_seconds": 0.3, "sample_kimg": 2, "log_steps": 20}}
    common["milestone_kimg"] = 1
    common["tricks"] = {**common["tricks"], "fade": {"kimg": 1}}
    stages = {
        "r4": {"after": "artifacts/datasets/dolls", "resolution": 4, "kimg": 3},
        "r8": {"after": "artifacts/progan/r4", "resolution": 8, "kimg": 3},
    }
    dolls = {**PARAMS["datasets"]["dolls"], "count": 2500, "resolution": 16}
    empty = {  # what else dvc.yaml asks for
        "features": {}, "texts": {},
        "fashiongan": {"common": {"dataset": "artifacts/datasets/x", "encoder": "artifacts/texts/x"}, "stages": {}},
        "fashiongan_test": {"common": {"dataset": "artifacts/datasets/x"}, "stages": {}},
    }  # fmt: skip
    return {"datasets": {"dolls": dolls}, "progan": {"common": common, "stages": stages}, **empty}


def make_project(folder: Path) -> Path:
    """A project in a git and DVC repository."""
    folder.mkdir(parents=True)
    for file in ("dvc.yaml", ".gitignore", ".dvcignore"):
        shutil.copy(ROOT / file, folder)
    YAML().dump(params(), folder / "params.yaml")
    for command in (
        "git init -q", "git config user.email a@example.org", "git config user.name a", "dvc init -q", "git add -A",
        "git commit -qm toy",
    ):  # fmt: skip
        _run(folder, *command.split())
    return folder


def campaign(
    folder: Path, kills: int, seed: int, say: Callable[[str], None] = print, scenarios: Sequence[Scenario] = SCENARIOS
) -> dict[str, Kills]:
    """At least `kills` kills, in turns over the scenarios."""
    chance = random.Random(seed)
    expected = {s.name: _undisturbed(s, make_project(folder / f"whole-{n}")) for n, s in enumerate(scenarios)}
    found, number = {s.name: Kills() for s in scenarios}, 0
    while sum(one.total for one in found.values()) < kills:
        scenario = scenarios[number % len(scenarios)]
        project = make_project(folder / f"killed-{number}")
        _kill_until_done(scenario, project, expected[scenario.name], found[scenario.name], chance)
        shutil.rmtree(project, ignore_errors=True)
        one, number = found[scenario.name], number + 1
        say(
            f"{scenario.name}: {one.total} kills, {one.ended} ends, {one.orphans} orphans, lost: {one.lost or 'nothing'}"
        )
    return found


def _undisturbed(scenario: Scenario, project: Path) -> dict[str, bytes]:
    _run(project, *scenario.command)
    made = _made(scenario, project)
    shutil.rmtree(project)
    return made


def _made(scenario: Scenario, project: Path) -> dict[str, bytes]:
    """What the command made: for an experiment, what it saved, fetched from DVC's cache."""
    if scenario.name == "an experiment":
        (name,) = _run(project, "dvc", "exp", "list", "--name-only").split()
        _run(project, "dvc", "exp", "apply", name)
    return content_of(project / scenario.makes)


def _kill_until_done(
    scenario: Scenario, project: Path, expected: dict[str, bytes], found: Kills, chance: random.Random
) -> None:
    for patience in range(12):
        before = _newest_steps(project)
        process = _start(scenario, project)
        _wait_a_moment(process, project, chance, patience)
        if process.poll() is not None:
            break
        victim = _kill_one(process, project, chance)
        found.by_victim[victim] += 1
        process.communicate()
        found.orphans += _orphans(project)
        after = _newest_steps(project)
        lost = [
            f"{work}: step {step}, {after.get(work, 0)} left"
            for work, step in before.items()
            if after.get(work, 0) < step
        ]
        found.lost += [f"{scenario.name}, {victim}: {words}" for words in lost]
    else:
        process = _start(scenario, project)
    output = process.communicate(timeout=RUN_SECONDS)[0]
    if process.returncode:
        found.lost.append(f"{scenario.name}: does not go on: {output[-500:]}")
        return
    found.ended += 1
    made = _made(scenario, project)
    differ = sorted(name for name in made.keys() | expected.keys() if made.get(name) != expected.get(name))
    if differ:
        found.lost.append(f"{scenario.name}: other bytes than undisturbed in {', '.join(differ[:5])}")


def _start(scenario: Scenario, project: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        scenario.command, cwd=project, env=_environment(), start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def _wait_a_moment(process: "subprocess.Popen[str]", project: Path, chance: random.Random, patience: int) -> None:
    """A moment anywhere in the first seconds, or shortly after a new checkpoint."""
    before, begun = _checkpoints(project), time.monotonic()
    if chance.random() < 0.4:
        until = begun + chance.uniform(0.1, 4 + patience)
        while process.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        return
    while process.poll() is None and time.monotonic() - begun < 20 and not _checkpoints(project) - before:
        time.sleep(0.02)
    time.sleep(chance.uniform(0, 0.4))


def _kill_one(process: "subprocess.Popen[str]", project: Path, chance: random.Random) -> str:
    """Kill one of the processes that are there, or all at once; returns which."""
    there = _processes(project)
    victim = chance.choice(VICTIMS)
    chosen = [p for p in there if victim == "all" or _is(p, victim)]
    if not chosen:
        victim, chosen = "all", there
    for one in chosen if victim == "all" else [chance.choice(chosen)]:
        try:
            one.send_signal(signal.SIGKILL)
        except psutil.Error:
            continue
    if process.poll() is None and victim != "all":
        try:
            process.wait(timeout=LEAVING_SECONDS)
        except subprocess.TimeoutExpired:  # what it started was killed, and it goes on with something else
            os.killpg(process.pid, signal.SIGKILL)
    return victim


def _is(process: psutil.Process, victim: str) -> bool:
    try:
        words = process.cmdline()
    except psutil.Error:
        return False
    if victim == "dvc":
        return any(Path(word).name == "dvc" for word in words[:4]) and "espalier.stages.run" not in words
    if victim == "espalier":
        return any(Path(word).name == "espalier" for word in words[:3])
    return victim in words


def _processes(project: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cwd", "status"]):
        if (process.info["cwd"] or "").startswith(str(project)) and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def _orphans(project: Path) -> int:
    """Processes that stay, after the time in which they should leave; they are killed."""
    end = time.monotonic() + LEAVING_SECONDS
    while (left := _processes(project)) and time.monotonic() < end:
        time.sleep(0.1)
    for process in left:
        process.kill()
    return len(left)


def _checkpoints(project: Path) -> set[Path]:
    return {path for work in (project / ".work").glob("*@*/*") for _, path in checkpoints_in(work)}


def _newest_steps(project: Path) -> dict[str, int]:
    """The newest step in each work folder that is not finished."""
    works = [work for work in (project / ".work").glob("*@*/*") if work.is_dir()]
    return {work.name: max((step for step, _ in checkpoints_in(work)), default=0) for work in works}


def _environment() -> dict[str, str]:
    here = {k: v for k, v in os.environ.items() if not k.startswith(("DVC_", "ESPALIER_"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{here['PATH']}"
    return {**here, "PATH": path, "OMP_NUM_THREADS": "1", "DVC_NO_ANALYTICS": "1", "PYTHONUNBUFFERED": "1"}


def _run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, env=_environment(), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return done.stdout
