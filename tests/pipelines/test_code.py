"""What DVC is told of the code: an edit that computes nothing trains nothing, and one that does trains what uses it."""

import ast
import json
import os
import shutil
from pathlib import Path

import pytest

from espalier.data import files, verified
from espalier.stages.process import fingerprint
from tests.conftest import ROOT, Project, cost

FOLDERS = ("data", "models", "pipelines", "stages")
TRICK = '''"""A trick of the user's own."""

from torch import Tensor

from espalier.stages.tricks.step import Step
from espalier.stages.tricks.trick import Term


class Pull(Term):
    """Logits of reals towards 0."""

    name = "pull"

    def discriminator_term(self, step: Step) -> Tensor:
        return 0.01 * step.real_logits.square().mean()
'''


@pytest.fixture
def own(copy_of_trained: Project) -> Project:
    """A trained project with a copy of the package that takes the place of the installed one, so that it can be edited."""
    project, place = copy_of_trained, copy_of_trained.root / "lib" / "espalier"
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, place / folder, ignore=shutil.ignore_patterns("__pycache__"))
    project.environment["PYTHONPATH"] = str(project.root / "lib")
    return project


def edit(project: Project, file: str, old: str, new: str) -> None:
    path = project.root / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def ran(output: str) -> list[str]:
    """The stages that dvc repro ran."""
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]


WGAN = "lib/espalier/stages/tricks/wgan.py"


def test_a_copy_of_the_same_code_trains_nothing(own: Project) -> None:
    assert ran(own.dvc("repro")) == ["code"]
    where = own.run("python", "-c", "import espalier.stages.run as run; print(run.__file__)")
    assert str(own.root / "lib") in where


def test_comments_docstrings_and_layout_run_the_fingerprints_alone(own: Project) -> None:
    edit(own, WGAN, '"""Wasserstein loss.', '# a comment\n"""Another docstring.')
    edit(own, WGAN, "        return -fake.mean()", "        return (\n            -fake.mean()\n        )  # why")
    edit(
        own,
        WGAN,
        "from espalier.stages.tricks.loss import Loss\nfrom espalier.stages.tricks.parts import Targets",
        "from espalier.stages.tricks.parts import Targets\nfrom espalier.stages.tricks.loss import Loss",
    )
    status = own.dvc("status")
    assert [line for line in status.splitlines() if line.endswith(":") and not line.startswith("\t")] == ["code:"]
    assert ran(own.dvc("repro")) == ["code"]
    assert "up to date" in own.look("status") and "stale" not in own.look("status")


@pytest.mark.long
def test_other_code_never_publishes_what_this_one_finished(own: Project) -> None:
    weights = "artifacts/progan/r4/generator.safetensors"
    first = own.bytes(weights)
    edit(own, WGAN, "return -fake.mean()", "return -1.5 * fake.mean()")
    output = own.dvc("repro", "progan@r4")
    assert (
        ran(output) == ["code", "progan@r4"] and "the code differs from the one that finished this training" in output
    )
    second = own.bytes(weights)
    assert second != first
    code = json.loads(own.bytes("artifacts/progan/r4/stage.json"))["code"]
    edit(own, WGAN, "return -1.5 * fake.mean()", "return -fake.mean()")
    output = own.python("espalier.stages.run", "progan", "r4")
    assert "finished this training before; it is published again" in output and own.bytes(weights) == first
    assert json.loads(own.bytes("artifacts/progan/r4/stage.json"))["code"] != code


@pytest.mark.long
def test_a_changed_default_trains_the_stages_that_use_it(own: Project) -> None:
    own.set("progan.stages.r16.tricks", {"instance_noise": {"kimg": 1}})
    assert ran(own.dvc("repro")) == ["code", "progan@r16"], "a trick that r16 alone has leaves the others alone"
    edit(own, "lib/espalier/stages/tricks/instance_noise.py", "default=0.1", "default=0.2")
    assert ran(own.dvc("repro")) == ["code", "progan@r16"]
    edit(own, "lib/espalier/stages/tricks/unrolled.py", "default=5", "default=6")
    assert ran(own.dvc("repro")) == ["code"], "no stage unrolls"
    edit(own, "lib/espalier/data/dolls/colours.py", "Background = ", "Another = 1\nBackground = ")
    assert "dataset@dolls" in ran(own.dvc("repro", "dataset@dolls"))


