"""Points: raw coordinates, plotted over the data."""

import io
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from espalier.data.store import Store
from espalier.stages.contracts.condition import Condition
from espalier.stages.contracts.kind import Kind
from espalier.stages.process.seeds import chosen

SHOWN = 2500
"""Maximum number of generated points and of data points in a plot."""


def scatter(fakes: Tensor, reals: NDArray[np.float32] | None = None) -> Image.Image:
    """Scatter plot of the first two dimensions: orange fakes over grey reals; axes fit the reals (or fakes) plus a margin."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    made = fakes.numpy()
    kinds = [(made[chosen(len(made), SHOWN, "shown")], "#d9480f", "generated", 4)]
    if reals is None:
        reals = kinds[0][0]
    else:
        kinds.insert(0, (reals[np.sort(chosen(len(reals), SHOWN, "shown"))], "#9aa3ad", "data", 6))
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


class Points(Kind):
    """float32 (N, d), unchanged."""

    name = "points"
    shown, at_once = SHOWN, 4096

    def stored(self, store: Store, resolution: int | None) -> NDArray[Any]:
        return store.points()

    def verify(self, store: Store, resolution: int | None) -> None:
        store.verify(None)

    def batch(self, rows: Tensor) -> Tensor:
        return rows

    def finished(self, made: Tensor) -> Tensor:
        return made.float().cpu()

    def as_finished(self, stored: NDArray[Any]) -> Tensor:
        return torch.from_numpy(np.array(stored))

    def sheet(self, finished: Tensor, condition: Condition, reals: NDArray[Any]) -> Image.Image:
        return scatter(finished, reals)
