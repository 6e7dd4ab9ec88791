"""What the sentences under the tables say is what the tables' figures say."""

import math
import re

from tests.conftest import ROOT

TABLES = ROOT / "docs/tables"


def rows(name: str) -> list[list[str]]:
    """The rows of the first table of a page, without its head."""
    lines = [line for line in (TABLES / f"{name}.md").read_text().splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def text(name: str) -> str:
    return " ".join((TABLES / f"{name}.md").read_text().split())


def measured(cell: str) -> tuple[float, float]:
    """Mean and standard error."""
    mean, _, error = cell.partition(" ± ")
    return float(mean), float(error or "nan")


def apart(one: str, other: str) -> bool:
    """Whether two figures differ by more than both standard errors together."""
    (a, of_a), (b, of_b) = measured(one), measured(other)
    return abs(a - b) > of_a + of_b


def test_stacked_mnist() -> None:
    modes = {row[0].split(" = ")[0]: row[2] for row in rows("stacked_mnist")}
    dcgan, two, three, four = (modes[name] for name in ("DCGAN", "PacDCGAN2", "PacDCGAN3", "PacDCGAN4"))
    pairs = {
        "2 DCGAN": (two, dcgan),
        "3 DCGAN": (three, dcgan),
        "4 DCGAN": (four, dcgan),
        "3 2": (three, two),
        "4 2": (four, two),
        "4 3": (four, three),
    }
    assert {name for name, pair in pairs.items() if apart(*pair)} == {"3 DCGAN", "4 DCGAN", "3 2", "4 2", "4 3"}
    assert not any(apart(modes[f"unrolled {steps}"], dcgan) for steps in (1, 5, 10))
    assert "only packs of 3 and 4, each beside DCGAN and beside packs of 2, and packs of 3 beside 4, are apart" in text(
        "stacked_mnist"
    )
    best = sorted(modes, key=lambda name: -measured(modes[name])[0])
    assert best[:2] == ["paired relativistic + R1 + R2", "WGAN-GP"] and "by far the most, then WGAN-GP" in text(
        "stacked_mnist"
    )


def test_dirac() -> None:
    alternating = {row[0]: float(row[2].split()[0]) for row in rows("dirac")}
    circling = {loss for loss, distance in alternating.items() if distance == 1.4}
    assert circling == {"minimax", "WGAN", "hinge"} and "1.41 for minimax, WGAN and hinge" in text("dirac")
    assert (
        alternating["non-saturating"] == 0.39
        and alternating["LSGAN"] == 1.3
        and "ends at 0.39 and LSGAN at 1.3" in text("dirac")
    )
    assert {row[0] for row in rows("dirac") if float(row[4].split()[0]) > 1e-4} == {"LSGAN"}
    assert "R1 converges for all but LSGAN" in text("dirac")


def test_ring_grid() -> None:
    found = {(row[0], row[1]): row for row in rows("ring_grid")}
    packed = [name for world, name in found if world == "ring" and name != "GAN"]
    for world in ("ring", "grid"):
        assert all(apart(found[world, name][7], found[world, "GAN"][7]) for name in packed)
    assert all(apart(found["grid", name][3], found["grid", "GAN"][3]) for name in packed)
    mean, error = measured(found["ring", "GAN"][3])
    t = (8 - mean) / error
    p = 1 - t / math.sqrt(t * t + 2)  # two-sided, with 2 degrees of freedom
    assert f"{p:.2f}" == "0.23" and "p = 0.23" in text("ring_grid")


def test_progressive() -> None:
    def ratios(images: str, metric: str) -> list[float]:
        return [float(row[5]) for row in rows("progressive") if row[0] == images and row[2].startswith(metric)]

    of_fid = ratios("dolls 64x64", "local FID")
    assert (min(of_fid), max(of_fid)) == (0.67, 0.72) and "takes 0.67 to 0.72 of the chain's time" in text(
        "progressive"
    )
    assert [ratio > 1 for ratio in ratios("dolls 64x64", "SWD")] == [False, False, False, True]
    assert all(ratio < 1 for metric in ("local FID", "SWD") for ratio in ratios("Fashion-MNIST 32x32", metric))


def test_stress() -> None:
    cells = {row[0]: row[1:] for row in rows("stress")}
    survives = {loss for loss, row in cells.items() if not row[0].startswith("2/2")}
    assert survives == {"RaSGAN", "RaLSGAN"} and "a seed each of two relativistic averages, RaSGAN and RaLSGAN" in text(
        "stress"
    )
    assert sum(row[2].startswith("0/2") for row in cells.values()) == 6 and "six of eight losses" in text("stress")
    assert all(row[place].startswith("2/2") for row in cells.values() for place in (1, 3))
    assert not re.search("±", " ".join(cell for row in cells.values() for cell in row)), (
        "two seeds have no standard error"
    )
