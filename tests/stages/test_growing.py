"""Growing belongs to a network: at alpha 0, a grown stage's networks are those of its parent, for every network that grows."""

from typing import Any

import pytest
import torch

from espalier.data.errors import InputError
from espalier.models.layers import double
from espalier.stages.config.load import stage_config
from espalier.stages.networks.build import build_networks, grow
from espalier.stages.networks.handing_over import check_image, check_layers, differing_tricks
from espalier.stages.networks.known import NETWORKS
from espalier.stages.tricks.catalogue import TRICKS as KNOWN
from espalier.stages.tricks.parts import Networks
from tests.stages.test_tricks_together import OPTIONS

CPU = torch.device("cpu")
DATASET = "artifacts/datasets/dolls"
DCGAN = {"name": "dcgan", "latent": 8, "largest": 16}
WIDTHS = [{"generator_width": width, "discriminator_width": width} for width in (8, 4)]
RESNET = {"name": "resnet", "latent": 8, "generator_width": 6, "discriminator_width": 6}
PROGAN = {"name": "progan", "latent": 8, "base": 64, "largest": 8}
R3GAN = {"name": "r3gan", "latent": 8, "base": 64, "largest": 8}
STYLEGAN2 = {"name": "stylegan2", "latent": 8, "base": 64, "largest": 8, "style": 8}
GROWING: dict[str, tuple[int, dict[str, Any], dict[str, Any]]] = {
    "progan": (8, PROGAN, PROGAN),
    **{
        f"dcgan {up}": (8, DCGAN | WIDTHS[0] | {"up": up}, DCGAN | WIDTHS[1] | {"up": up})
        for up in ("transposed", "nearest", "pixelshuffle")
    },
    "dcgan, normed first layer": (
        8,
        DCGAN | WIDTHS[0] | {"norm_first_layer": True},
        DCGAN | WIDTHS[1] | {"norm_first_layer": True},
    ),
    "dcgan from 16": (16, DCGAN | WIDTHS[0], DCGAN | WIDTHS[1]),
    "resnet": (16, RESNET, RESNET),
    "r3gan": (8, R3GAN, R3GAN),
    "stylegan2": (8, STYLEGAN2, STYLEGAN2),
}
TRICKS: dict[str, dict[str, Any]] = {
    "plain": {},
    "spectral_norm": {"spectral_norm": {}},
    "attention": {"self_attention": {"generator": [8], "discriminator": [4]}},
    "stddev": {"minibatch_stddev": {"group": 2}},
    "norm": {"norm": {"generator": "layer", "discriminator": "layer"}},
    "ema": {"ema": {}},
}


def params(resolution: int, parent: dict[str, Any], child: dict[str, Any], tricks: dict[str, Any]) -> dict[str, Any]:
    common = {
        "dataset": DATASET, "batch_size": 4, "kimg": 1, "tricks": {"loss": "hinge", "fade": {"kimg": 0.5}, **tricks},
    }  # fmt: skip
    small = {"network": parent, "resolution": resolution}
    large = {"network": child, "resolution": 2 * resolution, "after": "artifacts/game/small"}
    return {"game": {"common": common, "stages": {"small": small, "large": large}}}


def grown(given: dict[str, Any]) -> tuple[Networks, Networks]:
    """A parent with weights and statistics of its own, and the networks grown from it, at alpha 0."""
    parent = build_networks(stage_config(given, "game", "small"), 3, CPU)
    for module in parent.modules().values():
        for value in module.state_dict().values():
            if value.is_floating_point():
                value.add_(0.1 * torch.rand_like(value))
    child = build_networks(stage_config(given, "game", "large"), 3, CPU)
    grow(child, parent.ema.state_dict(), parent.discriminator.state_dict())
    for networks in (parent, child):
        for module in networks.modules().values():
            module.eval()
    for module in child.modules().values():
        module.alpha = 0.0  # type: ignore[assignment]
    return parent, child


@pytest.mark.parametrize("tricks", TRICKS)
@pytest.mark.parametrize("name", GROWING)
def test_at_alpha_0_the_networks_are_the_parents(name: str, tricks: str) -> None:
    if name in ("r3gan", "stylegan2") and tricks in ("spectral_norm", "attention", "norm"):
        with pytest.raises(InputError, match=f"cannot be used in network {name}"):
            grown(params(*GROWING[name], TRICKS[tricks]))
        return
    parent, child = grown(params(*GROWING[name], TRICKS[tricks]))
    latent, images = torch.randn(4, 8), torch.randn(4, 3, GROWING[name][0], GROWING[name][0])
    before = parent.ema(latent, None)
    for generator in (child.generator, child.ema):
        torch.testing.assert_close(generator(latent, None), double(before), rtol=0, atol=1e-6)
    torch.testing.assert_close(child.discriminator(double(images)), parent.discriminator(images), rtol=1e-5, atol=1e-5)
    child.generator.alpha = 1.0  # type: ignore[assignment]
    assert (child.generator(latent, None) - double(before)).abs().max() > 1e-3


