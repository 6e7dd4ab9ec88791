"""What the sentences under the tables say is what the tables' figures say."""

import math
import re

import pytest

from espalier.stages.config.params import read_params
from espalier.stages.tricks.gradient_penalty import GradientPenalty
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


def test_ttur() -> None:
    table = rows("ttur")
    deviation = re.fullmatch(r"([\d.]+) ± [\d.]+ \(SD ([\d.]+)\)", table[0][3])
    assert deviation and float(deviation[2]) / float(deviation[1]) == pytest.approx(0.75, abs=0.03)
    assert "standard deviation is three quarters of the mean" in text("ttur")
    soonest = min(table, key=lambda row: float(row[5].split(",")[0]))
    least = min(table, key=lambda row: float(row[3].split()[0]))
    assert soonest[0] == "0.0001, 0.01" and "x slowed, is the paper's two time scales: it arrives soonest" in text(
        "ttur"
    )
    assert least[0] == "0.001, 0.001" and "a single small rate ends with less noise" in text("ttur")
    for row in table:  # our three seeds beside three hundred
        (ours, error), beside = measured(row[2]), float(row[3].split()[0])
        assert abs(ours - beside) < 3 * error, row


def test_sick() -> None:
    table = {row[0]: row[1:] for row in rows("sick")}
    assert list(table)[0] == "cases held out"
    for name in ("cases held out", "cases looked at"):
        for cell in (table[name][1], table[name][2]):
            found, of, low, high = map(int, re.fullmatch(r"(\d+) of (\d+) \((\d+)-(\d+)%\)", cell).groups())  # type: ignore[union-attr]
            assert low <= 100 * found / of <= high and (low, high) == wilson(found, of)

    def of(name: str, column: int) -> list[int]:
        return [int(number) for number in re.findall(r"\d+", table[name][column])[:2]]

    for column in (1, 2):
        held, seen = of("cases held out", column), of("cases looked at", column)
        assert held[0] / held[1] < seen[0] / seen[1]
    assert "Of the cases held out, fewer are called sick and mended" in text("sick")
    assert of("all", 2)[0] / of("all", 2)[1] > 0.9 > 0.1 > of("all", 3)[0] / of("all", 3)[1]  # mended, and by chance
    lines = (TABLES / "sick.md").read_text().splitlines()
    assert "13 of 94 (8-22%)" in lines[2] and wilson(13, 94) == (8, 22)


def wilson(found: int, of: int, z: float = 1.96) -> tuple[int, int]:
    """Wilson's interval in whole percents, by its closed form."""
    share, scale = found / of, 1 + z * z / of
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    low, high = ((share + z * z / (2 * of) + sign * half) / scale for sign in (-1, 1))
    return round(100 * low), round(100 * high)


def test_lazy_penalty() -> None:
    table = {row[0]: row for row in rows("lazy_penalty")}
    best, *others = table.values()
    assert best[0] == "every iteration" and {row[1] for row in table.values()} == {"3"}
    overlapping = set()
    for column, what in ((3, "images"), (4, "time")):
        assert all(measured(best[column])[0] < measured(row[column])[0] for row in others)
        overlapping |= {(row[0], what) for row in others if not apart(best[column], row[column])}
    assert overlapping == {("every: 4", "time")}
    for every in ("4", "16"):
        within, separate, compensated = (
            table[name][3]
            for name in (f"every: {every}", f"{every}, separate and compensated", f"{every}, compensated")
        )
        assert measured(compensated)[0] < min(measured(within)[0], measured(separate)[0])
        assert not apart(within, separate)
    said = text("lazy_penalty")
    assert "and after equal time, too, but for `every: 4`" in said and "separate step is not apart from `every`" in said
    default = read_params(ROOT / "params.yaml")["progan"]["common"]["tricks"]["gradient_penalty"]
    assert "every" not in default and GradientPenalty().every == 1