@pytest.mark.long
def test_a_module_of_the_users_is_followed_too(copy_of_trained: Project) -> None:
    project = copy_of_trained
    (project.root / "my_tricks.py").write_text(TRICK)
    project.set("progan.stages.r16.tricks", {"my_tricks.Pull": {}})
    assert ran(project.dvc("repro")) == ["code", "progan@r16"]
    edit(project, "my_tricks.py", '"""Logits of reals towards 0."""', '"""Other words."""  # and a comment')
    assert ran(project.dvc("repro")) == ["code"]
    edit(project, "my_tricks.py", "0.01", "0.02")
    assert "code changed: my_tricks" in project.look("status")
    assert ran(project.dvc("repro")) == ["code", "progan@r16"]
    edit(project, "my_tricks.py", "class Pull(Term):", "class Pull(Term:")
    output = project.dvc("repro", ok=False)
    assert project.code != 0 and "my_tricks.py, line 9, is not valid Python" in output and "Traceback" not in output
    assert "'progan@r8' didn't change" in output


def test_a_file_that_nothing_imports_may_be_broken(own: Project) -> None:
    (own.root / "lib/espalier/stages/tricks/draft.py").write_text("def (:\n")
    (own.root / "notes.py").write_text("class\n")
    assert ran(own.dvc("repro")) == ["code"]


def test_old_names_are_answered_with_the_new(copy_of_trained: Project) -> None:
    project = copy_of_trained
    (project.root / "old_trick.py").write_text(TRICK.replace("espalier.stages.tricks.step", "stages.step"))
    project.set("progan.stages.r16.tricks", {"old_trick.Pull": {}})
    assert "'stages.step' is 'espalier.stages.tricks.step' now" in project.look("check", "progan", ok=False)
    project.set("progan.stages.r16", {"after": "artifacts/progan/r8", "resolution": 16, "does": "train"})
    assert "progan.stages.r16.does: this key is 'type' now" in project.look("check", "progan", ok=False)
    project.set("progan.stages.r16", {"after": "artifacts/progan/r8", "resolution": 16, "reads": "x"})
    assert "progan.stages.r16.reads: this key is 'encoder' now" in project.look("check", "progan", ok=False)


def test_an_artifact_of_before_the_move_is_refused_with_the_remedy(copy_of_trained: Project) -> None:
    file = copy_of_trained.root / "artifacts/progan/r8/stage.json"
    record = json.loads(file.read_text())
    record |= {"format": 1, "reads": None}
    del record["encoder"]
    file.unlink()
    file.write_text(json.dumps(record))
    said = copy_of_trained.look("sample", "artifacts/progan/r8", ok=False)
    assert (
        copy_of_trained.code == 2 and "has format 1, this version reads 3" in said and "dvc repro -f progan@r8" in said
    )


@pytest.mark.long
def test_an_experiment_elsewhere_runs_the_code_that_it_fingerprints(own: Project) -> None:
    (own.root / ".gitignore").open("a").write("/lib\n")
    own.run("git", "add", "-A")
    own.run("git", "commit", "-qm", "ignored")
    edit(own, WGAN, "return -fake.mean()", "return -1.5 * fake.mean()")
    own.dvc("exp", "run", "--temp", "--name", "apart", "-S", "progan.common.seed=4", "progan@r4")
    for file in ("artifacts/progan/r4/stage.json", "artifacts/code/progan/r4"):
        own.dvc("get", ".", file, "--rev", "apart", "-o", Path(file).name + ".apart")
    own.dvc("repro", "code")
    assert own.bytes("r4.apart") == own.bytes("artifacts/code/progan/r4")
    apart = json.loads(own.bytes("stage.json.apart"))
    own.set("progan.common.seed", 4)
    own.dvc("repro", "progan@r4")
    here = json.loads(own.bytes("artifacts/progan/r4/stage.json"))
    assert apart["code"] == here["code"] and apart["digests"] == here["digests"]


