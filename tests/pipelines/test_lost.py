"""Nothing is lost and nothing is left behind: terminals and readers that go away, killed launchers, damaged tables, locks."""

import os
import pty
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.conftest import Project
from tests.data.test_odd_folders import picture
from tests.pipelines.conftest import checkpoints, processes_of, wait_for

R4 = ("python", "-m", "espalier.stages.run", "progan", "r4")
PUBLISHED = ("generator.safetensors", "history.csv", "metrics.json", "monitor.csv")


def published(project: Project) -> list[bytes]:
    return [project.bytes(f"artifacts/progan/r4/{name}") for name in PUBLISHED]


# Tables.


@pytest.mark.parametrize("harm", ["half", "empty", "gone", "another row"])
def test_a_damaged_table_is_restored_from_the_checkpoint(copy_of_trained: Project, harm: str) -> None:
    project = copy_of_trained
    before = published(project)
    (folder,) = (path.parent for path in project.root.glob(".work/progan@r4/*/history.csv"))
    for table in folder.glob("*.csv"):
        content = table.read_bytes()
        if harm == "half":
            table.write_bytes(content[: len(content) // 2])
        elif harm == "empty":
            table.write_bytes(b"")
        elif harm == "gone":
            table.unlink()
        else:
            table.write_bytes(content.replace(b",0.", b",1.", 1))
    project.run("rm", "-rf", "artifacts/progan/r4")
    project.run(*R4)
    assert published(project) == before


# Readers.


@pytest.mark.long
def test_a_broken_pipe_at_any_line_changes_no_byte(copy_of_trained: Project) -> None:
    project = copy_of_trained
    before = published(project)
    project.run("rm", "-rf", ".work", "artifacts/progan/r4")
    for lines in range(4):
        process = project.start(*R4)
        assert process.stdout
        for _ in range(lines):
            process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=60) in (0, 1)
    project.run(*R4)
    assert published(project) == before


def test_a_lost_terminal_leaves_a_checkpoint_of_the_last_step(project: Project) -> None:
    project.python("espalier.stages.run", "dataset", "dolls")
    project.set("progan.stages.r4.kimg", 4000)
    project.set("progan.common.watch.checkpoint_seconds", 3600)
    number, terminal = pty.fork()
    if number == 0:
        os.chdir(project.root)
        os.execvpe(R4[0], R4, project.environment)
    seen = b""
    while b"kimg" not in seen:
        seen += os.read(terminal, 4096)
    time.sleep(1)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]) in (1, 129)
    assert len(checkpoints(project)) == 1


# Launchers.


@pytest.mark.long
@pytest.mark.parametrize("who", ["espalier", "dvc", "shell"])
def test_a_killed_launcher_takes_all_with_it_and_the_next_run_goes_on(copy_of_trained: Project, who: str) -> None:
    project = copy_of_trained
    project.set("progan.stages.r8.kimg", 400)
    before = checkpoints(project)
    process = project.start("espalier", "run", "progan", "--until", "r8")
    wait_for(lambda: bool(checkpoints(project) - before) or process.poll() is not None)
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    chosen = {
        "espalier": lambda p: p.pid == process.pid,
        "dvc": lambda p: "dvc" in p.cmdline(),
        "shell": lambda p: p.name() == "sh",
    }
    victims = [p for p in family if chosen[who](p)]
    if who == "shell" and not victims:
        pytest.skip("this shell replaces itself by the command")
    victims[0].kill()
    gone, alive = psutil.wait_procs(family, timeout=40)
    assert not alive, [p.cmdline() for p in alive]
    process.wait()
    project.set("progan.stages.r8.kimg", 0.8)
    assert (
        "is done" in project.espalier("run", "progan", "--until", "r8")
        or (project.root / "artifacts/progan/r8").is_dir()
    )


# Preparation, and the other stages that train nothing adversarial.


def many(project: Project, count: int) -> None:
    folder = project.root / "photos"
    picture(folder / "0.png")
    for n in range(1, count):
        os.link(folder / "0.png", folder / f"{n}.png")
    project.set("datasets.photos", {"source": "folder", "root": "photos", "resolution": 512})


def preparing(project: Project) -> subprocess.Popen[str]:
    process = project.start("python", "-m", "espalier.stages.run", "dataset", "photos")
    wait_for(lambda: len(psutil.Process(process.pid).children()) > 2 or process.poll() is not None)
    assert process.poll() is None, process.stdout and process.stdout.read()
    return process


def test_workers_end_with_a_killed_preparation(project: Project) -> None:
    many(project, 3000)
    process = preparing(project)
    workers = psutil.Process(process.pid).children()
    process.kill()
    assert not psutil.wait_procs(workers, timeout=10)[1]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_a_preparation_in_one_line(project: Project, number: signal.Signals, code: int) -> None:
    many(project, 3000)
    process = preparing(project)
    os.killpg(process.pid, number)  # as Ctrl-C in a terminal does: all of them are told
    said = process.communicate(timeout=30)[0]
    assert process.returncode == code and "nothing was published" in said and "Traceback" not in said, said
    assert not list((project.root / "artifacts/datasets").glob("*photos*/*"))


def test_an_artifact_is_made_by_one_process_at_a_time(project: Project, tmp_path: Path) -> None:
    many(project, 3000)
    process = preparing(project)
    other = tmp_path / "other"  # another workspace whose artifacts lie on the same disk
    other.mkdir()
    for name in ("params.yaml", "photos", "artifacts"):
        (other / name).symlink_to(project.root / name)
    environment = {**project.environment}
    done = subprocess.run(
        ["python", "-m", "espalier.stages.run", "dataset", "photos"],
        cwd=other,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and f"artifacts/datasets/photos is in use by process {process.pid}" in done.stderr, (
        done.stderr
    )
    process.kill()
    process.communicate()


def test_a_worker_killed_for_memory_is_a_sentence(project: Project) -> None:
    many(project, 3000)
    process = preparing(project)
    psutil.Process(process.pid).children()[-1].kill()
    said = process.communicate(timeout=60)[0]
    assert (
        process.returncode == 2 and "was killed, most likely because memory ran out" in said and "Traceback" not in said
    ), said


def test_no_process_of_these_tests_is_left(project: Project) -> None:
    assert not processes_of(project, "espalier")
