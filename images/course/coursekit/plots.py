"""Figures that several notebooks need: images, decision regions, confusion matrices."""

from collections.abc import Callable, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from torch import Tensor

from coursekit.figures import COLOURS, INK, PAPER, show

_REGIONS = LinearSegmentedColormap.from_list("regions", [COLOURS[0], PAPER, COLOURS[1]])
_COUNTS = LinearSegmentedColormap.from_list("counts", [PAPER, COLOURS[0], "#00294a"])
_MARKERS = ("o", "^", "s", "D")


def show_images(
    images: Tensor, titles: Sequence[str] | None = None, *, columns: int = 8, alt: str
) -> None:
    """Shows images (number, channels, height, width) in rows, each under its title."""
    images = images.detach().cpu()
    rows = -(-len(images) // columns)
    height = 1.15 if titles is None else 1.4
    figure, grid = plt.subplots(
        rows, columns, figsize=(1.05 * columns, height * rows), squeeze=False
    )
    for place, axes in enumerate(grid.flat):
        axes.axis("off")
        if place < len(images):
            axes.imshow(images[place].permute(1, 2, 0).squeeze(-1).numpy(), cmap="gray")
            if titles is not None:
                axes.set_title(titles[place], fontsize=9, loc="center")
    show(figure, alt)


def show_boundary(
    probability: Callable[[Tensor], Tensor],
    points: Tensor,
    labels: Tensor,
    *,
    alt: str = "",
    title: str = "",
    axes: Axes | None = None,
) -> None:
    """Draws where in the plane a classifier of two classes says which.

    ``probability`` gives P(class 1) for points of the shape (number, 2). With ``axes`` given
    it draws there and leaves showing to the caller; without them ``alt`` says what is shown.
    """
    low, high = points.min(0).values - 0.5, points.max(0).values + 0.5
    across = torch.linspace(float(low[0]), float(high[0]), 160)
    up = torch.linspace(float(low[1]), float(high[1]), 160)
    grid = torch.cartesian_prod(up, across).flip(1)
    with torch.no_grad():
        surface = probability(grid).reshape(160, 160).cpu()
    figure = None
    if axes is None:
        figure, axes = plt.subplots(figsize=(5.4, 4.2))
    axes.contourf(
        across, up, surface, levels=np.linspace(0, 1, 21), cmap=_REGIONS, alpha=0.55, vmin=0, vmax=1
    )
    # A constant surface has no contour to draw, and matplotlib would warn.
    if surface.min() < 0.5 < surface.max():
        axes.contour(across, up, surface, levels=[0.5], colors=INK, linewidths=1.6)
    for label in (0, 1):
        chosen = points[labels == label]
        axes.scatter(
            chosen[:, 0],
            chosen[:, 1],
            marker=_MARKERS[label],
            s=26,
            color=COLOURS[label],
            edgecolor="white",
            linewidth=0.6,
            label=f"class {label}",
        )
    axes.grid(False)
    axes.set(xlabel="$x_1$", ylabel="$x_2$", title=title)
    if figure is not None:
        axes.legend(loc="upper right", frameon=True, facecolor=PAPER, framealpha=0.9)
        show(figure, alt)


def show_confusion(matrix: Any, classes: Sequence[str], *, title: str = "") -> None:
    """Shows a confusion matrix: rows are the true classes, columns what was predicted."""
    counts = np.asarray(matrix)
    size = max(4.2, 0.52 * len(classes) + 1)
    figure, axes = plt.subplots(figsize=(size + 0.4, size))
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    axes.imshow(share**0.5, cmap=_COUNTS, vmin=0, vmax=1)
    for row in range(len(classes)):
        for column in range(len(classes)):
            if counts[row, column]:
                axes.text(
                    column,
                    row,
                    f"{counts[row, column]}",
                    ha="center",
                    va="center",
                    fontsize=9,
                    color="white" if share[row, column] ** 0.5 > 0.45 else INK,
                )
    axes.grid(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    places = range(len(classes))
    turned = 60 if max(map(len, classes)) > 3 else 0
    axes.set_xticks(places, classes, rotation=turned)
    axes.set_yticks(places, classes)
    axes.set(xlabel="predicted", ylabel="true", title=title)
    right = np.trace(counts) / max(counts.sum(), 1)
    wrong = counts - np.diag(np.diag(counts))
    row, column = np.unravel_index(wrong.argmax(), wrong.shape)
    alt = f"Confusion matrix of {len(classes)} classes: {right:.1%} lie on the diagonal"
    if wrong.max() > 0:
        alt += (
            f"; the commonest mistake is {classes[row]} taken for {classes[column]}, "
            f"{wrong.max()} times"
        )
    show(figure, alt + ".")