@pytest.mark.long
def test_stages_may_be_renamed_removed_and_written_in_any_order(copy_of_trained: Project) -> None:
    project = copy_of_trained
    params = project.params
    stages = params["progan"]["stages"]
    params["progan"]["stages"] = dict(reversed(stages.items()))
    project.write_params(params)
    assert ran(project.dvc("repro")) == ["code"]
    assert "up to date" in project.look("status")
    first = params["progan"]["stages"].pop("r4")
    params["progan"]["stages"]["first"] = first
    params["progan"]["stages"]["r8"]["after"] = "artifacts/progan/first"
    del params["progan"]["stages"]["r16"]
    project.write_params(params)
    assert ran(project.dvc("repro")) == ["code", "progan@first", "progan@r8"]


def test_a_clone_has_its_own_stages_only(tmp_path: Path) -> None:
    Project(ROOT).run("git", "clone", "-q", str(ROOT), str(tmp_path / "clone"))
    listed = Project(tmp_path / "clone").run("dvc", "stage", "list", "--name-only").split()
    assert len(listed) == 13, "benchmarks/ is a repository of its own"
    assert not (tmp_path / "clone" / "dvc.lock").exists()
    assert Project(tmp_path / "clone").run("git", "check-ignore", "dvc.lock", ok=False) == "", (
        "DVC refuses an ignored one"
    )


def test_what_is_kept_of_parsing_is_what_parsing_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def parsed() -> dict[str, str]:
        fingerprint._parsed.cache_clear()
        return fingerprint.code_of(["own.Own"])

    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    Path("own.py").write_text('import os\nNAME = "espalier.stages.tricks.wgan.Wgan"\n')
    alone = parsed()
    assert {"own", "espalier.stages.tricks.wgan"} <= alone.keys() and not Path(".work").exists()
    Path(".dvc").mkdir()
    assert parsed() == parsed() == alone
    kept = list(Path(".work/code").iterdir())
    assert len(kept) == len(alone)
    with monkeypatch.context() as nothing_is_parsed:
        nothing_is_parsed.setattr(ast, "dump", None)
        assert parsed() == alone
    for file, text in zip(kept, ["", "{", "[]", '{"fingerprint": "0"}', '{"fingerprint": 0}'], strict=False):
        file.write_text(text)  # as a killed process, or another version, may leave it
    assert parsed() == alone
    Path("own.py").write_text('import os\nNAME = "espalier.stages.tricks.hinge.Hinge"\n')
    assert parsed()["own"] != alone["own"] and "espalier.stages.tricks.hinge" in parsed()


def test_a_module_that_moved_is_found_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("first", "second"):
        (tmp_path / place).mkdir()
        monkeypatch.syspath_prepend(tmp_path / place)
    (tmp_path / "first/wandering.py").write_text("")
    assert fingerprint.source_of("wandering") == tmp_path / "first/wandering.py"
    (tmp_path / "first/wandering.py").rename(tmp_path / "second/wandering.py")
    assert fingerprint.source_of("wandering") == tmp_path / "second/wandering.py"
    (tmp_path / "second/wandering.py").unlink()
    assert fingerprint.source_of("wandering") is None


@pytest.mark.parametrize("what", ["code", "verified"])
def test_what_makes_the_work_folder_first_makes_it_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """The name of .work is on the disk: checkpoints that are written there later are lost in a power cut otherwise."""
    (tmp_path / ".dvc").mkdir()
    monkeypatch.chdir(tmp_path)
    synced: list[Path] = []
    monkeypatch.setattr(files, "sync", lambda path: synced.append(path.resolve()))
    if what == "code":
        fingerprint._parsed.cache_clear()
        fingerprint.code_of(["espalier.stages.tricks.hinge"])
    else:
        (tmp_path / "large").write_bytes(bytes(verified.LARGE))
        os.utime(tmp_path / "large", (0, 0))
        verified.note_verified(tmp_path / "large", "0")
    assert (tmp_path / ".work" / what).is_dir() and tmp_path in synced and tmp_path / ".work" in synced


@pytest.mark.parametrize(
    ("command", "most"), [("dvc status", 3), ("espalier status", 4), ("dvc repro", 6), ("espalier run progan", 7)]
)
def test_commands_with_nothing_to_do_cost_little(trained: Project, command: str, most: float) -> None:
    """Beside importing DVC, which takes 0.5 CPU seconds where these take 1 to 3."""
    assert cost(trained, *command.split()) <= most
