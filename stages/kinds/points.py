"""Points for people: where a generator puts them, over where the data are."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

SHOWN = 2500
"""Points drawn of each kind."""


def scatter(fakes: Tensor, reals: NDArray[np.float32] | None = None) -> Image.Image:
    """Fakes in orange over reals in grey, first two dimensions, the frame fitted to the reals (or fakes) with a margin."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    kinds = [(fakes.numpy()[:SHOWN], "#d9480f", "generated", 4)]
    if reals is None:
        reals = kinds[0][0]
    else:
        kinds.insert(0, (reals[:SHOWN], "#9aa3ad", "data", 6))
    figure = Figure(figsize=(5, 5), dpi=120, layout="constrained")
    axes = figure.subplots()
    for points, colour, name, size in kinds:
        y = points[:, 1] if points.shape[1] > 1 else np.zeros(len(points))
        axes.scatter(points[:, 0], y, s=size, c=colour, label=name, alpha=0.6, linewidths=0)
    middle, half = reals.mean(0), 1.35 * max(float(np.ptp(reals, axis=0).max()) / 2, 1.0)
    axes.set_xlim(middle[0] - half, middle[0] + half)
    axes.set_ylim(middle[-1] - half, middle[-1] + half)
    axes.set_aspect("equal")
    axes.legend(loc="upper right", frameon=False)
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)  # type: ignore[no-untyped-call]
    return Image.open(buffer).convert("RGB")
