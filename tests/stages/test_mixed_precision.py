"""Training in bfloat16, as on a GPU: on the CPU, whose autocast differs in resizing, which is made as on a GPU."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from espalier.data.errors import InputError
from espalier.data.store import Store
from espalier.models import processes, r3gan, stylegan2
from espalier.models.hidden import Hidden
from espalier.models.norms import BatchNorm, ConditionalBatchNorm
from espalier.stages.config.stage import StageConfig
from espalier.stages.loop import game
from espalier.stages.networks.build import build_networks
from espalier.stages.tricks.catalogue import TRICKS
from espalier.stages.tricks.minibatch_discrimination import Similarity
from espalier.stages.tricks.parts import Networks
from espalier.stages.tricks.spectral_norm import SpectralNorm
from espalier.stages.tricks.virtual_batch_norm import VirtualBatchNorm
from tests.stages.test_tricks_together import NETWORKS, OPTIONS, classed, configured  # noqa: F401  (classed is a fixture)
from tests.training import new_trainer


@pytest.fixture(autouse=True)
def _bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    resize = torch.nn.functional.interpolate

    def as_on_cuda(x: torch.Tensor, *arguments: Any, **options: Any) -> torch.Tensor:
        return resize(x.float() if torch.is_autocast_enabled("cpu") else x, *arguments, **options)

    monkeypatch.setattr(torch.nn.functional, "interpolate", as_on_cuda)
    monkeypatch.setattr(game, "precision", lambda device: torch.autocast("cpu", torch.bfloat16))


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("trick", sorted(TRICKS))
def test_every_trick_trains(trick: str, network: str, classed: Store, tmp_path: Path) -> None:  # noqa: F811
    loss = "wgan" if trick == "weight_clipping" else "nonsaturating"
    try:
        config = configured({"loss": loss, trick: OPTIONS.get(trick, {})}, network)
    except InputError as refused:
        pytest.skip(str(refused))
    trainer = new_trainer(config, classed, None, tmp_path)
    for _ in range(2):
        terms = trainer.iterate()
    assert all(torch.isfinite(value) and value.dtype == torch.float32 for value in terms.values()), terms


LAYERS = (Hidden, r3gan.Block, stylegan2.Layer, stylegan2.DownBlock)


@pytest.mark.parametrize("network", ["progan", "dcgan", "resnet", "r3gan", "stylegan2"])
def test_a_fading_network_keeps_its_activations_in_bfloat16(network: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is float32 by accident takes twice the memory, and cannot be blended with what is not."""
    config = configured({"loss": "wgan", "fade": {"kimg": 0.1}}, network)
    config = config.model_copy(update={"resolution": 16})
    monkeypatch.setattr(StageConfig, "grows", True)
    networks = build_networks(config, 3, torch.device("cpu"))
    seen: list[torch.dtype] = []
    for module in (m for n in networks.modules().values() for m in n.modules() if isinstance(m, LAYERS)):
        module.register_forward_hook(lambda module, given, made: seen.append(made.dtype))
    networks.generator.alpha = networks.discriminator.alpha = 0.5  # type: ignore[assignment]
    with torch.autocast("cpu", torch.bfloat16):
        image = networks.generator(torch.randn(4, 4))
        logits = networks.discriminator(image)
    logits.sum().backward()
    assert len(seen) >= 6 and set(seen) == {torch.bfloat16}
    rgb = torch.float32 if network == "stylegan2" else torch.bfloat16  # its RGB outputs add up, in float32 as released
    assert image.dtype == rgb and logits.dtype == torch.float32


# Half a unit in the last of a bfloat16's 8 bits, relative.
ROUNDING = 2**-8


def far_from_zero() -> torch.Tensor:
    """Values whose deviation is small beside their mean, (16, 4, 8, 8), as bfloat16 holds them."""
    return (3 + 0.2 * torch.randn(16, 4, 8, 8, generator=torch.Generator().manual_seed(0))).bfloat16()


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("norm", ["batch", "conditional", "virtual"])
def test_a_norms_statistics_are_not_rounded(norm: str, several: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "several", lambda: several)
    monkeypatch.setattr(processes, "mean", lambda x: x)
    x, labels = far_from_zero(), torch.zeros(16, dtype=torch.int64)
    layer = {"batch": BatchNorm, "conditional": partial(ConditionalBatchNorm, classes=1), "virtual": VirtualBatchNorm}[
        norm
    ](4)
    for name, scale in layer.named_parameters():
        torch.nn.init.ones_(scale) if name in ("weight", "scale.weight", "gamma") else torch.nn.init.zeros_(scale)
    if norm == "virtual":
        layer.looking = True
        layer(x)
        layer.looking = False
    with torch.autocast("cpu", torch.bfloat16):
        made = layer(x, labels)
    wide, over = x.double(), (0, 2, 3)
    mean, square = wide.mean(over, keepdim=True), wide.square().mean(over, keepdim=True)
    if norm == "virtual":  # 16 of the reference, and the sample itself
        mean = (16 * mean + wide.mean((2, 3), keepdim=True)) / 17
        square = (16 * square + wide.square().mean((2, 3), keepdim=True)) / 17
    wanted = (wide - mean) / (square - mean.square() + 1e-5).sqrt()
    torch.testing.assert_close(made.double(), wanted, rtol=ROUNDING, atol=2e-3)
    assert made.dtype == torch.bfloat16


def test_the_spectral_norm_is_computed_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    mv = torch.mv

    def as_on_cuda(matrix: torch.Tensor, vector: torch.Tensor) -> torch.Tensor:
        low = torch.bfloat16 if torch.is_autocast_enabled("cpu") else matrix.dtype
        return mv(matrix.to(low), vector.to(low))

    monkeypatch.setattr(torch, "mv", as_on_cuda)
    torch.manual_seed(0)
    layers = [torch.nn.Linear(48, 32), torch.nn.Conv2d(4, 8, 3), torch.nn.ConvTranspose2d(8, 4, 3)]
    before, none = [layer.weight.detach().clone() for layer in layers], torch.nn.Identity()
    SpectralNorm().change_networks(Networks(none, torch.nn.ModuleList(layers), none))
    with torch.autocast("cpu", torch.bfloat16):
        for _ in range(500):
            normed = [layer.weight for layer in layers]
    for layer, weight, now in zip(layers, before, normed, strict=True):
        matrix = weight.transpose(0, 1) if isinstance(layer, torch.nn.ConvTranspose2d) else weight
        sigma = torch.linalg.matrix_norm(matrix.flatten(1).double(), 2)
        torch.testing.assert_close(now.double(), weight.double() / sigma, rtol=1e-4, atol=1e-6)


def test_similarities_are_computed_in_float32() -> None:
    torch.manual_seed(0)
    layer, f = Similarity(5, 3), torch.randn(6, 20).bfloat16()
    layer.build(20)
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(f)[:, 20:]
    m = (f.double() @ layer.transform.double()).view(6, 5, 3)
    wanted = torch.exp(-(m[:, None] - m[None]).abs().sum(3)).sum(1) - 1
    torch.testing.assert_close(found.double(), wanted, rtol=1e-4, atol=1e-6)
