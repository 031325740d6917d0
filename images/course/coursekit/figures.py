"""How the course's figures look, and how they are shown with words for those who cannot see.

Every figure is a sheet of light paper with dark ink, so that it reads the same on a light
and on a dark JupyterLab. The colours stay apart for colour-blind eyes, and lines differ in
their dashes too.
"""

import base64
import html
import io
import time
from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
from cycler import cycler
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

PAPER = "#fbfaf5"
INK = "#1f2328"
COLOURS = ("#0072b2", "#d55e00", "#00795c", "#7d2a68", "#7a5c00", "#4d4d4d")
"""Blue, vermilion, green, purple, ochre, grey: in this order, at least 3 : 1 on the paper."""

_DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.2)), (0, (5, 1, 1, 1)), "-", (0, (3, 3)))
_DOTS_PER_INCH = 96
_SECONDS_BETWEEN_DRAWINGS = 0.4


def style() -> None:
    """Makes matplotlib draw in the course's style from now on, also ``plt.show()``."""
    plt.rcParams.update(
        {
            "figure.facecolor": PAPER,
            "savefig.facecolor": PAPER,
            "axes.facecolor": PAPER,
            "figure.figsize": (6.4, 3.8),
            "figure.dpi": _DOTS_PER_INCH,
            "figure.constrained_layout.use": True,
            "font.size": 11,
            "text.color": INK,
            "axes.labelcolor": INK,
            "axes.edgecolor": INK,
            "axes.titlecolor": INK,
            "axes.titlesize": 12,
            "axes.titlelocation": "left",
            "xtick.color": INK,
            "ytick.color": INK,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": "#dcdad0",
            "grid.linewidth": 0.7,
            "lines.linewidth": 2.0,
            "legend.frameon": False,
            "image.cmap": "cividis",
            "axes.prop_cycle": cycler(color=COLOURS) + cycler(linestyle=_DASHES),
        }
    )


def show(figure: Figure, alt: str) -> None:
    """Shows the figure below the cell and closes it; ``alt`` says what it shows, for screen
    readers. Outside a notebook the words alone are printed."""
    _display(_bundle(figure, alt))
    plt.close(figure)


class LiveCurves:
    """A plot that grows while a network trains.

        with LiveCurves("cross-entropy") as curves:
            for epoch in range(20):
                ...
                curves.add(training=..., validation=...)

    ``history`` keeps every number that was added, by name.
    """

    def __init__(self, quantity: str, *, step: str = "epoch") -> None:
        self.quantity, self.step = quantity, step
        self.history: dict[str, list[float]] = {}
        self._handle: Any = None
        self._drawn_at = -float("inf")

    def add(self, **values: float) -> None:
        """Adds one point to each named curve, and draws if the last drawing is old enough."""
        for name, value in values.items():
            self.history.setdefault(name, []).append(float(value))
        if time.monotonic() - self._drawn_at > _SECONDS_BETWEEN_DRAWINGS:
            self._draw()

    def __enter__(self) -> "LiveCurves":
        return self

    def __exit__(self, *_: object) -> None:
        if self.history:
            self._draw()

    def _draw(self) -> None:
        figure, axes = plt.subplots()
        for name, values in self.history.items():
            axes.plot(range(1, len(values) + 1), values, label=name)
            axes.plot(len(values), values[-1], "o", color=axes.lines[-1].get_color(), ms=4)
        axes.set(xlabel=self.step, ylabel=self.quantity)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend()
        ends = "; ".join(f"{name} ends at {v[-1]:.3g}" for name, v in self.history.items())
        bundle = _bundle(figure, f"{self.quantity} for each {self.step}: {ends}.")
        plt.close(figure)
        if self._handle is None:
            self._handle = _display(bundle, updatable=True)
        else:
            self._handle.update(bundle, raw=True)
        self._drawn_at = time.monotonic()


def _bundle(figure: Figure, alt: str) -> Mapping[str, str]:
    """The figure as an HTML image: the one kind of output whose words JupyterLab keeps.
    Drawn at twice the size it is shown, for sharp screens."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=2 * _DOTS_PER_INCH, metadata={"Software": None})
    data = base64.b64encode(content.getvalue()).decode()
    width = round(figure.get_figwidth() * _DOTS_PER_INCH)
    image = (
        f'<img src="data:image/png;base64,{data}" alt="{html.escape(alt)}" width="{width}" '
        'style="max-width: 100%; height: auto; border-radius: 6px">'
    )
    return {"text/html": image, "text/plain": alt}


def _display(bundle: Mapping[str, str], *, updatable: bool = False) -> Any:
    """Shows a bundle in the notebook; gives the handle that changes it, when asked."""
    try:
        from IPython import get_ipython
        from IPython.display import DisplayHandle, publish_display_data
    except ImportError:
        print(bundle["text/plain"])
        return _Nowhere()
    if get_ipython() is None:
        print(bundle["text/plain"])
        return _Nowhere()
    if not updatable:
        publish_display_data(dict(bundle))
        return None
    handle = DisplayHandle()
    handle.display(dict(bundle), raw=True)
    return handle


class _Nowhere:
    """The handle of a drawing outside a notebook."""

    def update(self, *_: object, **__: object) -> None:
        """Does nothing: the words were printed once."""
