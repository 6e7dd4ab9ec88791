"""Training in bfloat16, as on a GPU: on the CPU, whose autocast differs in resizing, which is made as on a GPU."""

from pathlib import Path
from typing import Any

import pytest
import torch

from espalier.data.errors import InputError
from espalier.data.store import Store
from espalier.models.hidden import Hidden
from espalier.stages.config.stage import StageConfig
from espalier.stages.loop import game
from espalier.stages.networks.build import build_networks
from espalier.stages.tricks.catalogue import TRICKS
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


@pytest.mark.parametrize("network", ["progan", "dcgan", "resnet"])
def test_a_fading_network_keeps_its_activations_in_bfloat16(network: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is float32 by accident takes twice the memory, and cannot be blended with what is not."""
    config = configured({"loss": "wgan", "fade": {"kimg": 0.1}}, network)
    config = config.model_copy(update={"resolution": 16})
    monkeypatch.setattr(StageConfig, "grows", True)
    networks = build_networks(config, 3, torch.device("cpu"))
    seen: list[torch.dtype] = []
    for module in (m for n in networks.modules().values() for m in n.modules() if isinstance(m, Hidden)):
        module.register_forward_hook(lambda module, given, made: seen.append(made.dtype))
    networks.generator.alpha = networks.discriminator.alpha = 0.5  # type: ignore[assignment]
    with torch.autocast("cpu", torch.bfloat16):
        image = networks.generator(torch.randn(4, 4))
        logits = networks.discriminator(image)
    logits.sum().backward()
    assert len(seen) >= 6 and set(seen) == {torch.bfloat16}
    assert image.dtype == torch.bfloat16 and logits.dtype == torch.float32
