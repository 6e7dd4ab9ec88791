"""The augmentation pipe of ADA: geometry, colour and corruptions, each with a probability of its own, drawn for each image.

Flips, quarter turns and whole shifts move pixels. The other geometric operations of an image are composed into one 3x3 matrix
G^-1, from output to input coordinates in pixels about the centre, and all colour operations into one 4x4 matrix C. Source: Karras
et al., "Training Generative Adversarial Networks with Limited Data", appendix B and algorithms 1 and 2, with the constants of the
released `augment.py`. The release resamples the whole batch as soon as any geometric strength is on, also to flip it, which its
filter, not being symmetric, does not do exactly. Here images that drew no change pass untouched, so that the pipe at p = 0 is the
identity, and an image does not depend on its batch.
"""

import math
from collections.abc import Callable, Mapping
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

Draw = Callable[[str, str, tuple[int, ...]], Tensor]
"""draw(name, "uniform" or "normal", shape of one image's draws) -> (B, *shape): U(0, 1) or N(0, 1)."""

SYM6 = (
    0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633, 0.4910559419267466,
    0.787641141030194, 0.3379294217276218, -0.07263752278646252, -0.021060292512300564, 0.04472490177066578,
    0.0017677118642428036, -0.007800708325034148,
)  # fmt: skip
"""Low-pass filter of the symlet of order 6: half-band, so that up- and down-sampling by it gives the image back."""
SYM2 = (-0.12940952255092145, 0.22414386804185735, 0.836516303737469, 0.48296291314469025)
EXPECTED_POWER = (10 / 13, 1 / 13, 1 / 13, 1 / 13)
"""Power of natural images in the four bands of the image filter."""
BLITS, GEOMETRIC = ("xflip", "rotate90", "xint"), ("scale", "rotate", "aniso", "xfrac")
COLOR = ("brightness", "contrast", "lumaflip", "hue", "saturation")
CORRUPTIONS = ("imgfilter", "noise", "cutout")
REACH = 3
"""Pixels that the filter reaches beyond an image."""
SEPARATE = (((1, 1, -1, 1), (2, 1)), ((1, 1, 1, -1), (1, 2)))
"""Shape and stride of a separable filter's two passes."""


def augmented(images: Tensor, strengths: Mapping[str, float], p: float, draw: Draw) -> Tensor:
    """Images (B, channels, R, R) in [-1, 1], each operation applied with probability `strength * p`."""
    chances = {name: min(strength * p, 1.0) for name, strength in strengths.items() if strength * p > 0}
    if chances.keys() & set(BLITS):
        images = moved(images, chances, draw)
    if chances.keys() & set(GEOMETRIC):
        images = transformed(images, geometry(images, chances, draw))
    if chances.keys() & set(COLOR):
        images = recoloured(images, colours(images, chances, draw))
    if chance := chances.get("imgfilter"):
        images = filtered(images, band_gains(images, chance, draw))
    if chance := chances.get("noise"):
        sigma = draw("noise sigma", "normal", ()).abs() * 0.1 * _hits("noise", chance, draw)
        images = images + sigma[:, None, None, None] * draw("noise", "normal", tuple(images.shape[1:]))
    if chance := chances.get("cutout"):
        images = cut(images, draw("cutout centre", "uniform", (2,)), _hits("cutout", chance, draw))
    return images


def _hits(name: str, chance: float, draw: Draw) -> Tensor:
    """Which images an operation is applied to."""
    return draw(f"{name} or not", "uniform", ()) < chance


# Geometry.


def moved(images: Tensor, chances: Mapping[str, float], draw: Draw) -> Tensor:
    """Images flipped left to right, turned by quarters, and shifted by up to 1/8 of the side, reflected at their borders."""
    if chance := chances.get("xflip"):
        flip = _hits("xflip", chance, draw) & (draw("xflip", "uniform", ()) >= 0.5)
        images = images.flip(3).where(flip[:, None, None, None], images)
    if chance := chances.get("rotate90"):
        quarters = (draw("rotate90", "uniform", ()) * 4).floor() * _hits("rotate90", chance, draw)
        turned = images
        for quarter in (1, 2, 3):
            turned = images.rot90(quarter, (2, 3)).where((quarters == quarter)[:, None, None, None], turned)
        images = turned
    if chance := chances.get("xint"):
        share = (draw("xint", "uniform", (2,)) * 2 - 1) * 0.125 * _hits("xint", chance, draw)[:, None]
        for axis, shape in ((3, (-1, 1, 1, images.shape[3])), (2, (-1, 1, images.shape[2], 1))):
            side = images.shape[axis]
            places = torch.arange(side, device=images.device) - (share[:, 3 - axis, None] * side).round().long()
            images = images.gather(axis, _within(places, side).view(shape).expand_as(images))
    return images


