"""Bad configuration: an error that names file, key and remedy, before anything is built."""

import copy
from pathlib import Path
from typing import Any

import pytest

from espalier.data.errors import InputError
from espalier.data.sources.folder import FolderSource
from espalier.stages.config.load import stage_config
from espalier.stages.config.params import read_params, stage_names
from espalier.stages.config.sections import source_config
from tests.conftest import ROOT, TINY

CASES: dict[str, tuple[str, Any, str]] = {
    "misspelt key": ("common.kimgs", 3, "progan.common.kimgs: unknown key; did you mean 'kimg'?"),
    "misspelt key of a stage": ("stages.r8.resolutoin", 3, "progan.stages.r8.resolutoin: unknown key; did you mean 'resolution'?"),
    "misspelt group": ("common.adam", {"learning_rat": 1}, "progan.common.adam.learning_rat: unknown key; did you mean 'learning_rate'?"),
    "wrong type": ("common.batch_size", "many", "progan.common.batch_size: Input should be a valid integer"),
    "out of range": ("common.kimg", -1, "progan.common.kimg: Input should be greater than 0 (it is -1)"),
    "unknown trick": ("common.tricks.gradient_penality", {}, "there is no trick 'gradient_penality'; did you mean 'gradient_penalty'?"),
    "unknown option": ("common.tricks.drift", {"wieght": 1}, "progan.common.tricks.drift.wieght: unknown key; did you mean 'weight'?"),
    "option out of range": ("common.tricks.ema", {"half_life_kimg": -1}, "progan.common.tricks.ema.half_life_kimg: Input should be greater than or equal to 0"),
    "unknown loss": ("common.tricks.loss", "wgna", "progan.common.tricks.loss: there is no loss 'wgna'; did you mean 'wgan'?"),
    "loss that is no name": ("common.tricks.loss", 3, "progan.common.tricks.loss: must be the name of a loss"),
    "common that is no mapping": ("common", ["kimg"], "progan.common: must be a mapping of options"),
    "pipeline without a dataset": ("common.dataset", None, "progan.common.dataset is missing: set it to the pipeline's prepared dataset, such as dataset: artifacts/datasets/dolls"),
    "dataset that is no path": ("common.dataset", 3, "progan.common.dataset: must be the path of a prepared dataset, not 3"),
    "stage of another dataset": ("stages.r8.dataset", "artifacts/datasets/other", "progan.stages.r8: its dataset is artifacts/datasets/other, but the pipeline's is artifacts/datasets/dolls (progan.common.dataset)"),
    "key by its old name": ("stages.r8.reads", "artifacts/texts/outfits", "progan.stages.r8.reads: this key is 'encoder' now"),
    "stages that are no mapping": ("stages", None, "'stages' must be a mapping"),
    "no loss": ("common.tricks.loss", None, "must name a loss"),
    "labels of a wgan": ("common.tricks.label_smoothing", 0.9, "tricks.label_smoothing and tricks.loss (loss wgan) cannot be together: that loss has no labels"),
    "relativistic wgan": ("common.tricks.relativistic", "paired", "tricks.relativistic and tricks.loss (loss wgan) cannot be together"),
    "relativistic form": ("common.tricks.relativistic", "both", "progan.common.tricks.relativistic.form"),
    "packing": ("common.tricks.packing", {"m": 3}, "batch_size 8 in 1 process(es) cannot be packed by 3; use a multiple of 3"),
    "trick that is no mapping": ("common.tricks.drift", 3, "progan.common.tricks.drift: must be a mapping of options"),
    "tricks that are no mapping": ("common.tricks", ["wgan"], "progan.common.tricks: must be a mapping of trick names"),
    "own trick that cannot be imported": ("common.tricks", {"loss": "wgan", "nowhere.Trick": {}}, "'nowhere.Trick' cannot be imported"),
    "resolution no power of two": ("stages.r8.resolution", 12, "progan.stages.r8.resolution: must be a power of two, such as 8 or 16"),
    "resolution not twice the parent's": ("stages.r8.resolution", 16, "16 is not twice the 4 of its parent; use 8"),
    "width unlike the parent's": ("stages.r8.network", {"largest": 16}, "network.largest: 16 differs from the 8 of its parent"),
    "batch and stddev group": ("common.batch_size", 10, "gives 10 logits per batch of 10, which minibatch_stddev's group 4 does not divide; use batch_size 8 or 12"),
    "fade longer than the stage": ("stages.r8.kimg", 0.1, "kimg 0.1 ends the stage before fade.kimg 0.16"),
    "missing key": ("stages.r8", {"after": "artifacts/progan/r4"}, "resolution is missing: the network progan needs images of 4x4 or more"),
    "stage that is no mapping": ("stages.r8", 8, "'r8' must be a mapping"),
    "stage after itself": ("stages.r8.after", "artifacts/progan/r8", "cannot come after itself"),
    "the pipeline's name as an option": ("stages.r4.pipeline", "", "progan.stages.r4.pipeline: unknown key; remove it"),
    "a network with a control character": ("common.network.name", "\r", r"there is no network '\r'"),
    "milestone without a parent": ("stages.r4.at", 3, "this stage has no parent"),
    "unknown network": ("common.network", {"name": "dcgna"}, "progan.common.network: there is no network 'dcgna'; did you mean 'dcgan'?"),
    "unknown option of a network": ("common.network", {"name": "mlp", "widht": 1, "maxuot": 2}, "progan.common.network.maxuot: unknown key; did you mean 'maxout'?"),
    "points with a resolution": ("common.network", "mlp", "the network mlp is for points, which have none; leave it out"),
    "network that cannot grow": ("stages.r8", {"after": "artifacts/progan/r4", "network": {"name": "mlp"}, "resolution": None}, "network mlp cannot start from a parent; use one of progan, dcgan, resnet, r3gan, stylegan2, fashion_image, transfer: true for a parent of the same networks, or after: artifacts/datasets/dolls"),
    "no place in a network": ("stages.r4", {"after": "artifacts/datasets/dolls", "network": {"name": "benchmarks.games.Dirac"}, "resolution": None}, "tricks.minibatch_stddev cannot be used in network benchmarks.games.Dirac, which has no discriminator.statistics; use one of: progan, dcgan, resnet, r3gan, stylegan2, mlp"),
    "penalty and batch norm": ("common.tricks.norm", {"discriminator": "batch"}, "tricks.gradient_penalty and tricks.norm.discriminator (batch norm in the discriminator) cannot be together"),
    "clipping and spectral norm": ("common.tricks", {"loss": "wgan", "weight_clipping": 0.1, "spectral_norm": "on"}, "progan.common.tricks.spectral_norm.on"),
    "simultaneous and several steps": ("common.tricks", {"loss": "wgan", "simultaneous": {}, "n_critic": 5}, "tricks.simultaneous and tricks.n_critic cannot be together: simultaneous is one step of each player"),
    "attention nowhere": ("common.tricks.self_attention", {}, "self_attention has no resolution; use {generator: [16], discriminator: [16]}"),
    "feature that is not there": ("common.tricks.feature_matching", {"layer": 5}, "feature_matching.layer: 5 is out of range, the discriminator has 2 features; use -2 to 1"),
    "range the wrong way": ("common.tricks.noisy_labels", {"real": [1, 0.5]}, "must be [low, high]"),
    "frozen network that is none": ("common.tricks.perceptual", {"network": "nowhere.vgg"}, "'nowhere.vgg' cannot be imported"),
    "ramp that falls backwards": ("common.tricks.ramp", {"down_from_kimg": 9, "down_to_kimg": 3}, "down_to_kimg 3 must be beyond down_from_kimg 9"),
    "unknown part of a pipeline": ("comon", {}, "progan.comon: unknown key; a pipeline has 'common' and 'stages'"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_bad_configuration_is_refused_with_its_place_and_remedy(case: str) -> None:
    path, value, expected = CASES[case]
    params = copy.deepcopy(TINY)
    *way, last = path.split(".")
    place = params["progan"]
    for key in way:
        place = place[key]
    place[last] = value
    with pytest.raises(InputError) as raised:
        stage_config(params, "progan", "r4" if path.startswith("stages.r4") else "r8")
    assert expected in str(raised.value)
    assert str(raised.value).startswith("params.yaml")


def test_unknown_pipeline_and_stage_name_the_nearest() -> None:
    with pytest.raises(InputError, match="no pipeline 'progn'; did you mean 'progan'"):
        stage_config(TINY, "progn", "r4")
    with pytest.raises(InputError, match="no stage 'r64'; did you mean 'r4'|no stage 'r64'; it has: r4, r8, r16"):
        stage_config(TINY, "progan", "r64")


SOURCES: dict[str, tuple[dict[str, Any], str]] = {
    "unknown source": ({"source": "dools", "root": "x"}, "datasets.mine.source: there is no source 'dools'; did you mean 'dolls'"),
    "unknown key": ({"source": "dolls", "root": "x", "cuont": 3}, "datasets.mine.cuont: unknown key; did you mean 'count'?"),
    "missing root": ({"source": "folder", "resolution": 8}, "datasets.mine.root: is missing"),
    "resolution": ({"source": "folder", "root": "x", "resolution": 100}, "datasets.mine.resolution: must be a power of two, such as 64 or 128"),
    "too large a doll": ({"source": "dolls", "root": "x", "resolution": 512}, "datasets.mine.resolution: Input should be less than or equal to 256"),
    "doll that is no power of two": ({"source": "dolls", "root": "x", "resolution": 48}, "must be a power of two, such as 32 or 64"),
    "unknown torchvision class": ({"source": "torchvision", "name": "FashonMNIST", "root": "x", "resolution": 8}, "did you mean 'FashionMNIST'?"),
    "colour": ({"source": "folder", "root": "x", "resolution": 8, "background": "whit"}, "datasets.mine.background: unknown color"),
}  # fmt: skip


@pytest.mark.parametrize("case", SOURCES)
def test_bad_datasets_are_refused(case: str) -> None:
    options, expected = SOURCES[case]
    with pytest.raises(InputError) as raised:
        source_config({"datasets": {"mine": options}}, "mine")
    assert expected in str(raised.value)


def test_a_stages_own_options_go_over_the_common_ones() -> None:
    params = copy.deepcopy(TINY)
    params["progan"]["stages"]["r8"]["tricks"] = {"drift": None, "gradient_penalty": {"target": 750}}
    tricks = {type(t).__name__: t.model_dump() for t in stage_config(params, "progan", "r8").tricks.others}
    assert "Drift" not in tricks
    assert tricks["GradientPenalty"] == {"weight": 10.0, "every": 2, "target": 750.0, "one_sided": False}


def test_a_resolved_configuration_is_a_configuration() -> None:
    config = stage_config(TINY, "progan", "r8")
    assert type(config).model_validate(config.resolved()) == config


def test_params_that_are_missing_or_no_yaml_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no .*params.yaml here; run this in the project's root folder"):
        read_params(tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_text("progan: {common: [")
    with pytest.raises(InputError, match="is not valid YAML"):
        read_params(tmp_path / "params.yaml")


def test_the_shipped_configuration_is_valid() -> None:
    params = read_params(ROOT / "params.yaml")
    for name in stage_names(params, "progan"):
        stage_config(params, "progan", name)
    for name in params["datasets"]:
        source_config(params, name)


def test_a_folder_source_has_sensible_defaults() -> None:
    source = source_config({"datasets": {"m": {"source": "folder", "root": "photos", "resolution": 64}}}, "m")
    assert isinstance(source, FolderSource) and source.channels is None and source.max_damaged == 0.01
