"""The tricks that live in networks, optimisers and the order of moves, each against an independent source."""

import copy
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.games import DiracDiscriminator, DiracGenerator
from espalier.data.errors import InputError
from espalier.data.store import Store
from espalier.stages.kinds.batches import Batches
from espalier.stages.kinds.conditions import Classes
from espalier.stages.loop.game import Game
from espalier.stages.loop.trainer import Trainer
from espalier.stages.tricks.acgan import Acgan
from espalier.stages.tricks.catalogue import in_order
from espalier.stages.tricks.context import draw_latents
from espalier.stages.tricks.gradient_penalty import GradientPenalty
from espalier.stages.tricks.historical_averaging import HistoricalAveraging
from espalier.stages.tricks.loss import Loss
from espalier.stages.tricks.minibatch_discrimination import Similarity
from espalier.stages.tricks.minimax import Minimax
from espalier.stages.tricks.noisy_labels import NoisyLabels
from espalier.stages.tricks.nonsaturating import NonSaturating
from espalier.stages.tricks.optimizers import CLASSES
from espalier.stages.tricks.parts import Needs, Networks, Player, Targets, View
from espalier.stages.tricks.r1 import R1
from espalier.stages.tricks.r2 import R2
from espalier.stages.tricks.ramp import Ramp
from espalier.stages.tricks.relativistic import Relativistic
from espalier.stages.tricks.replay import Replay
from espalier.stages.tricks.self_attention import Attention
from espalier.stages.tricks.simultaneous import Simultaneous
from espalier.stages.tricks.spectral_norm import SpectralNorm
from espalier.stages.tricks.step import Players, Step
from espalier.stages.tricks.trick import Trick
from espalier.stages.tricks.unrolled import Unrolled
from espalier.stages.tricks.virtual_batch_norm import VirtualBatchNorm
from espalier.stages.tricks.weight_clipping import WeightClipping
from espalier.stages.tricks.wgan import Wgan
from espalier.stages.tricks.zero_centered_penalty import ZeroCenteredPenalty
from espalier.stages.types.inputs import check_inputs
from tests.stages.conftest import MakeConfig, MakeTrainer
from tests.stages.test_trainer import assert_same, weights
from tests.stages.test_tricks import CPU, context, step_of
from tests.training import new_trainer, run

DCGAN = {"name": "dcgan", "latent": 8, "generator_width": 4, "discriminator_width": 4}
PLAIN = {"gradient_penalty": None, "drift": None, "minibatch_stddev": None, "fade": None, "ema": None}


def changes(**tricks: Any) -> dict[str, Any]:
    """These tricks alone."""
    return {"tricks": {"loss": "nonsaturating", **PLAIN, **tricks}}


def built(make_trainer: MakeTrainer, network: dict[str, Any], **tricks: Any) -> Trainer:
    """A trainer of another network at 8x8 with these tricks alone."""
    return make_trainer({"network": network, "resolution": 8, **changes(**tricks)})


# Spectral norm.


def sigma(weight: Tensor, transposed: bool = False) -> float:
    matrix = weight.detach().transpose(0, 1) if transposed else weight.detach()
    return float(np.linalg.svd(matrix.flatten(1).numpy(), compute_uv=False)[0])


@pytest.mark.parametrize("network", ["dcgan", "resnet", "progan"])
def test_spectral_norm_divides_by_the_largest_singular_value(make_trainer: MakeTrainer, network: str) -> None:
    widths = {"progan": {"latent": 8, "base": 64, "largest": 8}, "dcgan": DCGAN}
    narrow = {"latent": 8, "generator_width": 8, "discriminator_width": 8}
    options = {"name": network, **widths.get(network, narrow)}
    trainer = built(make_trainer, options, spectral_norm="both")
    count = 0
    for net in (trainer.networks.discriminator, trainer.networks.generator):
        for module in net.modules():
            if hasattr(module, "parametrizations"):
                for _ in range(200):
                    weight = module.weight
                assert sigma(weight, isinstance(module, nn.ConvTranspose2d)) == pytest.approx(1, abs=1e-3)
                count += 1
    assert count >= 5