def geometry(images: Tensor, chances: Mapping[str, float], draw: Draw) -> Tensor:
    """G^-1 of each image, (B, 3, 3)."""
    found = torch.eye(3, device=images.device).expand(len(images), 3, 3)
    height, width = images.shape[2:]

    def then(found: Tensor, name: str, change: Tensor, chance: float) -> Tensor:
        return torch.where(_hits(name, chance, draw)[:, None, None], found @ change, found)

    if chance := chances.get("scale"):
        scale = torch.exp2(-draw("scale", "normal", ()) * 0.2)
        found = then(found, "scale", _scaling(scale, scale), chance)
    turning = 1 - math.sqrt(1 - chances.get("rotate", 0.0))  # twice, so that `rotate` is the chance of any rotation
    if turning > 0:
        angle = (draw("rotate before", "uniform", ()) * 2 - 1) * math.pi
        found = then(found, "rotate before", _rotation(angle), turning)
    if chance := chances.get("aniso"):
        scale = torch.exp2(-draw("aniso", "normal", ()) * 0.2)
        found = then(found, "aniso", _scaling(scale, 1 / scale), chance)
    if turning > 0:
        angle = (draw("rotate after", "uniform", ()) * 2 - 1) * math.pi
        found = then(found, "rotate after", _rotation(angle), turning)
    if chance := chances.get("xfrac"):
        share = draw("xfrac", "normal", (2,)) * 0.125
        found = then(found, "xfrac", _shift(share[:, 0] * width, share[:, 1] * height), chance)
    return found


def _matrix(rows: tuple[tuple[Tensor | float, ...], ...], like: Tensor) -> Tensor:
    """Rows of numbers or tensors (B,) -> (B, n, n)."""
    full = [
        [torch.as_tensor(value, dtype=like.dtype, device=like.device).expand_as(like) for value in row] for row in rows
    ]
    return torch.stack([torch.stack(row, dim=1) for row in full], dim=1)


def _shift(x: Tensor, y: Tensor) -> Tensor:
    """Content moves by (x, y), so the input is read at -(x, y)."""
    return _matrix(((1.0, 0.0, -x), (0.0, 1.0, -y), (0.0, 0.0, 1.0)), x)


def _scaling(x: Tensor, y: Tensor) -> Tensor:
    return _matrix(((x, 0.0, 0.0), (0.0, y, 0.0), (0.0, 0.0, 1.0)), x)


def _rotation(angle: Tensor) -> Tensor:
    cos, sin = angle.cos(), angle.sin()
    return _matrix(((cos, -sin, 0.0), (sin, cos, 0.0), (0.0, 0.0, 1.0)), angle)


def transformed(images: Tensor, inverse: Tensor) -> Tensor:
    """Images resampled by G^-1 (B, 3, 3): reflected at their borders, and anti-aliased by resampling at twice the size."""
    changed = (inverse != torch.eye(3, device=images.device)).flatten(1).any(dim=1).nonzero()[:, 0]
    if not len(changed):
        return images
    return images.index_put((changed,), _resampled(images[changed], inverse[changed]).to(images.dtype))


def _resampled(images: Tensor, inverse: Tensor) -> Tensor:
    side = images.shape[-1]
    edge = side / 2 + REACH
    corners = torch.tensor([[x, y, 1.0] for x in (-edge, edge) for y in (-edge, edge)], device=images.device)
    read = float((inverse[:, :2] @ corners.t()).abs().max()) - side / 2  # how far beyond the border any image is read
    margin = min(max(0, math.ceil(read)) + REACH + 1, max(side - 1, 3 * REACH))
    places = _reflected(side, margin, images.device)
    wide = resampled_up(images.index_select(2, places).index_select(3, places))
    theta = inverse.clone()
    theta[:, :2, 2] *= 2
    half = torch.eye(3, device=images.device).repeat(2, 1, 1)
    half[0, :2, 2], half[1, :2, 2] = -0.5, 0.5  # the doubled image's centre is half a pixel off
    theta = half[0] @ theta @ half[1]
    out = 2 * (side + 2 * REACH)
    theta[:, :2, :2] *= out / wide.shape[-1]
    theta[:, :2, 2] *= 2 / wide.shape[-1]
    grid = F.affine_grid(theta[:, :2], [len(images), images.shape[1], out, out], align_corners=False)
    return resampled_down(F.grid_sample(wide, grid, mode="bilinear", padding_mode="zeros", align_corners=False))


