"""What a pipeline may be: one dataset, resolutions that it has, names that DVC, folders and shells can bear."""

import copy
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from espalier.data.errors import InputError
from espalier.stages.config.load import check_stage, stage_config
from espalier.stages.config.params import read_params, stage_names
from espalier.stages.loop.steps import iterations
from espalier.stages.run import main
from espalier.stages.types.features import TrainFeatures
from tests.conftest import TINY


def params(**changes: Any) -> dict[str, Any]:
    """The tiny project's, with the sections given in the place of its own."""
    return {**copy.deepcopy(TINY), **changes}


def refused(given: dict[str, Any], stage: str = "r8", pipeline: str = "progan") -> str:
    with pytest.raises(InputError) as caught:
        stage_config(given, pipeline, stage)
    return str(caught.value)


def test_a_pipeline_has_one_dataset_and_common_names_it() -> None:
    given = params()
    del given["progan"]["common"]["dataset"]
    assert refused(given) == (
        "params.yaml: progan.common.dataset is missing: set it to the pipeline's prepared dataset, such as "
        "dataset: artifacts/datasets/dolls"
    )
    given = params()
    given["datasets"]["other"] = {**given["datasets"]["dolls"], "seed": 1}
    given["progan"]["stages"]["r8"]["after"] = "artifacts/datasets/other"
    said = refused(given)
    assert "progan.stages.r8: its dataset is artifacts/datasets/other" in said and "write a second pipeline" in said
    given = params()
    given["progan"]["stages"]["r8"]["dataset"] = "artifacts/datasets/other"
    assert "the pipeline's is artifacts/datasets/dolls (progan.common.dataset)" in refused(given)


def test_a_type_is_looked_up_in_one_way_and_only_training_is_profiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = params()
    given["progan"]["stages"]["r8"]["type"] = "trian"
    with pytest.raises(
        InputError, match=r"progan\.stages\.r8\.type: there is no stage type 'trian'; did you mean 'train'"
    ):
        check_stage(given, "progan", "r8")
    YAML().dump(given, tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="did you mean 'train'"):
        main("progan", "r8", profile=False)
    with pytest.raises(InputError, match="dataset dolls does not train .* cannot be profiled"):
        main("dataset", "dolls", profile=True)


def test_iterations_are_those_after_which_a_training_ends() -> None:
    given = params()
    given["progan"]["common"]["batch_size"] = 4
    given["progan"]["common"]["kimg"] = 8.028  # times 1000: 8028.000000000001
    config = stage_config(given, "progan", "r8")
    assert (config.images, iterations(config)) == (8028, 2007)


def test_what_lies_at_after_says_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    given = params()
    given["progan"]["stages"]["r8"]["after"] = "elsewhere/ready"
    assert stage_config(given, "progan", "r8").has_parent, "nothing lies there yet"
    Path("elsewhere/ready").mkdir(parents=True)
    Path("elsewhere/ready/manifest.json").write_text("{}")
    assert "its dataset is elsewhere/ready" in refused(given)
    Path("elsewhere/ready/stage.json").write_text("{}")
    assert stage_config(given, "progan", "r8").has_parent


def test_a_first_stage_needs_no_after_and_the_order_has_no_meaning() -> None:
    given = params()
    del given["progan"]["stages"]["r4"]["after"]
    given["progan"]["stages"] = dict(reversed(given["progan"]["stages"].items()))
    assert not stage_config(given, "progan", "r4").has_parent
    assert stage_config(given, "progan", "r16").after == Path("artifacts/progan/r8")


@pytest.mark.parametrize("way", [{"r8": "r8"}, {"r8": "r16", "r16": "r8"}])
def test_a_stage_cannot_come_after_itself(way: dict[str, str]) -> None:
    given = params()
    for stage, after in way.items():
        given["progan"]["stages"][stage] |= {"after": f"artifacts/progan/{after}", "resolution": 8}
    assert "a stage cannot come after itself" in refused(given)


def test_a_resolution_beyond_the_datasets_names_both_keys() -> None:
    given = params()
    given["progan"]["stages"]["r32"] = {"after": "artifacts/progan/r16", "resolution": 32}
    assert refused(given, "r32") == (
        "params.yaml: progan.stages.r32.resolution: 32 is beyond the 16 of its dataset (datasets.dolls.resolution); use 16 or less "
        "here, or 32 there"
    )
    given = params(features={"dolls": {"dataset": "artifacts/datasets/dolls", "resolution": 32}})
    with pytest.raises(InputError, match="features.dolls.resolution: 32 is beyond the 16 of its dataset"):
        TrainFeatures(given, "features", "dolls")


BAD = [
    "a b",
    "r.8",
    "r;8",
    "$HOME",
    "-r8",
    'r"8',
    "r'8",
    "größe",
    "",
    "a/b",
    "..",
    "r8\n",
    "x" * 65,
    "a&b",
    "`x`",
    "*",
    "a@b",
]


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("place", ["stage", "pipeline", "dataset", "features"])
def test_one_rule_for_names(place: str, name: str, tmp_path: Path) -> None:
    given = params()
    if place == "stage":
        given["progan"]["stages"][name] = {"after": "artifacts/progan/r4", "resolution": 8}
    elif place == "pipeline":
        given[name] = given["progan"]
    else:
        section = given["datasets" if place == "dataset" else "features"]
        section[name] = given["datasets"]["dolls"]
    file = tmp_path / "params.yaml"
    YAML().dump(given, file)
    with pytest.raises(InputError, match="use letters, digits, - and _, starting with a letter or digit"):
        read_params(file)


@pytest.mark.parametrize("name", [4, 8.5])
def test_a_number_is_no_name(name: Any, tmp_path: Path) -> None:
    given = params()
    given["progan"]["stages"][name] = {"after": "artifacts/progan/r4", "resolution": 8}
    file = tmp_path / "params.yaml"
    YAML().dump(given, file)
    with pytest.raises(InputError, match=f"the name {name} is a number, which DVC drops; write r{name}"):
        read_params(file)


@pytest.mark.parametrize("name", ["datasets", "features", "code", "pinned", "text", "fingerprint"])
def test_names_with_a_meaning_are_taken(name: str, tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    YAML().dump({**params(), name: params()["progan"]}, file)
    with pytest.raises(InputError, match=f"a pipeline cannot be named '{name}'"):
        read_params(file)


def test_generated_names_may_begin_with_a_digit() -> None:
    given = params(world={"common": {"dataset": "artifacts/datasets/dolls"}, "matrix": {"seed": [0, 1]}})
    assert stage_names(given, "world") == ["0", "1"]
