"""The curves of a training, drawn for people."""

from pathlib import Path

from data.files import whole_file

LOSSES = ("loss_d", "loss_g")
LOGITS = ("d_real", "d_fake")


def draw_curves(rows: list[dict[str, str]], path: Path, title: str) -> None:
    """Losses, logits and added terms over kimg as a PNG; `rows` are those of history.csv."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    kimg = [float(row["kimg"]) for row in rows]
    terms = [name for name in list(rows[0])[3:] if name not in (*LOSSES, *LOGITS)]
    panels = [("losses", LOSSES), ("mean logits of reals and fakes", LOGITS), *((name, (name,)) for name in terms)]
    figure = Figure(figsize=(4.2 * len(panels), 3.2), layout="constrained", dpi=100)
    figure.suptitle(title)
    for axes, (name, columns) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for column in columns:
            axes.plot(kimg, [float(row[column]) for row in rows], label=column, linewidth=1.3)
        axes.set_title(name, fontsize=10)
        axes.set_xlabel("kimg")
        axes.grid(alpha=0.3)
        if len(columns) > 1:
            axes.legend(fontsize=8)
    with whole_file(path) as partial:
        FigureCanvasAgg(figure).print_png(str(partial))  # type: ignore[no-untyped-call]