@lru_cache(maxsize=4)
def _sym6(device: torch.device) -> Tensor:
    taps = torch.tensor(SYM6, device=device)
    return taps / taps.sum()


def resampled_up(images: Tensor) -> Tensor:
    """Twice the size, (B, channels, 2 R, 2 R)."""
    taps, channels, side = _sym6(images.device) * 2, images.shape[1], images.shape[-1]
    for shape, stride in SEPARATE:
        images = F.conv_transpose2d(images, taps.view(shape).repeat(channels, 1, 1, 1), stride=stride, groups=channels)
    return images[:, :, 5 : 5 + 2 * side, 5 : 5 + 2 * side]


def resampled_down(images: Tensor) -> Tensor:
    """Half the size, without the REACH pixels at each border: (B, channels, 2 (R + 2 REACH), ...) -> (B, channels, R, R)."""
    taps, channels = _sym6(images.device), images.shape[1]
    images = images[:, :, 1:-1, 1:-1]
    for shape, stride in SEPARATE:
        images = F.conv2d(images, taps.view(shape).repeat(channels, 1, 1, 1), stride=stride, groups=channels)
    return images


# Colour.


def colours(images: Tensor, chances: Mapping[str, float], draw: Draw) -> Tensor:
    """C of each image, (B, 4, 4), on colours (r, g, b, 1)."""
    one = torch.eye(4, device=images.device)
    found = one.expand(len(images), 4, 4)
    axis = torch.tensor([1.0, 1.0, 1.0, 0.0], device=images.device) / math.sqrt(3)
    luma = axis[:, None] * axis

    def then(found: Tensor, name: str, change: Tensor, chance: float) -> Tensor:
        return torch.where(_hits(name, chance, draw)[:, None, None], change @ found, found)

    if chance := chances.get("brightness"):
        more = draw("brightness", "normal", ()) * 0.2
        change = _matrix(((1.0, 0, 0, more), (0, 1.0, 0, more), (0, 0, 1.0, more), (0, 0, 0, 1.0)), more)
        found = then(found, "brightness", change, chance)
    if chance := chances.get("contrast"):
        scale = torch.exp2(draw("contrast", "normal", ()) * 0.5)
        found = then(
            found,
            "contrast",
            _matrix(((scale, 0, 0, 0), (0, scale, 0, 0), (0, 0, scale, 0), (0, 0, 0, 1.0)), scale),
            chance,
        )
    if chance := chances.get("lumaflip"):
        flipped = (draw("lumaflip", "uniform", ()) * 2).floor()[:, None, None]
        found = then(found, "lumaflip", one - 2 * luma * flipped, chance)
    if images.shape[1] > 1 and (chance := chances.get("hue")):
        angle = (draw("hue", "uniform", ()) * 2 - 1) * math.pi
        found = then(found, "hue", _about(axis, angle), chance)
    if images.shape[1] > 1 and (chance := chances.get("saturation")):
        scale = torch.exp2(draw("saturation", "normal", ()))[:, None, None]
        found = then(found, "saturation", luma + (one - luma) * scale, chance)
    return found


def _about(axis: Tensor, angle: Tensor) -> Tensor:
    """Rotation of colours about an axis (x, y, z, 0) of length 1, (B, 4, 4); Rodrigues' formula."""
    x, y, z = axis[:3].tolist()
    cross = torch.tensor([[0, -z, y, 0], [z, 0, -x, 0], [-y, x, 0, 0], [0, 0, 0, 0]], device=angle.device)
    one = torch.eye(4, device=angle.device)
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
    return one + sin * cross + (1 - cos) * (cross @ cross)