def test_spectral_norms_gradient_goes_through_sigma() -> None:
    layer = nn.Linear(4, 3, bias=False).double()
    networks = Networks(nn.Identity(), nn.Sequential(layer), nn.Identity())
    SpectralNorm().change_networks(networks)
    for _ in range(200):
        _ = layer.weight
    layer.eval()  # no more iterations
    for module in layer.modules():
        module.eval()
    original, x = layer.parametrizations.weight.original, torch.randn(5, 4, dtype=torch.float64)
    (found,) = torch.autograd.grad(layer(x).square().sum(), original)
    for i, j in ((0, 0), (2, 3)):
        each = []
        for sign in (1, -1):
            moved = original.detach().clone()
            moved[i, j] += sign * 1e-6
            each.append((x @ (moved / sigma(moved)).T).square().sum().item())
        assert found[i, j].item() == pytest.approx((each[0] - each[1]) / 2e-6, rel=1e-4)


@pytest.mark.parametrize("in_generator_step", [False, True])
def test_power_iteration_goes_on_in_the_generators_step_only_if_asked(
    make_trainer: MakeTrainer, in_generator_step: bool
) -> None:
    trainer = built(make_trainer, DCGAN, spectral_norm={"in_generator_step": in_generator_step})
    trainer.iterate()
    at, real = trainer.context(), trainer.batches.at(0, 8)

    def u() -> list[Tensor]:
        return [b.clone() for n, b in trainer.networks.discriminator.named_buffers() if n.endswith("_u")]

    before = u()
    trainer.game.generator_step(at, lambda: real, 8)
    moved = any(not torch.equal(a, b) for a, b in zip(before, u(), strict=True))
    assert moved == in_generator_step
    trainer.game.discriminator_step(at, real)
    assert any(not torch.equal(a, b) for a, b in zip(before, u(), strict=True))


# Self-attention, minibatch discrimination, virtual batch norm.


def test_attention_is_the_identity_at_first_and_learns() -> None:
    layer, x = Attention(16), torch.randn(2, 16, 8, 8)
    assert torch.equal(layer(x), x)
    assert layer.weights(x).shape == (2, 64, 16)
    torch.testing.assert_close(layer.weights(x).sum(2), torch.ones(2, 64))
    layer(x).square().sum().backward()
    assert layer.gamma.grad is not None and layer.gamma.grad.abs() > 0


