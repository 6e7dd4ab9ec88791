"""What a killed dvc leaves behind does not stop the next command."""

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import Project

RWLOCK = ".dvc/tmp/rwlock"


def entry(pid: int) -> dict[str, object]:
    return {"pid": pid, "cmd": "dvc repro progan@r4"}


@pytest.mark.parametrize("harm", ["empty", "half", "reused number", "dead number", "no mapping"])
def test_the_rwlock_of_a_killed_dvc_is_cleared_and_said(project: Project, harm: str) -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    path = str(project.root / "artifacts/datasets/dolls")
    one, many = {path: entry(other.pid)}, {path: [entry(os.getpid())]}
    content = {
        "empty": "",
        "half": json.dumps({"write": one})[:20],
        "reused number": json.dumps({"write": one, "read": many}),
        "dead number": json.dumps({"write": {path: entry(2**22 - 3)}, "read": {}}),
        "no mapping": "[1, 2]",
    }[harm]
    (project.root / ".dvc/tmp").mkdir(exist_ok=True)
    (project.root / RWLOCK).write_text(content)
    said = project.espalier("run", "dataset@dolls")
    other.kill()
    assert RWLOCK in said and (project.root / "artifacts/datasets/dolls/manifest.json").is_file(), said


@pytest.mark.parametrize("content", ["", "schema: '2.0'\nstages:\n  a: [", "- 1\n"])
def test_a_damaged_dvc_lock_is_named_with_its_remedy(project: Project, content: str) -> None:
    (project.root / "dvc.lock").write_text(content)
    for command in (("status",), ("run", "progan")):
        said = project.look(*command, ok=False)
        assert project.code == 2 and "dvc.lock is damaged; restore it with 'git checkout dvc.lock'" in " ".join(
            said.split()
        )
