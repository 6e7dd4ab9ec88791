"""Augmentations against closed forms: every operation, the pipe as a whole, and what drives its probability."""

import math
import zlib
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from espalier.data.errors import InputError
from espalier.data.store import Store
from espalier.stages.tricks import ada_pipe, diffaugment
from espalier.stages.tricks.ada import STRENGTHS, Ada
from espalier.stages.tricks.ada_pipe import augmented
from espalier.stages.tricks.diffaugment import Diffaugment
from espalier.stages.tricks.lecam import Lecam
from espalier.stages.tricks.mirror import Mirror
from espalier.stages.tricks.parts import View
from tests.stages.conftest import MakeTrainer
from tests.stages.test_tricks import context, step_of
from tests.stages.test_tricks_together import classed, configured  # noqa: F401  (a fixture)

ALL = dict.fromkeys(STRENGTHS, 1.0)
Draws = dict[str, Tensor]


def drawer(count: int, seed: int = 0, given: dict[str, float | tuple[float, ...]] | None = None) -> ada_pipe.Draw:
    """Draws for each of `count` images by name; `given` fixes some, the same for all."""
    kept: Draws = {}

    def draw(name: str, law: str, shape: tuple[int, ...]) -> Tensor:
        if given is not None and name in given:
            return torch.tensor(given[name]).expand(count, *shape)
        if name not in kept:
            random = torch.Generator().manual_seed(zlib.crc32(f"{seed} {name}".encode()))
            kept[name] = (torch.rand if law == "uniform" else torch.randn)((count, *shape), generator=random)
        return kept[name]

    return draw