def test_attention_at_one_place_is_the_papers_sum() -> None:
    layer, x = Attention(8).double(), torch.randn(1, 8, 4, 4, dtype=torch.float64)
    nn.init.constant_(layer.gamma, 0.7)
    f, g, h = layer.f(x)[0], F.max_pool2d(layer.g(x), 2)[0], F.max_pool2d(layer.h(x), 2)[0]
    scores = torch.stack([(f[:, 1, 2] * g[:, i, j]).sum() for i in range(2) for j in range(2)])
    shares = scores.exp() / scores.exp().sum()
    seen = sum(share * h[:, i // 2, i % 2] for i, share in enumerate(shares))
    expected = x[0, :, 1, 2] + 0.7 * layer.v.weight[:, :, 0, 0] @ seen
    torch.testing.assert_close(layer(x)[0, :, 1, 2], expected)


def test_minibatch_discrimination_is_the_papers_double_sum() -> None:
    layer = Similarity(kernels=3, dimensions=2)
    layer.build(4)
    f = torch.randn(5, 4)
    m = (f @ layer.transform).reshape(5, 3, 2)
    expected = torch.zeros(5, 3)
    for i in range(5):
        for j in range(5):
            if i != j:
                expected[i] += torch.exp(-(m[i] - m[j]).abs().sum(1))
    out = layer(f)
    torch.testing.assert_close(out[:, 4:], expected)
    assert torch.equal(out[:, :4], f)
    order = torch.randperm(5)
    torch.testing.assert_close(layer(f[order]), out[order])
    twice = layer(torch.cat([f, f[:1]]))
    assert (twice[0, 4:] > out[0, 4:] + 0.99).all(), "a duplicate adds 1 to each similarity"


def test_virtual_batch_norm_leaves_live_samples_apart_and_heeds_reference_and_weights(
    make_trainer: MakeTrainer,
) -> None:
    generator = built(make_trainer, DCGAN, virtual_batch_norm=6).networks.generator
    z = torch.randn(4, 8)
    with torch.no_grad():
        alone, together = generator(z[:1]), generator(z)
        torch.testing.assert_close(alone, together[:1], rtol=1e-4, atol=1e-5)
        generator.reference.add_(1.0)
        assert (generator(z[:1]) - alone).abs().max() > 1e-3
        generator.reference.sub_(1.0)
        generator.start.weight[:, 0].mul_(3)  # type: ignore[union-attr]
        assert (generator(z[:1]) - alone).abs().max() > 1e-3


def test_virtual_batch_norm_is_the_papers_formula() -> None:
    norm = VirtualBatchNorm(3)
    reference, x = torch.randn(6, 3, 4, 4), torch.randn(2, 3, 4, 4)
    norm.looking = True
    of_reference = norm(reference)
    norm.looking = False
    y = norm(x)
    for i, c in ((0, 0), (1, 2)):
        m = (6 * reference[:, c].mean() + x[i, c].mean()) / 7
        m2 = (6 * reference[:, c].square().mean() + x[i, c].square().mean()) / 7
        expected = norm.gamma[c] * (x[i, c] - m) / (m2 - m * m + 1e-5).sqrt() + norm.beta[c]
        torch.testing.assert_close(y[i, c], expected, rtol=1e-4, atol=1e-5)
    own = (reference[:, 0] - reference[:, 0].mean()) / (reference[:, 0].var(correction=0) + 1e-5).sqrt()
    torch.testing.assert_close(of_reference[:, 0], norm.gamma[0] * own, rtol=1e-4, atol=1e-5)


# Unrolling, against a game of two numbers.

RATE = 0.3


def dirac_game(loss: Loss, tricks: list[Trick], kind: str = "sgd", **options: Any) -> Game:
    """The Dirac-GAN from (1, 1) under one optimiser."""
    generator, discriminator = DiracGenerator(), DiracDiscriminator()
    networks = Networks(generator, discriminator, generator)
    players: dict[Player, torch.optim.Optimizer] = {
        "generator": CLASSES[kind](generator.parameters(), lr=RATE, **options),  # type: ignore[call-arg]
        "discriminator": CLASSES[kind](discriminator.parameters(), lr=RATE, **options),  # type: ignore[call-arg]
    }
    return Game(networks, loss, in_order(tricks), players)


def generator_gradient(game: Game) -> float:
    game._move = lambda player, context: None  # type: ignore[method-assign]
    game.generator_step(context(), lambda: torch.zeros(4, 1), 4)
    gradient: Tensor = game.networks.generator.theta.grad  # type: ignore[union-attr, assignment]
    return float(gradient)


def test_one_unrolled_step_of_descent_by_hand() -> None:
    """WGAN: D descends psi theta, so psi' = psi - r theta; G descends -psi' theta, so its gradient is -psi + 2 r theta."""
    assert generator_gradient(dirac_game(Wgan(), [Unrolled(steps=1)])) == pytest.approx(-1 + 2 * RATE)
    assert generator_gradient(dirac_game(Wgan(), [Unrolled(steps=0)])) == pytest.approx(-1)
    two = dirac_game(Wgan(), [Unrolled(steps=2)])
    assert generator_gradient(two) == pytest.approx(-1 + 4 * RATE)


@pytest.mark.parametrize("loss", [Minimax(), NonSaturating()])
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("sgd", {"momentum": 0.5}),
        ("sgd", {}),
        ("adam", {"betas": (0.5, 0.9)}),
        ("rmsprop", {"alpha": 0.9}),
        ("rmsprop", {"momentum": 0.4}),
    ],
)
def test_the_unrolled_gradient_is_that_of_really_taking_the_steps(
    loss: Loss, kind: str, options: dict[str, Any]
) -> None:
    """Finite differences of G's loss after k steps of torch's own optimiser, its state included."""
    steps = 3

    def warmed() -> Game:
        game = dirac_game(loss, [], kind, **options)
        game.networks.generator.double(), game.networks.discriminator.double()
        for _ in range(2):  # so that the optimiser has a state
            game.discriminator_step(context(), torch.zeros(4, 1, dtype=torch.float64))
        return game

    def ahead(theta: float) -> float:
        game = warmed()
        discriminator, optimizer = game.networks.discriminator, game.optimizers["discriminator"]
        fake = torch.full((4, 1), theta, dtype=torch.float64)
        for _ in range(steps):
            optimizer.zero_grad()
            loss.discriminator(discriminator(torch.zeros_like(fake)), discriminator(fake), Targets()).backward()
            optimizer.step()
        return float(loss.generator(discriminator(fake), None))

    game = warmed()
    trick = Unrolled(steps=steps)
    theta = torch.ones(4, 1, dtype=torch.float64, requires_grad=True)
    discriminator = game.networks.discriminator
    players = Players(
        game.networks, discriminator, game.optimizers, None,
        lambda r, f: loss.discriminator(r, f, Targets()), lambda f: loss.on_fakes(f, Targets()),
    )  # fmt: skip
    step = Step(
        "generator", context(), discriminator, lambda: torch.zeros(4, 1, dtype=torch.float64), theta, Needs(), players
    )
    ahead_of_it = trick.generators_discriminator(discriminator, step)
    logits = ahead_of_it(theta)
    (found,) = torch.autograd.grad(loss.generator(logits, None), theta)
    # That discriminator answers in double; Step's own logits are float32, so f here differs from ahead() by rounding only.
    expected = (ahead(1 + 1e-4) - ahead(1 - 1e-4)) / 2e-4
    assert float(found.sum()) == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize("extra", [{}, {"spectral_norm": {}}, {"norm": {"discriminator": "batch"}}])
