"""python -m benchmarks.stacked_mnist: modes of stacked MNIST under a crippled discriminator (Unrolled GAN's and PacGAN's
tables).

Reduced: digits of 16x16 instead of 28x28, 1,000 updates of 64 packs instead of 500,000 of 128, PyTorch's initial weights instead
of N(0, 0.02), 3 seeds instead of 50. With so few updates a narrow discriminator of packs learns nothing from N(0, 0.02), whose
directions Adam's first steps throw about. After 5,000 updates of 0.0005 and 0.001 the discriminators of DCGAN and of packs
of 4 were at chance (seed 0), and what is counted then is blobs.
"""

import sys

from matplotlib.figure import Figure

from benchmarks.worlds import TABLES, draw_dots, main, markdown, mean, metrics, write_table

PUBLISHED = {  # the discriminator of a quarter of the width: modes of 1000, and KL; standard errors
    "dcgan": ("DCGAN = unrolled 0", "30.6 ± 20.7 [1], 78.5 ± 17.6 [2]", "5.99 ± 0.42, 5.21 ± 0.19"),
    "unrolled1": ("unrolled 1", "65.4 ± 34.8 [1]", "5.91 ± 0.14"),
    "unrolled5": ("unrolled 5", "236.4 ± 63.3 [1]", "4.67 ± 0.43"),
    "unrolled10": ("unrolled 10", "327.2 ± 74.7 [1]", "4.66 ± 0.46"),
    "pac2": ("PacDCGAN2", "484.5 ± 33.0 [2]", "2.61 ± 0.22"),
    "pac3": ("PacDCGAN3", "601.3 ± 32.2 [2]", "2.00 ± 0.17"),
    "pac4": ("PacDCGAN4", "667.4 ± 29.0 [2]", "1.81 ± 0.15"),
    "wgan_gp": ("WGAN-GP", "640.1 [3], other networks", "1.97"),
    "stddev": ("minibatch stddev", "881.3 [3], other networks", "1.09"),
    "rsgan": ("RSGAN", "", ""),
    "r3gan": ("paired relativistic + R1 + R2", "", ""),
}
PROTOCOLS = {
    "": "reduced: digits of 16x16, a generator of 32, 16 and 8 maps and a discriminator of 4 and 8, PyTorch's initial weights, "
    "1,000 updates of 64 packs with rates 0.0003 (generator) and 0.001 (discriminator)",
    "_full": "digits of 32x32, 500,000 updates of 128 packs with rates 0.0001 and 0.0002, as released but for the padding",
}
READINGS = {
    "": """\
Reading. On the mean, 5 and 10 unrolled steps find half as many modes again as none, and packs of 2, 3 and 4 a third
more, twice and two thirds more than DCGAN. Seeds differ so much that of these only packs of 3 and 4, each beside DCGAN
and beside packs of 2, and packs of 3 beside 4, are apart by more than both standard errors together; on 1 step
nothing is shown. The rates are one of seven pairs that were tried, on these seeds: with 0.0005 for the generator packs
of 2, 3 and 4 found 376, 327 and 357. The paired relativistic loss with R1 and R2 finds by far the most, then WGAN-GP;
the paired loss and minibatch stddev by themselves do not help.

""",
    "_full": "",
}
NOTES = """\
Modes of 1000 and KL to the uniform (nats) of 25,600 samples of the last state, by a digit classifier of at least 99 %
test accuracy trained as a stage; mean ± standard error over seeds. WGAN-GP has layer norm in the discriminator and R1
+ R2 none, since batch norm and penalties are refused together. Perfect samples have a KL of 0.02.

1. Metz et al., "Unrolled Generative Adversarial Networks", table 1. 2. Lin et al., "PacGAN", table 3. 3. Karras et
al., "Progressive Growing of GANs", appendix E. Made by `python -m benchmarks.stacked_mnist`."""


def table(ending: str) -> None:
    """Ours beside the published rows, and every run as a dot."""
    keys = {key: row[0] for key, row in PUBLISHED.items()}
    modes, kl = (metrics("stacked" + ending, keys, name) for name in ("modes", "kl"))
    rows = [
        [title, len(modes[title]), mean(modes[title]), of_modes, mean(kl[title]), of_kl]
        for title, of_modes, of_kl in PUBLISHED.values()
        if title in modes
    ]
    head = ["method", "seeds", "modes", "published", "KL", "published"]
    text = f"# Stacked MNIST with a crippled discriminator\n\nProtocol {PROTOCOLS[ending]}.\n\n{markdown(head, rows)}"
    write_table(
        "stacked_mnist" + ending, f"{text}\n\n{READINGS[ending]}{NOTES}\n\n![every run](stacked_mnist{ending}.png)"
    )
    figure = Figure(figsize=(9, 4), dpi=120, layout="constrained")
    axes = figure.subplots()
    draw_dots(axes, modes)
    axes.set_ylabel("modes found, of 1000")
    figure.savefig(TABLES / f"stacked_mnist{ending}.png")


if __name__ == "__main__":
    sys.exit(main(__doc__ or "", ("stacked",), table, full=True))
