"""python -m benchmarks.ring_grid: PacGAN's table 1, a GAN and its packed kin on 8 Gaussians on a ring and 25 on a grid.

Reduced: hidden layers of 64 instead of 400 and 200, 15,000 updates instead of 400,000, 3 seeds instead of 10, rates of
0.0005 (generator) and more (discriminator) instead of 0.0001 for both, other initial weights than N(0, 0.02), and the
grid in the scale of gan_toy.py. With weights of N(0, 0.02) and these few updates a discriminator of packs stays at chance.
"""

import sys
from pathlib import Path

from matplotlib.figure import Figure

from benchmarks.worlds import TABLES, draw_dots, main, markdown, mean, metrics, write_table

ROWS = {"gan": "GAN", "pac2": "PacGAN2", "pac3": "PacGAN3", "pac4": "PacGAN4"}
METRICS = {"modes": "modes", "hq_share": "high quality", "reverse_kl": "reverse KL"}
PROTOCOLS = {
    "": "reduced: 15,000 updates, hidden layers of 64; ring: 100 packs an update, He weights, rates 0.0005 (generator) and "
    "0.001 (discriminator); grid, divided by 2.828: 200 packs, PyTorch's uniform weights, 0.0005 and 0.003",
    "_full": "the released one: 400,000 updates of 100 packs of rate 0.0001, hidden layers of 400 and 200",
}
PUBLISHED = {  # PacGAN, table 1: 400,000 updates, 10 seeds, standard errors; high quality in %
    "ring": {
        "GAN": ("6.3 ± 0.5", "98.2 ± 0.2", "0.45 ± 0.09"),
        "PacGAN2": ("7.9 ± 0.1", "95.6 ± 2.0", "0.07 ± 0.03"),
        "PacGAN3": ("7.8 ± 0.1", "97.7 ± 0.3", "0.10 ± 0.02"),
        "PacGAN4": ("7.8 ± 0.1", "95.9 ± 1.4", "0.07 ± 0.02"),
    },
    "grid": {
        "GAN": ("17.3 ± 0.8", "94.8 ± 0.7", "0.70 ± 0.07"),
        "PacGAN2": ("23.8 ± 0.7", "91.3 ± 0.8", "0.13 ± 0.04"),
        "PacGAN3": ("24.6 ± 0.4", "94.2 ± 0.4", "0.06 ± 0.02"),
        "PacGAN4": ("24.8 ± 0.2", "93.6 ± 0.6", "0.04 ± 0.01"),
    },
}
NOTES = """\
Modes and reverse KL (nats) of 2,500 samples of the last state, a mode found where a sample lies within 3 standard
deviations; mean ± standard error over seeds. Perfect samples have 98.9 % of high quality and a reverse KL of 0.001
(ring) and 0.005 (grid). Published: Lin et al., "PacGAN", table 1 (400,000 updates, 10 seeds). Ours differs in fakes
of their own for each player's step, and in biases before batch norm. Made by `python -m benchmarks.ring_grid`."""


READINGS = {
    "": """\
Reading. On both worlds the GAN has a larger reverse KL than each packed one, by more than the standard errors of both
together. On the grid it finds fewer modes by as much; on the ring, 7 ± 0.58 of three seeds beside 8 may be chance
(Welch's t-test: p = 0.23). With so few updates the share of high quality is lower than published for all, and
packs of 4, whose discriminators take longest to leave chance, are not better than packs of 2 and 3 here.""",
    "_full": "",
}


def table(ending: str) -> None:
    """Ours beside the published rows, and every run as a dot."""
    lines, found = [], {}
    for world, published in PUBLISHED.items():
        columns = {name: metrics(world + ending, ROWS, metric) for metric, name in METRICS.items()}
        found[world] = columns["modes"], columns["reverse KL"]
        for row, (modes, share, kl) in published.items():
            if row in columns["modes"]:
                ours = [mean(columns[name][row]) for name in METRICS.values()]
                percent = mean([100 * value for value in columns["high quality"][row]])
                lines.append([world, row, ours[0].count, ours[0], modes, percent, share, ours[2], kl])
    head = ["world", "method", "seeds", "modes", "published", "high quality %", "published", "reverse KL", "published"]
    title = f"# Modes of a ring and a grid\n\nProtocol {PROTOCOLS[ending]}."
    write_table(
        "ring_grid" + ending,
        f"{title}\n\n{markdown(head, lines)}\n\n{READINGS[ending]}\n\n{NOTES}\n\n![every run](ring_grid{ending}.png)",
    )
    draw(found, TABLES / f"ring_grid{ending}.png")


def draw(found: dict[str, tuple[dict[str, list[float]], dict[str, list[float]]]], path: Path) -> None:
    """Modes and reverse KL of every run, with their means."""
    figure = Figure(figsize=(8, 5), dpi=120, layout="constrained")
    axes = figure.subplots(2, len(found), squeeze=False)
    for column, (world, metrics_of_world) in enumerate(found.items()):
        for row, (values, name) in enumerate(zip(metrics_of_world, ("modes found", "reverse KL (nats)"), strict=True)):
            draw_dots(axes[row][column], values)
            axes[row][column].set_title(f"{world}: {name}", fontsize=10)
    figure.savefig(path)


if __name__ == "__main__":
    sys.exit(main(__doc__.splitlines()[0], (("ring", "grid"),), table, full=True))