def test_unrolling_leaves_the_discriminator_its_buffers_and_its_optimiser_alone(
    make_trainer: MakeTrainer, extra: dict[str, Any]
) -> None:
    plain = built(
        make_trainer, {**DCGAN}, unrolled=3, norm={"discriminator": "none"}, **({} if "norm" in extra else extra)
    )
    plain.iterate()
    before = weights(plain)
    plain.game._move = lambda player, context: None  # type: ignore[method-assign]
    plain.game.generator_step(plain.context(), lambda: plain.batches.at(0, 8), 8)
    after = weights(plain)
    mine = [name for name in before if name.startswith("discriminator.")]
    assert mine and all(torch.equal(before[name], after[name]) for name in mine)
    assert all(p.requires_grad for p in plain.networks.discriminator.parameters())


@pytest.mark.parametrize(("name", "nothing"), [("unrolled", 0), ("packing", 1)])
def test_k_0_and_m_1_are_plain_training_bit_for_bit(make_trainer: MakeTrainer, name: str, nothing: int) -> None:
    plain = run(make_trainer({"kimg": 0.2}, folder="plain"))
    assert_same(plain, run(make_trainer({"kimg": 0.2, "tricks": {name: nothing}}, folder="with")))


# Who moves when.


def test_simultaneous_moves_see_the_same_weights() -> None:
    """WGAN on the Dirac-GAN: theta' = theta + r psi, psi' = psi - r theta; alternating, theta' sees psi'."""
    for tricks, seen in (([Simultaneous()], 1.0), ([], 1 - RATE)):
        game = dirac_game(Wgan(), list(tricks))
        game.discriminator_step(context(), torch.zeros(4, 1))
        game.generator_step(context(), lambda: torch.zeros(4, 1), 4)
        assert game.networks.discriminator.psi.item() == pytest.approx(1 - RATE)  # type: ignore[operator, union-attr]
        assert game.networks.generator.theta.item() == pytest.approx(1 + RATE * seen)  # type: ignore[operator, union-attr]