@pytest.mark.parametrize("name", GROWING)
def test_every_weight_of_the_parent_is_taken_over(name: str) -> None:
    parent, child = grown(params(*GROWING[name], {}))
    for one, other in ((parent.ema, child.generator), (parent.discriminator, child.discriminator)):
        there = other.state_dict()
        for key, value in one.state_dict().items():
            assert torch.equal(there[key], value), key


@pytest.mark.parametrize(
    ("resolution", "parent", "child", "said"),
    [
        (
            8,
            DCGAN | WIDTHS[0],
            DCGAN | WIDTHS[0],
            "network.generator_width: 8 is not half the 8 of its parent, .* use 4",
        ),
        (8, RESNET, RESNET, "no block between 8 and 16; start the chain at 16"),
        (16, RESNET, RESNET | {"generator_width": 8}, "network.generator_width: 8 differs from the 6 of its parent"),
        (16, PROGAN, DCGAN, "network.name: dcgan differs from the progan of its parent"),
    ],
)
def test_a_parent_that_cannot_be_grown_is_refused(
    resolution: int, parent: dict[str, Any], child: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        stage_config(params(resolution, parent, child, {}), "game", "large")


def test_all_networks_of_images_grow() -> None:
    grow_now = {name for name, network in NETWORKS.items() if network.from_parent == "weights"}
    assert grow_now == {"progan", "dcgan", "resnet", "r3gan", "stylegan2"}


# Tricks that are added, removed or changed between parent and child.


def pair(network: str, before: dict[str, Any], after: dict[str, Any]) -> tuple[Networks, Networks]:
    """A parent with these tricks, and its child with those, which takes over what is the parent's, as a training does.

    Raises:
        InputError: the pair is refused.
    """
    given = params(*GROWING[network], {})
    given["game"]["stages"]["small"]["tricks"], given["game"]["stages"]["large"]["tricks"] = before, after
    configs = [stage_config(given, "game", stage) for stage in ("small", "large")]
    parent, child = (build_networks(config, 3, CPU, 3) for config in configs)
    for module in parent.modules().values():
        for value in module.state_dict().values():
            if value.is_floating_point():
                value.add_(0.1 * torch.rand_like(value))
    differ = differing_tricks(configs[1].tricks.resolved(), configs[0].tricks.resolved())
    check_layers(child.generator.state_dict(), parent.ema.state_dict(), "generator", differ)
    check_layers(child.discriminator.state_dict(), parent.discriminator.state_dict(), "discriminator", differ)
    grow(child, parent.ema.state_dict(), parent.discriminator.state_dict())
    check_image(child, parent.ema, torch.randn(4, 8), torch.arange(4) % 3, differ)
    return parent, child


ASKED = ("perceptual", "reconstruction", "matching_aware", "fade")
CHANGED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    **{f"{name} added": ({}, {name: OPTIONS.get(name, {})}) for name in KNOWN if name not in ASKED},
    **{f"{name} removed": ({name: OPTIONS.get(name, {})}, {}) for name in KNOWN if name not in ASKED},
    "norm changed": ({"norm": {"generator": "layer"}}, {"norm": {"generator": "instance"}}),
    "norm taken away": ({"norm": {"generator": "layer"}}, {"norm": {"generator": "none"}}),
    "attention elsewhere": ({"self_attention": {"generator": [8]}}, {"self_attention": {"generator": [4]}}),
    "other spectral norm": ({"spectral_norm": "both"}, {"spectral_norm": "discriminator"}),
}


@pytest.mark.parametrize("change", CHANGED)
@pytest.mark.parametrize("network", ["progan", "dcgan transposed", "resnet"])
def test_a_changed_trick_hands_over_whole_or_is_refused(network: str, change: str) -> None:
    try:
        parent, child = pair(network, *CHANGED[change])
    except InputError as refused:
        assert str(refused)
        return
    for networks in (parent, child):
        for module in networks.modules().values():
            module.eval()
    child.generator.alpha = 0.0  # type: ignore[assignment]
    latent, labels = torch.randn(4, 8), torch.arange(4) % 3
    made, wanted = child.generator(latent, labels), double(parent.ema(latent, labels))
    torch.testing.assert_close(made, wanted, rtol=0, atol=2e-3)
    before, after = parent.discriminator.state_dict(), child.discriminator.state_dict()
    shared = before.keys() & after.keys()
    assert len(shared) >= 4 and all(torch.equal(before[name], after[name]) for name in shared)


@pytest.mark.parametrize(
    ("network", "change", "said"),
    [
        ("progan", "spectral_norm added", "conv as bias, weight, this stage as bias, weight.0._u"),
        ("progan", "norm changed", ""),
        ("resnet", "spectral_norm removed", "tricks.spectral_norm. Give both stages the same tricks on networks"),
        ("dcgan transposed", "norm taken away", ""),
        ("progan", "norm taken away", "would not give its parent's images"),
    ],
)
def test_what_cannot_be_handed_over_is_refused_with_the_trick(network: str, change: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        pair(network, *CHANGED[change])