def alone(name: str, images: Tensor, **given: Any) -> Tensor:
    """One operation at p = 1 with given draws."""
    return augmented(
        images, {name: 1.0}, 1.0, drawer(len(images), given={k.replace("_", " "): v for k, v in given.items()})
    )


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_the_filters_are_orthogonal_wavelets_with_their_vanishing_moments() -> None:
    for taps, order in ((ada_pipe.SYM6, 6), (ada_pipe.SYM2, 2)):
        h = np.array(taps)
        assert h.sum() == pytest.approx(math.sqrt(2), abs=1e-7)
        for shift in range(len(h) // 2):
            assert (h[2 * shift :] * h[: len(h) - 2 * shift]).sum() == pytest.approx(float(shift == 0), abs=1e-7)
        for moment in range(order):
            places = np.arange(len(h)) - len(h) / 2
            assert ((-1.0) ** np.arange(len(h)) * places**moment * h).sum() == pytest.approx(0, abs=1e-4 * 6**moment)


def test_up_and_down_sampling_give_the_image_back() -> None:
    images = noise(2, 3, 16, 16)
    wide = ada_pipe.resampled_up(F.pad(images, [6] * 4, mode="reflect"))
    torch.testing.assert_close(ada_pipe.resampled_down(wide[:, :, 6:-6, 6:-6]), images, rtol=0, atol=1e-5)


def test_flips_quarter_turns_and_whole_shifts_are_exact() -> None:
    images = noise(2, 3, 16, 16)
    assert torch.equal(alone("xflip", images, xflip=0.9), images.flip(3))
    assert torch.equal(alone("xflip", images, xflip=0.1), images)
    for quarter in range(4):
        found = alone("rotate90", images, rotate90=(quarter + 0.5) / 4)
        assert any(torch.equal(found, images.rot90(k, (2, 3))) for k in (quarter, -quarter)), quarter
    found = alone("xint", images, xint=(1.0, 0.0))  # the furthest: right by 2, up by 2
    assert torch.equal(found[:, :, :-2, 2:], images[:, :, 2:, :-2])
    assert torch.equal(found[:, :, :-2, :2], images[:, :, 2:, [2, 1]])  # reflected at the border


def waves(x: Tensor, y: Tensor) -> Tensor:
    """A smooth image at coordinates about its centre."""
    return torch.stack(
        [(0.3 * x + 0.2 * y).cos() / 2, (0.25 * x - 0.1 * y + 1).sin() / 2, (0.35 * y).cos() / 2], dim=-3
    )


@pytest.mark.parametrize(
    ("name", "given", "inverse"),
    [
        ("scale", {"scale": 1.5}, [[2**-0.3, 0, 0], [0, 2**-0.3, 0]]),
        ("scale", {"scale": -0.5}, [[2**0.1, 0, 0], [0, 2**0.1, 0]]),
        ("aniso", {"aniso": 1.0}, [[2**-0.2, 0, 0], [0, 2**0.2, 0]]),
        ("xfrac", {"xfrac": (0.53, -0.31)}, [[1, 0, -0.53 * 4], [0, 1, 0.31 * 4]]),
        ("rotate", {"rotate_before": 0.55, "rotate_after": 0.5}, [[math.cos(0.1 * math.pi), -math.sin(0.1 * math.pi), 0], [math.sin(0.1 * math.pi), math.cos(0.1 * math.pi), 0]]),
    ],
)  # fmt: skip
def test_a_smooth_image_is_read_where_the_matrix_says(name: str, given: Any, inverse: list[list[float]]) -> None:
    at = torch.arange(32.0) - 15.5
    y, x = torch.meshgrid(at, at, indexing="ij")
    expected = waves(*(torch.tensor(inverse) @ torch.stack([x, y, torch.ones_like(x)]).flatten(1)).view(2, 32, 32))
    found = alone(name, waves(x, y)[None], **given)[0]
    inner = slice(8, 24)
    assert float((found - expected)[:, inner, inner].abs().max()) < 0.005
    assert float((waves(x, y) - expected)[:, inner, inner].abs().max()) > 0.05


def test_colours_change_as_their_formulas_say() -> None:
    images = noise(2, 3, 4, 4)
    level = images.mean(dim=1, keepdim=True)
    close = {"rtol": 0, "atol": 1e-5}
    torch.testing.assert_close(alone("brightness", images, brightness=1.5), images + 0.3, **close)
    torch.testing.assert_close(alone("contrast", images, contrast=-1.0), images * 2**-0.5, **close)
    torch.testing.assert_close(alone("lumaflip", images, lumaflip=0.7), images - 2 * level, **close)
    torch.testing.assert_close(alone("saturation", images, saturation=-1.0), level + (images - level) / 2, **close)
    third = alone("hue", images, hue=0.5 + 1 / 3)  # a third of a turn exchanges the channels
    assert min(float((third - images.roll(k, dims=1)).abs().max()) for k in (1, 2)) < 1e-5
    turned = alone("hue", images, hue=0.6)
    torch.testing.assert_close(turned.mean(dim=1, keepdim=True), level, **close)
    torch.testing.assert_close(turned.norm(dim=1), images.norm(dim=1), **close)
    cosine = ((turned - level) * (images - level)).sum(1) / (images - level).square().sum(1)
    torch.testing.assert_close(cosine, torch.full_like(cosine, math.cos(0.2 * math.pi)), rtol=0, atol=1e-4)


def test_grey_images_keep_to_what_grey_can_show() -> None:
    images = noise(2, 1, 4, 4)
    torch.testing.assert_close(alone("brightness", images, brightness=1.5), images + 0.3)
    torch.testing.assert_close(alone("contrast", images, contrast=-1.0), images * 2**-0.5)
    torch.testing.assert_close(alone("lumaflip", images, lumaflip=0.7), -images)
    assert torch.equal(alone("hue", images), images) and torch.equal(alone("saturation", images), images)


def test_the_bands_add_up_to_the_image_and_each_lets_its_frequencies_through() -> None:
    bank = ada_pipe.filter_bank(torch.device("cpu"))
    whole = bank.sum(dim=0)
    assert float(whole[len(whole) // 2]) == pytest.approx(1, abs=1e-5) and float(whole.abs().sum()) == pytest.approx(
        1, abs=1e-4
    )
    response = torch.fft.rfft(bank, n=256).abs()
    assert response.argmax(dim=1).tolist() == sorted(response.argmax(dim=1).tolist()) and response[
        0, 0
    ] == pytest.approx(1, abs=1e-5)
    images = noise(3, 3, 8, 8)
    torch.testing.assert_close(
        ada_pipe.filtered(images, torch.full((3, 4), 1.0001)), images * 1.0001**2, rtol=0, atol=1e-4
    )
    gains = ada_pipe.band_gains(torch.zeros(500, 3, 8, 8), 1.0, drawer(500))
    assert float(gains.log2().std()) > 0.5
    torch.testing.assert_close(
        ada_pipe.filtered(images, torch.tensor([[0.5, 1, 1, 1.0]]).repeat(3, 1)).mean(),
        images.mean() / 4,
        atol=0.05,
        rtol=0,
    )


def test_noise_and_cutout() -> None:
    flat = torch.ones(400, 3, 32, 32)
    found = augmented(flat, {"noise": 1.0}, 1.0, drawer(400, given={"noise sigma": -2.0}))
    assert float((found - 1).std()) == pytest.approx(0.2, rel=0.01)
    found = augmented(flat, {"cutout": 1.0}, 1.0, drawer(400, given={"cutout centre": (0.25, 0.75)}))
    expected = flat.clone()
    expected[:, :, 16:, :16] = 0
    assert torch.equal(found, expected)


def only(draw: ada_pipe.Draw, k: int) -> ada_pipe.Draw:
    """The draws of one image."""
    return lambda name, law, shape: draw(name, law, shape)[k : k + 1]


@pytest.mark.parametrize("channels", [1, 3])
def test_at_p_0_nothing_changes_and_at_p_an_image_does_not_depend_on_its_batch(channels: int) -> None:
    images = noise(12, channels, 16, 16)
    assert augmented(images, ALL, 0.0, drawer(12)) is images
    for p in (0.2, 0.7, 1.0):
        draw = drawer(12, seed=3)
        whole = augmented(images, ALL, p, draw)
        for k in range(12):
            one = augmented(images[k : k + 1], ALL, p, only(draw, k))
            torch.testing.assert_close(whole[k : k + 1], one, rtol=0, atol=2e-4)
    untouched = augmented(images, {"scale": 1.0}, 0.5, drawer(12))
    same = [k for k in range(12) if torch.equal(untouched[k], images[k])]
    assert 2 <= len(same) <= 10, "images that drew nothing are the same to the bit"


@pytest.mark.parametrize("side", [4, 8, 16, 64])
def test_every_size_is_augmented_and_gradients_pass(side: int) -> None:
    images = noise(8, 3, side, side).requires_grad_()
    found = augmented(images, ALL, 0.8, drawer(8))
    assert found.shape == images.shape and torch.isfinite(found).all()
    (gradient,) = torch.autograd.grad(found.square().sum(), images)
    assert torch.isfinite(gradient).all() and gradient.abs().sum() > 0


def test_each_operation_has_its_probability() -> None:
    images = noise(4000, 1, 4, 4)
    for name, changes in (("xflip", 0.5), ("brightness", 1.0), ("rotate", 1.0), ("scale", 1.0)):
        found = augmented(images, {name: 0.5}, 0.6, drawer(4000))
        changed = float((found != images).flatten(1).any(dim=1).float().mean())
        assert changed == pytest.approx(0.3 * changes, abs=0.03), name


# DiffAugment, against plain loops.


def brightness_first(image: Tensor, b: float, s: float, c: float) -> Tensor:
    image = image + b - 0.5
    grey = (image[0] + image[1] + image[2]) / 3
    image = torch.stack([grey + (channel - grey) * 2 * s for channel in image])
    level = image.sum() / image.numel()
    return level + (image - level) * (c + 0.5)


def test_diffaugments_operations_are_the_papers() -> None:
    images = noise(3, 3, 8, 8)
    values = {
        "brightness": 0.9,
        "saturation": 0.2,
        "contrast": 0.7,
        "down": 0.99,
        "right": 0.0,
        "row": 0.0,
        "column": 0.99,
    }

    def draw(name: str) -> Tensor:
        return torch.full((3,), values[name])

    expected = torch.stack([brightness_first(image, 0.9, 0.2, 0.7) for image in images])
    torch.testing.assert_close(diffaugment.color(images, draw), expected)
    moved = diffaugment.translation(images, draw)  # 1 pixel down, 1 left
    assert torch.equal(moved[:, :, 1:, :-1], images[:, :, :-1, 1:])
    assert float(moved[:, :, 0].abs().max()) == 0 == float(moved[:, :, :, -1].abs().max())
    cut = diffaugment.cutout(images, draw)  # the centre is the corner above right of the image
    assert float(cut[:, :, :2, 6:].abs().max()) == 0
    kept = torch.ones(8, 8, dtype=torch.bool)
    kept[:2, 6:] = False
    assert torch.equal(cut[:, :, kept], images[:, :, kept])


def test_diffaugment_draws_for_each_image_side_and_player_and_in_the_given_range() -> None:
    images = torch.ones(2000, 3, 8, 8)
    views = [
        View(player, real, context(step))
        for player in ("discriminator", "generator")
        for real in (True, False)
        for step in (0, 1)
    ]  # type: ignore[arg-type]
    seen = [Diffaugment(policy="translation,cutout").discriminator_view(images, view) for view in views]
    assert len({one.numpy().tobytes() for one in seen}) == len(views)
    kept = seen[0].mean(dim=(1, 2, 3))
    # Translation by -1, 0 or 1 of 8 keeps 7/8 twice of three times; a square of 4 whose centre is on a 9-grid covers 3.33 of 8.
    side = (2 * 7 / 8 + 1) / 3
    within = sum(min(c + 2, 8) - max(c - 2, 0) for c in range(9)) / 9
    assert float(kept.mean()) == pytest.approx(side**2 * (1 - (within / 8) ** 2), abs=0.04)
    assert torch.equal(seen[0], Diffaugment(policy="translation,cutout").discriminator_view(images, views[0]))


def test_mirror_flips_half_of_the_reals() -> None:
    images = noise(1000, 3, 4, 4)
    found = Mirror().discriminator_view(images, View("discriminator", True, context()))
    flipped = (found == images.flip(3)).flatten(1).all(dim=1)
    assert (flipped | (found == images).flatten(1).all(dim=1)).all()
    assert float(flipped.float().mean()) == pytest.approx(0.5, abs=0.05)
    assert Mirror().discriminator_view(images, View("discriminator", False, context())) is images


# What drives p, and LeCam.


def seen_by(real: float, fake: float, held_out: float) -> Any:
    logits = SimpleNamespace(real_logits=torch.full((8,), real), fake_logits=torch.full((8,), fake), context=context())
    logits.players = SimpleNamespace(held_out_logits=lambda: torch.full((8,), held_out))
    return logits


@pytest.mark.parametrize(
    ("by", "real", "held_out", "moved"),
    [("sign", 2.0, 0, 1), ("sign", -2.0, 0, -1), ("held_out", 1.0, 0.5, -1), ("held_out", 1.0, -0.5, 1)],
)
def test_p_moves_every_fourth_step_and_stays_within_0_and_1(by: Any, real: float, held_out: float, moved: int) -> None:
    ada = Ada(by=by, kimg=0.32)
    ada.load_state_dict({"p": 0.5, "seen": []})
    step = seen_by(real, -1.0, held_out)  # held out at -0.5: three quarters of the way from reals to fakes
    for _ in range(3):
        ada.observe(step)
    assert ada.logged() == {"ada_p": 0.5}
    ada.observe(step)
    assert ada.logged()["ada_p"] == pytest.approx(0.5 + moved * 4 * 8 / 320)
    for _ in range(100):
        ada.observe(step)
    assert ada.logged()["ada_p"] == max(moved, 0)


def test_p_is_state_and_in_the_history(make_trainer: MakeTrainer) -> None:
    changes = {"kimg": 0.2, "tricks": {"loss": "hinge", "ada": {"kimg": 0.1}}, "watch": {"log_steps": 1}}
    trainer = make_trainer(changes)
    trick = next(trick for trick in trainer.game.tricks if isinstance(trick, Ada))
    terms = [trainer.iterate() for _ in range(9)]
    assert [float(term["ada_p"]) for term in terms][:3] == [0, 0, 0] and "ada_p" in trainer.config.metrics
    state = trainer.objects()["trick.ada"].state_dict()
    assert len(state["seen"]) == 1 and state["p"] == trick.logged()["ada_p"]


def test_held_out_reals_are_asked_as_the_discriminator_sees_them(make_trainer: MakeTrainer) -> None:
    changes = {
        "kimg": 0.4, "batch_size": 8, "monitor": {"hold_out": 10},
        "tricks": {"loss": "wgan", "ada": {"by": "held_out", "kimg": 0.05}},
    }  # fmt: skip
    trainer = make_trainer(changes)
    for _ in range(12):
        trainer.iterate()
    shown = {int(i) for step in range(12) for i in trainer.batches.held_out[np.arange(step * 8, step * 8 + 8) % 10]}
    assert shown == set(trainer.batches.held_out.tolist())


def test_lecam_is_the_papers() -> None:
    trick = Lecam(weight=1)
    random = torch.Generator().manual_seed(0)
    a_real = a_fake = None
    for _ in range(3):
        real, fake = torch.randn(2, 16, generator=random)
        a_real = float(real.mean()) if a_real is None else 0.99 * a_real + 0.01 * float(real.mean())
        a_fake = float(fake.mean()) if a_fake is None else 0.99 * a_fake + 0.01 * float(fake.mean())
        step = step_of(lambda x: x.flatten(), real[:, None], fake[:, None])
        expected = float(((real - a_fake) ** 2).mean() + ((fake - a_real) ** 2).mean())
        assert float(trick.discriminator_term(step)) == pytest.approx(expected, rel=1e-5)


# What is refused.


@pytest.mark.parametrize(
    ("tricks", "said"),
    [
        (
            {"loss": "wgan", "ada": {}},
            "the zero of that discriminator's output has no meaning; use ada: {by: held_out}",
        ),
        (
            {"loss": "hinge", "relativistic": "paired", "ada": {}},
            "the zero of that discriminator's output has no meaning",
        ),
        (
            {"loss": "wgan", "ada": {"by": "held_out"}},
            "monitor.hold_out is 0; use at least the batch_size, 8, or p: 0.3",
        ),
        ({"loss": "hinge", "ada": {"strengths": {"blur": 1}}}, "has no operation 'blur'; it has: xflip, rotate90"),
        ({"loss": "hinge", "ada": {"strengths": {"hue": 2}}}, "hue is 2; use a number from 0 to 1"),
        ({"loss": "hinge", "diffaugment": {"policy": "colour"}}, "'color', 'translation' or 'cutout'"),
        ({"loss": "hinge", "diffaugment": {"policy": []}}, "must list some of color, translation, cutout, each once"),
    ],
)
def test_what_cannot_work_is_refused(classed: Store, tricks: dict[str, Any], said: str) -> None:  # noqa: F811
    with pytest.raises(InputError) as refused:
        configured(tricks)
    assert said in str(refused.value)


@pytest.mark.parametrize("name", ["mirror", "diffaugment", "ada"])
def test_what_is_no_image_is_not_augmented(classed: Store, name: str) -> None:  # noqa: F811
    with pytest.raises(InputError, match=f"{name}: it changes images, and the network fashion_shape generates maps"):
        configured({"loss": "hinge", name: {}}, "fashion_shape")