def recoloured(images: Tensor, matrix: Tensor) -> Tensor:
    """Colours changed by C (B, 4, 4); of greyscale images, by the mean of its rows."""
    changed = (matrix != torch.eye(4, device=images.device)).flatten(1).any(dim=1).nonzero()[:, 0]
    if not len(changed):
        return images
    seen, matrix = images[changed], matrix[changed]
    if images.shape[1] == 3:
        made = torch.einsum("bij,bjhw->bihw", matrix[:, :3, :3], seen) + matrix[:, :3, 3, None, None]
    else:
        row = matrix[:, :3].mean(dim=1)
        made = seen * row[:, :3].sum(dim=1)[:, None, None, None] + row[:, 3, None, None, None]
    return images.index_put((changed,), made.to(images.dtype))


# Corruptions.


def band_gains(images: Tensor, chance: float, draw: Draw) -> Tensor:
    """Gains (B, 4) of four frequency bands, each drawn by itself, with the expected power kept."""
    gains = torch.ones(len(images), 4, device=images.device)
    power = torch.tensor(EXPECTED_POWER, device=images.device)
    for band in range(4):
        gain = torch.ones_like(gains)
        gain[:, band] = torch.where(
            _hits(f"imgfilter {band}", chance, draw), torch.exp2(draw(f"imgfilter {band}", "normal", ())), gain[:, band]
        )
        gains = gains * gain / (power * gain.square()).sum(dim=1, keepdim=True).sqrt()
    return gains


@lru_cache(maxsize=4)
def filter_bank(device: torch.device) -> Tensor:
    """Filters (4, taps) of the four bands, from the lowest; their sum is the identity."""
    low = torch.tensor(SYM2, dtype=torch.float64)
    high = low * torch.tensor([1.0, -1.0, 1.0, -1.0], dtype=torch.float64)
    low2, high2 = (_convolved(taps, taps.flip(0)) / 2 for taps in (low, high))
    bank = torch.eye(4, 1, dtype=torch.float64)
    for band in range(1, 4):
        sparse = torch.stack([bank, torch.zeros_like(bank)], dim=2).flatten(1)[:, :-1]
        bank = torch.stack([_convolved(taps, low2) for taps in sparse])
        start = (bank.shape[1] - len(high2)) // 2
        bank[band, start : start + len(high2)] += high2
    return bank.float().to(device)


def _convolved(one: Tensor, other: Tensor) -> Tensor:
    return F.conv1d(F.pad(one, [len(other) - 1] * 2)[None, None], other.flip(0)[None, None])[0, 0]


def filtered(images: Tensor, gains: Tensor) -> Tensor:
    """Images with their frequency bands scaled by gains (B, 4); reflected at their borders."""
    changed = (gains != 1).any(dim=1).nonzero()[:, 0]
    if not len(changed):
        return images
    seen, taps = images[changed], gains[changed] @ filter_bank(images.device)
    count, channels, height, width = seen.shape
    reach = taps.shape[1] // 2
    for axis, side in ((2, height), (3, width)):
        within = seen.index_select(axis, _reflected(side, reach, images.device))
        kernel = taps[:, None, :, None] if axis == 2 else taps[:, None, None, :]
        flat = within.reshape(1, count * channels, *within.shape[2:])
        kernel = kernel.repeat_interleave(channels, dim=0)
        seen = F.conv2d(flat, kernel, groups=count * channels).view(count, channels, height, width)
    return images.index_put((changed,), seen.to(images.dtype))


def _reflected(side: int, reach: int, device: torch.device) -> Tensor:
    """Indices of an axis extended by reflection at both ends, however far."""
    return _within(torch.arange(-reach, side + reach, device=device), side)


def _within(places: Tensor, side: int) -> Tensor:
    """Places reflected into [0, side), however far outside they are."""
    at = places % max(2 * side - 2, 1)
    return torch.minimum(at, 2 * side - 2 - at)


def cut(images: Tensor, centres: Tensor, hit: Tensor) -> Tensor:
    """A square of half the side set to 0 about a centre (B, 2) in [0, 1], in the images that are hit."""
    height, width = images.shape[2:]
    x = (torch.arange(width, device=images.device) + 0.5) / width - centres[:, :1]
    y = (torch.arange(height, device=images.device) + 0.5) / height - centres[:, 1:]
    within = (y.abs() < 0.25)[:, None, :, None] & (x.abs() < 0.25)[:, None, None, :]
    return images * ~(within & hit[:, None, None, None])
