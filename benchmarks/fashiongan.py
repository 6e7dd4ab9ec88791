"""python -m benchmarks.fashiongan: outfits read against the sentence, of one-step and two-step GANs (FashionGAN's table).

Reduced: drawn people of 32x32 instead of photos of 128x128, widths of 8 and 16 instead of 64, 30 and 40 kimg, 3 seeds; read by
rule instead of by an attribute network. There is no other protocol: the paper's test images cannot be had.
"""

import shutil
import sys

from matplotlib.figure import Figure

from benchmarks.worlds import ROOT, TABLES, draw_dots, main, markdown, mean, metrics, write_table

METHODS = {
    "coarse7": "one-step GAN, 8x8 of 7 classes",
    "coarse4": "one-step GAN, 8x8 of 4 classes",
    "plain": "two-step, non-compositional",
    "composed": "two-step, compositional",
}
FIELDS = ("garment", "sleeve", "upper_color", "lower_color", "accuracy")
NOTES = """\
Share of 1,000 held-out people on whom a rule reads what another's sentence tells, in %, mean ± standard error over seeds;
accuracy is the mean of the four. Ceiling: the true images of the sentences' own dolls, read by the same rule. Chance: the
two-step compositional results against shuffled sentences. IoU: of hair and face in the first stage's map with the input's.
Frechet: distance to real images on pixels of 8x8; the floor is between two halves of the real ones.

After Zhu et al., "Be Your Own Prada", table 1, whose rows these are. Made by `python -m benchmarks.fashiongan`."""


def table(ending: str) -> None:
    """Accuracies of each method between chance and ceiling."""
    columns = {name: _of(name) for name in (*FIELDS, "frechet", "hair_iou", "face_iou")}
    rows = [_row("true images (ceiling)", [_of(f"{f}_ceiling") for f in FIELDS], _of("frechet_floor"), "composed")]
    for key, title in METHODS.items():
        if key in columns["accuracy"]:
            ious = [columns[n].get(key) for n in ("hair_iou", "face_iou")]
            row = _row(title, [columns[f] for f in FIELDS], columns["frechet"], key)
            rows.append([*row[:-2], *(mean([100 * v for v in iou]) if iou else "" for iou in ious)])
    rows.append(_row("sentences shuffled (chance)", [_of(f"{f}_chance") for f in FIELDS], {}, "composed"))
    head = ["method", "seeds", *(f.replace("_", " ") for f in FIELDS), "Frechet", "hair IoU", "face IoU"]
    title = "# Outfits read against the sentence\n\nProtocol reduced: drawn people of 32x32, 3 seeds."
    images = "![every run](fashiongan.png)\n\n![twelve held-out people](fashiongan-people.png)"
    write_table("fashiongan", f"{title}\n\n{markdown(head, rows)}\n\n{NOTES}\n\n{images}")
    if (people := ROOT / "artifacts/judged/composed-0/samples.png").is_file():
        shutil.copyfile(people, TABLES / "fashiongan-people.png")
    figure = Figure(figsize=(8, 4), dpi=120, layout="constrained")
    axes = figure.subplots()
    draw_dots(axes, {METHODS[key].replace(", ", "\n"): values for key, values in columns["accuracy"].items()})
    axes.set_ylabel("accuracy against the sentence")
    figure.savefig(TABLES / "fashiongan.png")


def _of(metric: str) -> dict[str, list[float]]:
    """A metric of each method's runs, of those that have it."""
    return metrics("judged", {key: key for key in METHODS}, metric)


def _row(title: str, shares: list[dict[str, list[float]]], distance: dict[str, list[float]], key: str) -> list[object]:
    seeds = len(shares[-1].get(key, []))
    cells = [mean([100 * v for v in share[key]]) if key in share else "" for share in shares]
    return [title, seeds, *cells, mean(distance[key]) if key in distance else "", "", ""]


if __name__ == "__main__":
    groups = (("outfit_shape",), ("outfit_one", "outfit_two"), ("judged",))
    sys.exit(main((__doc__ or "").splitlines()[0], groups, table))