@pytest.mark.parametrize(("penalty", "converges"), [(None, False), (R1(weight=1), True), (GradientPenalty(), False)])
@pytest.mark.parametrize("loss", [Minimax(), NonSaturating(), Wgan()])
def test_the_dirac_gan_converges_with_r1_alone(loss: Loss, penalty: Trick | None, converges: bool) -> None:
    game = dirac_game(loss, [Simultaneous(), *([penalty] if penalty else [])])
    for optimizer in game.optimizers.values():
        optimizer.param_groups[0]["lr"] = 0.1
    for step in range(500):
        game.discriminator_step(context(step), torch.zeros(4, 1))
        game.generator_step(context(step), lambda: torch.zeros(4, 1), 4)
    theta, psi = game.networks.generator.theta.item(), game.networks.discriminator.psi.item()  # type: ignore[operator, union-attr]
    distance = math.hypot(theta, psi)
    assert (distance < 1e-4) == converges
    if penalty is None:  # computed apart from this code
        expected = {"minimax": 2.18, "nonsaturating": 0.52, "wgan": 17.0}[loss.name]
        assert distance == pytest.approx(expected, rel=0.01)


def test_the_warm_rates_of_a_ramp() -> None:
    ramp = Ramp(up_kimg=40, down_from_kimg=100, down_to_kimg=300)
    expected = {0: math.exp(-5), 20_000: math.exp(-5 / 4), 40_000: 1.0, 100_000: 1.0, 200_000: 0.5, 300_000: 0.0}
    for images, factor in expected.items():
        assert ramp.learning_rate("generator", context(images=images)) == pytest.approx(factor)


@pytest.mark.parametrize(
    ("name", "cls"), [("sgd", torch.optim.SGD), ("rmsprop", torch.optim.RMSprop), ("adam", torch.optim.Adam)]
)
def test_each_player_can_have_its_optimiser(make_trainer: MakeTrainer, name: str, cls: type) -> None:
    choice = {"name": name, "learning_rate": 0.25}
    trainer = make_trainer({"tricks": {"optimizers": {"discriminator": choice}}})
    mine, other = trainer.game.optimizers["discriminator"], trainer.game.optimizers["generator"]
    assert type(mine) is cls and mine.param_groups[0]["lr"] == 0.25
    assert type(other) is torch.optim.Adam and other.param_groups[0]["betas"] == (0.0, 0.99)


def test_weight_clipping_puts_every_parameter_into_the_box(make_trainer: MakeTrainer) -> None:
    trainer = built(make_trainer, DCGAN, loss="wgan", weight_clipping=0.01, norm={"discriminator": "none"})
    trainer.iterate()
    largest = [p.abs().max().item() for p in trainer.networks.discriminator.parameters()]
    assert max(largest) <= 0.01 + 1e-9 and WeightClipping().c == 0.01
    assert max(p.abs().max().item() for p in trainer.networks.generator.parameters()) > 0.01


# Terms and signals.


