"""Inception's metrics against torch-fidelity's own on the same images and weights, and what is said when they cannot be had.

No weights are fetched: a network of random ones is written once, as torch-fidelity reads them.
"""

import shutil
import sys
from pathlib import Path
from unittest.mock import patch

import pytest
import torch
from torch import Tensor
from torch.utils.data import Dataset
from torch_fidelity import calculate_metrics
from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3, FeatureExtractorInceptionV3

from espalier.data.errors import InputError
from espalier.data.store import Store
from espalier.stages.evaluation.evaluation import evaluate
from espalier.stages.evaluation.reference import check_counts
from espalier.stages.features.inception import Inception, load_inception
from espalier.stages.metrics.frechet import frechet, moments
from espalier.stages.metrics.inception_score import inception_score
from espalier.stages.metrics.kernel import kernel_distance
from espalier.stages.metrics.manifold import manifold

CPU, PUBLISHED = torch.device("cpu"), URL_INCEPTION_V3.rpartition("/")[2]


class Images(Dataset[Tensor]):
    """Images uint8 (N, 3, R, R) as torch-fidelity takes them."""

    def __init__(self, images: Tensor) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return self.images[index]


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights that keep a signal through all layers, as a file."""
    torch.manual_seed(7)
    with (
        patch("torch_fidelity.feature_extractor_inceptionv3.load_state_dict_from_url", return_value={}),
        patch.object(FeatureExtractorInceptionV3, "load_state_dict"),
    ):
        network = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"])
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
    usual = network(images(4, 0))[0].mean(dim=0)
    usual /= usual.norm()
    torch.nn.init.normal_(network.fc.weight, std=3.0)
    network.fc.weight -= torch.outer(network.fc.weight @ usual, usual)  # so that images differ in class
    torch.nn.init.normal_(network.fc.bias, std=3.0)  # which would be seen, if it were added
    file = tmp_path_factory.mktemp("inception") / "weights.pth"
    torch.save(network.state_dict(), file)
    return file


@pytest.fixture(scope="session")
def inception(weights: Path) -> Inception:
    return load_inception(weights, CPU)


def images(count: int, seed: int) -> Tensor:
    """Coarse random colours, uint8 (count, 3, 16, 16)."""
    rough = torch.randint(0, 256, (count, 3, 4, 4), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)
    return rough.repeat_interleave(4, dim=2).repeat_interleave(4, dim=3)


@pytest.mark.long
def test_metrics_are_torch_fidelitys(weights: Path, inception: Inception) -> None:
    fake, real = images(12, 1), images(12, 2) // 2
    theirs = calculate_metrics(
        input1=Images(fake), input2=Images(real), feature_extractor="inception-v3-compat", verbose=False,
        feature_extractor_weights_path=str(weights), isc=True, isc_splits=2, fid=True, kid=True, prc=True, kid_subsets=1,
        kid_subset_size=12, samples_shuffle=False, cuda=False, cache=False, save_cpu_ram=True,
    )  # fmt: skip
    of_fake, of_real = inception(fake), inception(real)
    assert of_fake.shape == (12, 2048) and float(of_fake.std(dim=0).mean()) > 0.01
    score, spread = inception_score(inception.logits(of_fake).double().softmax(dim=1), splits=2)
    assert score > 1.05
    near = manifold(of_real, of_fake)
    for name, ours in {
        "frechet_inception_distance": frechet(moments(of_real), moments(of_fake)),
        "kernel_inception_distance_mean": kernel_distance(of_real, of_fake)[0],
        "inception_score_mean": score,
        "inception_score_std": spread,
        "precision": near.precision,
        "recall": near.recall,
    }.items():
        assert ours == pytest.approx(theirs[name], rel=1e-4, abs=1e-6), name


def test_grey_images_are_repeated_to_three_channels(inception: Inception) -> None:
    grey = images(2, 3)[:, :1]
    torch.testing.assert_close(inception(grey), inception(grey.repeat(1, 3, 1, 1)))


def test_evaluate_names_the_metrics_as_papers_do(store: Store, inception: Inception, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="20 images are too few for 2048 features; use 100 or"):
        check_counts(store, inception, 20)
    with pytest.MonkeyPatch.context() as here:
        here.chdir(tmp_path)
        here.setattr(Inception, "least", 10)  # as few as can be waited for here
        here.setattr(
            "espalier.stages.metrics.frechet.frechet", lambda one, other: float(one.count)
        )  # takes long, and is tested above
        found = evaluate(images(10, 4), store, inception)
    assert {"fid", "kid", "kid_std", "is", "is_std", "precision", "recall"} <= set(found.metrics) == set(found.floors)
    assert found.metrics["fid"] == 10 and "modes" not in found.metrics
    assert found.about["resizer"] == "Inception's own, bilinear as in TensorFlow 1, from 16 to 299"
    assert found.about["features"] == f"inception:{inception.digest}"
    assert len(found.notes) == 1 and "10 images are fewer than the 2049" in found.notes[0]


def test_weights_that_cannot_be_used_are_told_from_each_other(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    kept = tmp_path / "checkpoints" / PUBLISHED
    with pytest.raises(InputError, match=f"are not at {kept}. Nothing is downloaded: take {PUBLISHED} from .* fid_loc"):
        load_inception(None, CPU)
    kept.parent.mkdir()
    shutil.copy(weights, kept)
    with pytest.raises(InputError, match="is damaged: its SHA-256 starts with ........, but its name says 6726"):
        load_inception(None, CPU)
    for content in (weights.read_bytes()[:100_000], b"<html>Not found</html>", b""):
        (tmp_path / "half.pth").write_bytes(content)
        with pytest.raises(InputError, match="half.pth cannot be read as weights: .* torch-fidelity's releases"):
            load_inception(tmp_path / "half.pth", CPU)
    for content in ({"fc.weight": torch.zeros(1008, 2048)}, [1, 2]):
        torch.save(content, tmp_path / "other.pth")
        with pytest.raises(InputError, match="other.pth does not hold weights of this Inception"):
            load_inception(tmp_path / "other.pth", CPU)
    with (
        patch.dict(sys.modules, {"torch_fidelity": None}),
        pytest.raises(InputError, match=r"'espalier-gan\[inception\]'"),
    ):
        load_inception(weights, CPU)
