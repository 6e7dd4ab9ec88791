"""Each trick against a closed form."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from espalier.stages.tricks.catalogue import TRICKS, in_order
from espalier.stages.tricks.context import StepContext
from espalier.stages.tricks.dragan import Dragan
from espalier.stages.tricks.drift import Drift
from espalier.stages.tricks.ema import Ema
from espalier.stages.tricks.fade import Fade
from espalier.stages.tricks.feature_matching import FeatureMatching
from espalier.stages.tricks.gradient_penalty import GradientPenalty
from espalier.stages.tricks.hinge import Hinge
from espalier.stages.tricks.instance_noise import InstanceNoise
from espalier.stages.tricks.label_smoothing import LabelSmoothing
from espalier.stages.tricks.loss import Loss
from espalier.stages.tricks.lsgan import Lsgan
from espalier.stages.tricks.minibatch_stddev import StddevMap
from espalier.stages.tricks.minimax import Minimax
from espalier.stages.tricks.n_critic import NCritic
from espalier.stages.tricks.nonsaturating import NonSaturating
from espalier.stages.tricks.packing import Packing
from espalier.stages.tricks.parts import Needs, NetworkPlan, Networks, Targets, View
from espalier.stages.tricks.r1 import R1
from espalier.stages.tricks.r2 import R2
from espalier.stages.tricks.relativistic import Relativistic
from espalier.stages.tricks.step import Step
from espalier.stages.tricks.ttur import Ttur
from espalier.stages.tricks.wgan import Wgan

CPU = torch.device("cpu")
PLAYERS: Any = None
"""Closed forms look at images and logits, not at networks."""


def context(step: int = 0, images: int = 0, batch: int = 8) -> StepContext:
    return StepContext(0, "test", step, images, batch, CPU)


def step_of(critic: Any, real: Tensor, fake: Tensor, needs: Needs = Needs()) -> Step:  # noqa: B008
    return Step("discriminator", context(), lambda p, f=None: critic(p), lambda: real, fake, needs, PLAYERS)


@pytest.fixture
def slope() -> Tensor:
    return torch.randn(3, 4, 4, requires_grad=True)


@pytest.fixture
def images() -> tuple[Tensor, Tensor]:
    real = torch.randn(6, 3, 4, 4)
    return real, real + 0.5 + torch.rand(6, 3, 4, 4)


@pytest.mark.parametrize("target", [1.0, 750.0])
def test_gradient_penalty_of_a_linear_critic(slope: Tensor, images: tuple[Tensor, Tensor], target: float) -> None:
    step = step_of(lambda x: (x * slope).sum((1, 2, 3)), *images)
    found = GradientPenalty(target=target).discriminator_term(step)
    expected = (slope.norm() - target) ** 2 / target**2
    torch.testing.assert_close(found, expected.float(), rtol=1e-5, atol=1e-6)
    assert GradientPenalty().weight == 10


def test_gradient_penalty_takes_the_norm_of_a_whole_sample_at_a_point_between(images: tuple[Tensor, Tensor]) -> None:
    seen = []

    def critic(x: Tensor) -> Tensor:
        seen.append(x.detach())
        return x.square().sum((1, 2, 3)) / 2  # its gradient is x itself

    found = GradientPenalty().discriminator_term(step_of(critic, *images))
    x, (real, fake) = seen[0], images
    torch.testing.assert_close(found.item(), ((x.flatten(1).norm(dim=1) - 1) ** 2).mean().item(), rtol=1e-5, atol=1e-6)
    share = (x - real) / (fake - real)
    assert torch.allclose(share, share[:, :1, :1, :1].expand_as(share)), "one mixing weight a sample, not a pixel"
    assert ((share >= 0) & (share <= 1)).all() and share[:, 0, 0, 0].std() > 0


@pytest.mark.parametrize(("size", "expected"), [(0.5, 0.0), (3.0, 4.0)])
def test_a_one_sided_penalty_lets_smaller_slopes_be(
    images: tuple[Tensor, Tensor], size: float, expected: float
) -> None:
    slope = torch.zeros(3, 4, 4)
    slope[0, 0, 0] = size
    found = GradientPenalty(one_sided=True).discriminator_term(step_of(lambda x: (x * slope).sum((1, 2, 3)), *images))
    assert found.item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("noise", ["gaussian", "minibatch"])
def test_dragan_asks_for_slope_one_around_the_reals(slope: Tensor, images: tuple[Tensor, Tensor], noise: Any) -> None:
    seen = []

    def critic(x: Tensor) -> Tensor:
        seen.append(x.detach())
        return (x * slope).sum((1, 2, 3))

    real = torch.randn(400, 3, 4, 4)
    found = Dragan(noise=noise, c=0.04).discriminator_term(step_of(critic, real, images[1]))
    torch.testing.assert_close(found, ((slope.norm() - 1) ** 2).float(), rtol=1e-5, atol=1e-6)
    delta = seen[0] - real
    if noise == "gaussian":
        assert delta.std().item() == pytest.approx(0.2, rel=0.03) and abs(delta.mean().item()) < 0.01
    else:  # alpha U(0, 1) times 0.5 std U(0, 1): mean std / 8, never negative
        assert delta.min() >= 0 and delta.mean().item() == pytest.approx(real.std().item() / 8, rel=0.1)
        assert delta.max() <= 0.5 * real.std() + 1e-6


def test_r2_of_a_linear_critic_is_half_gamma_its_square(slope: Tensor, images: tuple[Tensor, Tensor]) -> None:
    step = step_of(lambda x: (x * slope).sum((1, 2, 3)), *images, R2.needs)
    torch.testing.assert_close(R2().discriminator_term(step), (slope.square().sum() / 2).float())
    quadratic = step_of(lambda x: x.square().sum((1, 2, 3)) / 2, *images, R2.needs)  # its gradient is x itself
    expected = images[1].square().flatten(1).sum(1).mean() / 2
    torch.testing.assert_close(R2().discriminator_term(quadratic), expected)


def test_n_critic_with_the_released_warm_start() -> None:
    plain, warm = NCritic(steps=5), NCritic(steps=5, warm_steps=100)
    assert [plain.discriminator_steps(1, context(step)) for step in (0, 24, 500)] == [5, 5, 5]
    assert [warm.discriminator_steps(1, context(step)) for step in (0, 24, 25, 499, 500, 501)] == [
        100,
        100,
        5,
        5,
        100,
        5,
    ]


def test_label_smoothing_is_one_sided() -> None:
    smooth = LabelSmoothing()
    mine = smooth.targets(Targets(), View("discriminator", True, context()))
    assert (mine.real, mine.fake) == (0.9, 0.0)
    logits = torch.tensor([math.log(9.0)], requires_grad=True)  # D = 0.9 is where the loss on reals is least
    loss = NonSaturating().discriminator(logits, torch.zeros(1), mine)
    assert torch.autograd.grad(loss, logits)[0].item() == pytest.approx(0, abs=1e-6)


def test_instance_noise_fades_linearly_and_differs_between_reals_and_fakes() -> None:
    x, noise = torch.zeros(64, 3, 8, 8), InstanceNoise(sigma=0.4, kimg=2)
    for images, sigma in ((0, 0.4), (1000, 0.2), (1500, 0.1)):
        seen = noise.discriminator_view(x, View("discriminator", True, context(images=images)))
        assert seen.std().item() == pytest.approx(sigma, rel=0.03)
    assert noise.discriminator_view(x, View("discriminator", True, context(images=2000))) is x
    real, fake = (noise.discriminator_view(x, View("discriminator", kind, context())) for kind in (True, False))
    assert not torch.equal(real, fake)
    assert torch.equal(real, noise.discriminator_view(x, View("discriminator", True, context())))


@pytest.mark.parametrize("distance", ["absolute", "squared"])
def test_feature_matching_compares_means_over_the_batch(images: tuple[Tensor, Tensor], distance: Any) -> None:
    real, fake = images
    fake = fake.requires_grad_()

    def critic(x: Tensor, features: list[Tensor]) -> Tensor:
        features.extend([x, 2 * x.flatten(1)])
        return x.sum((1, 2, 3))

    step = Step("generator", context(), critic, lambda: real, fake, Needs(), PLAYERS)
    found = FeatureMatching(distance=distance).generator_term(step)
    apart = 2 * (real.flatten(1).mean(0) - fake.flatten(1).mean(0))
    torch.testing.assert_close(found, apart.abs().mean() if distance == "absolute" else apart.square().mean())
    shuffled = Step("generator", context(), critic, lambda: real.flip(0), fake, Needs(), PLAYERS)
    torch.testing.assert_close(FeatureMatching(distance=distance).generator_term(shuffled), found)
    assert torch.autograd.grad(found, fake)[0].abs().sum() > 0


def test_gradient_penalty_is_finite_where_the_gradient_is_zero(images: tuple[Tensor, Tensor]) -> None:
    weight = torch.zeros(3, 4, 4, requires_grad=True)
    found = GradientPenalty().discriminator_term(step_of(lambda x: (x * weight).sum((1, 2, 3)), *images))
    (gradient,) = torch.autograd.grad(found, weight)
    assert torch.isfinite(gradient).all() and found.item() == pytest.approx(1.0, abs=1e-5)


def test_r1_of_a_linear_critic_is_half_gamma_its_square(slope: Tensor, images: tuple[Tensor, Tensor]) -> None:
    step = step_of(lambda x: (x * slope).sum((1, 2, 3)), *images, R1.needs)
    found = R1().discriminator_term(step)
    torch.testing.assert_close(found, (slope.square().sum() / 2).float())
    assert R1().weight == 10


def test_r1_uses_the_steps_own_forward(slope: Tensor, images: tuple[Tensor, Tensor]) -> None:
    calls = []

    def critic(x: Tensor) -> Tensor:
        calls.append(x)
        return (x * slope).sum((1, 2, 3))

    step = step_of(critic, *images, R1.needs)
    _ = step.real_logits
    R1().discriminator_term(step)
    assert len(calls) == 1


def test_penalties_agree_with_finite_differences() -> None:
    torch.manual_seed(1)
    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 9), nn.Tanh(), nn.Linear(9, 1)).double()
    real, fake = torch.randn(4, 3, 2, 2, dtype=torch.float64), torch.randn(4, 3, 2, 2, dtype=torch.float64)
    step = step_of(lambda x: net(x).flatten(), real, fake, R1.needs)
    found = R1().discriminator_term(step).item()
    eps, total = 1e-5, 0.0
    for i in range(12):
        shift = torch.zeros(12, dtype=torch.float64)
        shift[i] = eps
        change = (net(real + shift.view(3, 2, 2)) - net(real - shift.view(3, 2, 2))).flatten() / (2 * eps)
        total += change.square().mean().item() / 2
    assert found == pytest.approx(total, rel=1e-5)


def test_drift_is_the_mean_square_of_real_logits(images: tuple[Tensor, Tensor]) -> None:
    step = step_of(lambda x: x.sum((1, 2, 3)), *images)
    expected = images[0].sum((1, 2, 3)).square().mean()
    torch.testing.assert_close(Drift().discriminator_term(step), expected.float(), rtol=1e-5, atol=1e-5)
    assert Drift().weight == 0.001


def test_losses_at_known_points() -> None:
    zero, targets = torch.zeros(4), Targets()
    assert NonSaturating().discriminator(zero, zero, targets).item() == pytest.approx(2 * math.log(2))
    assert NonSaturating().generator(zero, None).item() == pytest.approx(math.log(2))
    real, fake = torch.tensor([1.0, 3.0]), torch.tensor([-2.0, 0.5])
    assert Wgan().discriminator(real, fake, targets).item() == pytest.approx(-0.75 - 2)
    assert Wgan().generator(fake, None).item() == pytest.approx(0.75)
    softplus = torch.nn.functional.softplus
    expected = softplus(-real).mean() + softplus(fake).mean()
    torch.testing.assert_close(NonSaturating().discriminator(real, fake, targets), expected)


def test_nonsaturating_does_not_overflow_and_takes_targets() -> None:
    far = torch.tensor([1e4])
    assert NonSaturating().discriminator(-far, far, Targets()).item() == pytest.approx(2e4)
    logits = torch.zeros(1, requires_grad=True)
    loss = NonSaturating().discriminator(logits, torch.zeros(1), Targets(real=0.9))
    assert torch.autograd.grad(loss, logits)[0].item() == pytest.approx(0.5 - 0.9)


def test_minimax_is_the_logarithm_of_what_the_discriminator_gives_fakes() -> None:
    fake = torch.tensor([-2.0, 0.5, 3.0])
    expected = torch.log(1 - torch.sigmoid(fake.double())).mean()
    assert Minimax().generator(fake, None).item() == pytest.approx(expected.item())
    far = torch.tensor([200.0])
    assert Minimax().generator(far, None).item() == pytest.approx(-200)
    real = torch.tensor([1.0, 2.0, 0.1])
    assert Minimax().discriminator(real, fake, Targets()) == NonSaturating().discriminator(real, fake, Targets())


@pytest.mark.parametrize(("coding", "a", "b", "c"), [("zero_one", 0, 1, 1), ("pearson", -1, 1, 0)])
def test_lsgan_in_both_codings(coding: Any, a: float, b: float, c: float) -> None:
    real, fake, loss = torch.tensor([1.0, 3.0]), torch.tensor([-2.0, 0.5]), Lsgan(coding=coding)
    expected = ((1 - b) ** 2 + (3 - b) ** 2) / 4 + ((-2 - a) ** 2 + (0.5 - a) ** 2) / 4
    assert loss.discriminator(real, fake, Targets()).item() == pytest.approx(expected)
    assert loss.generator(fake, None).item() == pytest.approx(((-2 - c) ** 2 + (0.5 - c) ** 2) / 4)
    smooth = loss.discriminator(real, fake, Targets(real=0.9)).item()
    middle = a + 0.9 * (b - a)
    assert smooth - expected == pytest.approx(((1 - middle) ** 2 + (3 - middle) ** 2 - (1 - b) ** 2 - (3 - b) ** 2) / 4)


def test_hinge_has_a_margin_for_the_discriminator_alone() -> None:
    zero = torch.zeros(4)
    assert Hinge().discriminator(zero, zero, Targets()).item() == 2
    real = torch.tensor([1.5, 0.25], requires_grad=True)
    loss = Hinge().discriminator(real, torch.tensor([-3.0, -0.5]), Targets())
    assert loss.item() == pytest.approx(0.75 / 2 + 0.5 / 2)
    assert torch.autograd.grad(loss, real)[0].tolist() == [0, -0.5]
    assert Hinge().generator(torch.tensor([-3.0, 1.0]), None).item() == 1


def relativistic(loss: Loss, form: Any) -> Loss:
    return Relativistic(form=form).wrap_loss(loss)


def test_relativistic_losses_are_the_released_codes() -> None:
    real, fake = torch.randn(7, dtype=torch.float64), torch.randn(7, dtype=torch.float64)
    sp, relu, none = torch.nn.functional.softplus, torch.relu, Targets()
    up, down = real - fake.mean(), fake - real.mean()
    tables: list[tuple[Loss, Tensor, Tensor]] = [
        (relativistic(NonSaturating(), "paired"), sp(fake - real).mean(), sp(real - fake).mean()),
        (relativistic(NonSaturating(), "average"), (sp(-up).mean() + sp(down).mean()) / 2, (sp(up).mean() + sp(-down).mean()) / 2),
        (relativistic(Lsgan(), "average"), ((up - 1).square().mean() + (down + 1).square().mean()) / 2, ((up + 1).square().mean() + (down - 1).square().mean()) / 2),
        (relativistic(Hinge(), "average"), (relu(1 - up).mean() + relu(1 + down).mean()) / 2, (relu(1 + up).mean() + relu(1 - down).mean()) / 2),
    ]  # fmt: skip
    for loss, discriminator, generator in tables:
        assert loss.generator_needs_real and not loss.uses_targets
        torch.testing.assert_close(loss.discriminator(real, fake, none), discriminator)
        torch.testing.assert_close(loss.generator(fake, real), generator)
        torch.testing.assert_close(loss.discriminator(fake, real, none), generator)  # the labels swapped
    same = torch.full((4,), 3.0)
    rsgan = relativistic(Minimax(), "paired")
    assert rsgan.discriminator(same, same, none).item() == pytest.approx(math.log(2))


def test_packs_are_the_same_however_many_processes_share_the_batch() -> None:
    images = torch.arange(8.0).view(8, 1, 1, 1).expand(8, 3, 4, 4)
    packing = Packing(m=2)
    packs = packing.discriminator_view(images, View("discriminator", True, context()))
    assert packs.shape == (4, 6, 4, 4)
    assert packs[:, ::3, 0, 0].tolist() == [[0, 4], [1, 5], [2, 6], [3, 7]]
    halves = [packing.discriminator_view(images[rank::2], View("discriminator", True, context())) for rank in range(2)]
    torch.testing.assert_close(torch.stack(halves, dim=1).flatten(0, 1), packs)


def test_stddev_of_identical_samples_is_the_root_of_its_epsilon() -> None:
    x = torch.randn(1, 3, 4, 4).repeat(8, 1, 1, 1)
    out = StddevMap(4)(x)
    assert torch.equal(out[:, :3], x)
    torch.testing.assert_close(out[:, 3], torch.full((8, 4, 4), 1e-4))


def test_stddev_groups_are_strided_and_use_the_population_deviation() -> None:
    x = torch.randn(8, 3, 4, 4, dtype=torch.float64)
    out = StddevMap(4)(x)[:, 3, 0, 0]
    for group in (0, 1):
        members = x[group::2]
        expected = (members.var(0, correction=0) + 1e-8).sqrt().mean()
        torch.testing.assert_close(out[group::2], expected.expand(4))


def test_ema_half_life() -> None:
    generator = nn.Linear(1, 1, bias=False)
    networks = Networks(generator, nn.Linear(1, 1), generator)
    ema = Ema(half_life_kimg=0.8, rampup=1e9)
    nn.init.zeros_(generator.weight)
    ema.change_networks(networks)
    nn.init.ones_(generator.weight)
    for step in range(100):  # 100 steps of 8 images are one half-life
        ema.after_generator_step(networks, context(step, images=8 * step))
    assert networks.ema.weight.item() == pytest.approx(0.5, abs=1e-5)
    assert networks.ema is not generator and not networks.ema.weight.requires_grad


def test_ema_at_batch_16_with_the_papers_half_life_is_the_papers_beta() -> None:
    assert Ema(half_life_kimg=11.08, rampup=1).beta(context(images=10**9, batch=16)) == pytest.approx(0.999, abs=1e-6)


def test_fade_reaches_1_and_takes_detail_from_reals_only() -> None:
    fade = Fade(kimg=1)
    fade.plan_networks(NetworkPlan(True, 0, {}, {}))
    assert [fade.alpha(images) for images in (0, 250, 1000, 5000)] == [0, 0.25, 1, 1]
    x = torch.randn(2, 3, 8, 8)
    seen = fade.discriminator_view(x, View("discriminator", True, context(images=0)))
    torch.testing.assert_close(seen[..., ::2, ::2], seen[..., 1::2, 1::2])
    torch.testing.assert_close(seen.mean((2, 3)), x.mean((2, 3)))
    assert fade.discriminator_view(x, View("discriminator", False, context(images=0))) is x
    assert fade.discriminator_view(x, View("discriminator", True, context(images=1000))) is x


def test_order_is_fixed_whatever_the_configuration_says() -> None:
    tricks = [Drift(), Ttur(generator=1, discriminator=1), Fade(), GradientPenalty(), Ema()]
    expected = [t for cls in TRICKS.values() for t in tricks if type(t) is cls]
    assert in_order(tricks) == expected == in_order(tricks[::-1])