def test_r3gans_objective_is_a_plain_combination() -> None:
    """Relativistic paired softplus with R1 and R2 of gamma / 2 each, on a linear critic (Huang et al., 2024)."""
    slope, gamma = torch.randn(3, 4, 4, dtype=torch.float64), 3.0
    real, fake = torch.randn(6, 3, 4, 4, dtype=torch.float64), torch.randn(6, 3, 4, 4, dtype=torch.float64)

    def critic(x: Tensor) -> Tensor:
        return (x * slope).sum((1, 2, 3))

    loss = Relativistic(form="paired").wrap_loss(NonSaturating())
    step = step_of(critic, real.requires_grad_(), fake.requires_grad_(), Needs(True, True))
    penalty = R1(weight=gamma).weight * R1().discriminator_term(step) + gamma * R2().discriminator_term(step)
    found = loss.discriminator(critic(real), critic(fake), Targets()) + penalty
    expected = F.softplus(critic(fake) - critic(real)).mean() + gamma / 2 * 2 * slope.square().sum()
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(
        loss.generator(critic(fake), critic(real)), F.softplus(critic(real) - critic(fake)).mean()
    )


def test_the_zero_centred_penalty_of_a_quadratic_critic() -> None:
    real, fake = torch.zeros(500, 3), torch.ones(500, 3)
    found = ZeroCenteredPenalty().discriminator_term(step_of(lambda x: x.square().sum(1) / 2, real, fake))
    assert found.item() == pytest.approx(3 * 1 / 3, rel=0.15)  # E ||x||^2 on the line from 0 to 1: 3 E eps^2
    assert ZeroCenteredPenalty().weight == 10


def test_historical_averaging_is_the_distance_to_the_mean_of_all_that_was() -> None:
    network = nn.Linear(2, 1, bias=False)
    networks = Networks(nn.Linear(1, 1), network, nn.Identity())
    trick, seen = HistoricalAveraging(), []
    players: Any = Players(networks, network, {}, None, lambda r, f: r, lambda f: f)
    step: Any = Step("discriminator", context(), network, lambda: torch.zeros(1), torch.zeros(1), Needs(), players)
    assert trick.discriminator_term(step).item() == 0
    for value in ([1.0, 2.0], [3.0, -2.0], [5.0, 0.5]):
        with torch.no_grad():
            network.weight.copy_(torch.tensor([value]))
        seen.append(torch.tensor([value]))
        trick.after_discriminator_step(networks, context())
    expected = (network.weight - torch.stack(seen).mean(0)).square().sum()
    torch.testing.assert_close(trick.discriminator_term(step), expected)
    assert torch.autograd.grad(trick.discriminator_term(step), network.weight)[0].abs().sum() > 0
    again = HistoricalAveraging()
    again.load_state_dict(trick.state_dict())
    torch.testing.assert_close(again.discriminator_term(step), expected)


def test_noisy_labels_are_in_their_ranges_and_sometimes_swapped() -> None:
    drawn = NoisyLabels(flip=0.1).targets(Targets(), View("discriminator", True, context(), 4000))
    real, fake = drawn.real, drawn.fake
    assert isinstance(real, Tensor) and isinstance(fake, Tensor)
    flipped = real <= 0.3
    assert flipped.double().mean().item() == pytest.approx(0.1, abs=0.02)
    assert ((real[~flipped] >= 0.7) & (real[~flipped] <= 1.2)).all()
    assert real[~flipped].mean().item() == pytest.approx(0.95, abs=0.01)
    assert fake[fake <= 0.3].mean().item() == pytest.approx(0.15, abs=0.01)


def test_replay_shows_old_fakes_in_half_the_places() -> None:
    trick, shares = Replay(size=50), []
    for step in range(60):
        new = torch.full((16, 1, 2, 2), float(step))
        shown = trick.fakes(new, View("discriminator", False, context(step)))
        assert shown.shape == new.shape and (shown <= step).all()
        if step >= 5:
            shares.append((shown[:, 0, 0, 0] < step).double().mean().item())
    assert np.mean(shares) == pytest.approx(0.5, abs=0.08)
    assert trick.state_dict()["pool"].shape == (50, 1, 2, 2)


