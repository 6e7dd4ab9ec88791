"""python -m benchmarks.dirac: which losses and penalties converge on the Dirac-GAN, which circle, which diverge."""

import sys

from matplotlib.figure import Figure

from benchmarks.worlds import TABLES, main, markdown, metrics, write_table

GAMES = {"minimax": "minimax", "nonsaturating": "non-saturating", "wgan": "WGAN", "hinge": "hinge", "lsgan": "LSGAN"}
RUNS = {
    "none": "simultaneous",
    "alternating": "alternating",
    "slow": "simultaneous, rate 0.01",
    "r1": "R1",
    "gp": "WGAN-GP penalty",
    "noise": "instance noise",
}
EXPECTED = {  # from the closed form, computed apart from this code
    "minimax": ("2.18", "1.40", "1.49", "< 1e-4", "14 to 19", ""),
    "nonsaturating": ("0.52", "0.39", "0.40", "< 1e-4", "2.0 to 4.3", "1e-5"),
    "wgan": ("17.0", "1.41", "1.82", "< 1e-4", "16 to 18", ""),
    "hinge": ("1.44", "1.41", "1.42", "< 1e-4", "3.9 to 19", ""),
    "lsgan": ("1.33", "1.32", "1.34", "1.2", "1.4 to 2.0", ""),
}
NOTES = """\
Distance from the equilibrium (0, 0) after 500 steps of gradient descent of rate 0.1 from (1, 1), simultaneous unless
said; with rate 0.01, 5000 steps. R1 with gamma 1, WGAN-GP's penalty with weight 10, noise of standard deviation 1 in
batches of 256. In brackets what an integration of the same equations by hand gives. Reading: without a penalty
simultaneous steps spiral outwards (minimax, WGAN), and alternating ones circle at the start's 1.41 for minimax, WGAN and
hinge, while non-saturating ends at 0.39 and LSGAN at 1.3; R1 converges for all but LSGAN, and so does instance noise for
the logistic losses, up to the noise of its batches (the closed form is of its mean); WGAN-GP's penalty never does.
LSGAN's psi dies at 0 with theta still off, since a discriminator
without bias cannot say 1 at 0, and nothing rescues it.

Setting: Mescheder et al., "Which Training Methods for GANs do actually Converge?". Made by `python -m
benchmarks.dirac`."""


def table(ending: str) -> None:
    """Distances beside those expected, and a plot of them."""
    columns = [metrics("dirac", {f"{game}-{run}": game for game in GAMES}, "distance", seeds=False) for run in RUNS]
    rows = [
        [title, *(f"{c[game][0]:.2g}" + (f" ({e})" if e else "") for c, e in zip(columns, EXPECTED[game], strict=True))]
        for game, title in GAMES.items()
    ]
    write_table(
        "dirac", f"# Dirac-GAN\n\n{markdown(['loss', *RUNS.values()], rows)}\n\n{NOTES}\n\n![distances](dirac.png)"
    )
    figure = Figure(figsize=(8, 3.6), dpi=120, layout="constrained")
    axes = figure.subplots()
    for place, (column, name) in enumerate(zip(columns, RUNS.values(), strict=True)):
        heights = [max(column[game][0], 1e-6) for game in GAMES]
        axes.bar([x + place * 0.13 for x in range(len(GAMES))], heights, 0.13, label=name)
    axes.axhline(2**0.5, color="black", linewidth=0.8, linestyle=":")
    axes.set_yscale("log")
    axes.set_ylabel("distance (start: 1.41)")
    axes.set_xticks([x + 0.33 for x in range(len(GAMES))], list(GAMES.values()))
    axes.legend(ncols=3, fontsize=8, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1))
    figure.savefig(TABLES / "dirac.png")


if __name__ == "__main__":
    sys.exit(main(__doc__ or "", ("dirac",), table))