def test_past_players_are_played_against(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer({"tricks": {"past_players": {"every": 2, "share": 0.99, "keep": 2}}})
    for _ in range(7):
        trainer.iterate()
    (trick,) = (t for t in trainer.game.tricks if t.name == "past_players")
    past = trick.opponent(trainer.networks.generator, "discriminator", trainer.context())
    assert past is not trainer.networks.generator
    kept = [state["generator"]["conv.weight"] for state in trick.state_dict()["kept"]]
    assert len(kept) == 2
    assert any(torch.equal(past.state_dict()["conv.weight"], one) for one in kept)


def test_latents_of_both_priors() -> None:
    normal, uniform = (draw_latents(context(), (5000, 2), prior, "x") for prior in ("normal", "uniform"))
    assert normal.std().item() == pytest.approx(1, abs=0.03) and normal.abs().max() > 2
    assert uniform.abs().max() <= 1 and uniform.std().item() == pytest.approx(1 / math.sqrt(3), abs=0.01)


# The six wrong gradient penalties that other repositories had: each must differ from ours.


def quadratic(x: Tensor) -> Tensor:
    return x.square().sum((1, 2, 3)) / 2  # its gradient is x


def test_six_wrong_gradient_penalties_each_fail() -> None:
    real, fake = torch.randn(8, 3, 4, 4), torch.randn(8, 3, 4, 4) + 2
    step = step_of(quadratic, real, fake)
    ours = GradientPenalty().discriminator_term(step).item()
    eps = context().uniform((8, 1, 1, 1), "gradient_penalty")
    x = torch.lerp(real, fake, eps)
    slopes = x.flatten(1).norm(dim=1)
    assert ours == pytest.approx((slopes - 1).square().mean().item(), rel=1e-5), "the right one"
    a_pixel = torch.lerp(real, fake, context().uniform((8, 3, 4, 4), "gradient_penalty")).flatten(1).norm(dim=1)
    normal = torch.lerp(real, fake, context().normal((8, 1, 1, 1), "gradient_penalty")).flatten(1).norm(dim=1)
    squashed = torch.sigmoid(quadratic(x)) * (1 - torch.sigmoid(quadratic(x)))
    wrong = {
        "mixing each pixel by itself": (a_pixel - 1).square().mean(),
        "norm over channels alone": (x.norm(dim=1) - 1).square().mean(),
        "Gaussian mixing weights": (normal - 1).square().mean(),
        "slope of the sigmoid": (slopes * squashed - 1).square().mean(),
        "slopes - 1 not squared": (slopes - 1).mean(),
    }
    for name, value in wrong.items():
        assert abs(value.item() - ours) > 0.05 * ours, name
    at_zero = torch.zeros(4, 3, 2, 2)  # a root without epsilon is NaN here
    weight = torch.zeros(3, 2, 2, requires_grad=True)
    flat = GradientPenalty().discriminator_term(step_of(lambda p: (p * weight).sum((1, 2, 3)), at_zero, at_zero))
    (gradient,) = torch.autograd.grad(flat, weight)
    assert torch.isfinite(gradient).all()


def test_the_sixth_wrong_penalty_is_one_that_is_never_added(make_trainer: MakeTrainer) -> None:
    with_it = make_trainer({"tricks": {"gradient_penalty": {"weight": 10}}}, folder="with")
    without = make_trainer({"tricks": {"gradient_penalty": None}}, folder="without")
    moved = []
    for trainer in (with_it, without):
        said = trainer.game.discriminator_step(trainer.context(), trainer.batches.at(0, 8))
        moved.append(trainer.networks.discriminator.dense.weight.detach().clone())  # type: ignore[union-attr, operator]
    assert not torch.equal(*moved)
    assert "gradient_penalty" not in said


# Classes.


def test_acgan_and_projection_and_packing_by_class(tmp_path: Path) -> None:
    labels = np.arange(60) % 5
    images = np.zeros((60, 4, 4, 3), dtype=np.uint8)
    batches = Batches(images, 0, CPU, conditioning=Classes(labels, 5, CPU), groups=labels, packed=3)
    found = batches.condition_at(0, 12)
    assert isinstance(found, Tensor) and (found.view(3, 4) == found.view(3, 4)[0]).all(), "packs are of one class"
    assert len(set(batches.indices(0, 12).tolist())) > 4
    linear = nn.Linear(6, 5)
    discriminator = nn.Module()
    discriminator.add_module("class_head", linear)
    networks = Networks(nn.Identity(), discriminator, nn.Identity())
    classes, h = torch.tensor([0, 3, 4]), torch.randn(3, 6)

    def critic(x: Tensor, features: list[Tensor] | None = None) -> Tensor:
        if features is not None:
            features.append(h)
        return x.sum((1, 2, 3))

    players: Any = Players(networks, discriminator, {}, classes, lambda r, f: r, lambda f: f)
    x = torch.randn(3, 1, 2, 2)
    step = Step("discriminator", context(), critic, lambda: x, x, Needs(), players)
    expected = -torch.log_softmax(linear(h), 1)[torch.arange(3), classes].mean()
    torch.testing.assert_close(Acgan().discriminator_term(step), 2 * expected)
    torch.testing.assert_close(Acgan(on_fakes=False).discriminator_term(step), expected)
    torch.testing.assert_close(Acgan(generator_weight=0.1).generator_term(step), 0.1 * expected)


def test_the_projections_logit_is_linear_plus_an_inner_product() -> None:
    from espalier.models.ends import Judgement

    end, h, y = Judgement(6, nn.Linear, None, classes=4), torch.randn(5, 6), torch.tensor([0, 1, 2, 3, 0])
    assert end.embed is not None
    expected = end.linear(h).flatten() + torch.stack([end.embed.weight[c] @ row for c, row in zip(y, h, strict=True)])
    torch.testing.assert_close(end(h, None, y), expected)


def test_classes_are_asked_for_where_the_data_have_none(make_config: MakeConfig, store: Store) -> None:
    with pytest.raises(InputError, match="needs the class of each image"):
        check_inputs(make_config("r4", {"tricks": {"projection": {}, "class_embedding": 4}}), store, None)


# What has a state, or draws in its layers, goes on from a checkpoint as if never interrupted.


@pytest.mark.parametrize(
    "tricks",
    [
        {"historical_averaging": {"weight": 0.01}},
        {"replay": {"size": 12}},
        {"past_players": {"every": 3, "share": 0.5}},
        {"spectral_norm": "both"},
        {"norm": {"generator": "batch"}, "ema": {}},
        {"virtual_batch_norm": 4, "ema": {}},
        {"dropout": {"generator": 0.3, "discriminator": 0.2}, "layer_noise": 0.1},
        {"unrolled": 2, "ramp": {"up_kimg": 0.1}},
        {"ada": {"kimg": 0.1}, "lecam": {}},
        {"mirror": {}, "diffaugment": {}},
        {"r1": {"weight": 1}, "schedule": {"r1": {"weight": {"start": 2, "end": 0.2, "kimg": 0.15}}}},
        {"optimizers": {"discriminator": {"name": "sgd", "momentum": 0.9}, "generator": {"name": "rmsprop"}}},
    ],
    ids=lambda tricks: "+".join(tricks),
)
def test_tricks_with_a_state_resume_bit_for_bit(make_trainer: MakeTrainer, tricks: dict[str, Any]) -> None:
    stage = {"kimg": 0.2, **changes(**tricks)}
    whole = run(make_trainer(stage, folder="whole"))
    run(make_trainer(stage, folder="cut"), until=11)
    resumed = make_trainer(stage, folder="cut")
    assert resumed.step == 11
    assert_same(whole, run(resumed))


def test_the_configuration_keeps_no_state_of_a_training(make_trainer: MakeTrainer) -> None:
    first = make_trainer({"tricks": {"replay": {"size": 4}}}, folder="one")
    config = copy.deepcopy(first.config)
    first.iterate()
    again = new_trainer(config, first.store, None, first.folder)
    (pool,) = (t for t in again.game.tricks if t.name == "replay")
    assert len(pool.state_dict()["pool"]) == 0
