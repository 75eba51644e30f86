"""Curves as pictures: the history of a training, the ascents of a unit's OIPs."""

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from lib.arrays import Array
from lib.draw.lettering import number
from lib.draw.paper import png_bytes
from lib.errors import BadInput

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TRAINING = "#1f5fa8"
TEST = "#c05000"

# matplotlib keeps settings and caches for the whole process; a plot takes a tenth of a second, and few are drawn.
_ONE_AT_A_TIME = threading.Lock()


def history_plot(history: Mapping[str, Sequence[float]]) -> bytes:
    """Accuracy, loss and learning rate of every epoch, as PNG.

    `history` has one number an epoch under `accuracy` and `loss` (of the training set), `test_accuracy` and `test_loss`
    (Keras's `val_accuracy` and `val_loss` mean the same) and `learning_rate`. What is missing is left out, and so is
    what has another name.
    """
    panels = [
        (label, lines)
        for label, wanted in (
            ("accuracy", [("accuracy", "training", TRAINING), ("test_accuracy", "test", TEST)]),
            ("loss", [("loss", "training", TRAINING), ("test_loss", "test", TEST)]),
            ("learning rate", [("learning_rate", "", TRAINING)]),
        )
        if (lines := [(values, name, colour) for key, name, colour in wanted if (values := _values(history, key))])
    ]
    if not panels:
        raise BadInput("a history needs at least one epoch of accuracy, loss or learning_rate")
    with _ONE_AT_A_TIME, _defaults():
        figure = _figure(4.6 * len(panels), 3.6)
        for place, (label, lines) in enumerate(panels, start=1):
            axes = figure.add_subplot(1, len(panels), place)
            for values, name, colour in lines:
                axes.plot(range(1, len(values) + 1), values, color=colour, marker="o", markersize=3.5, label=name)
            axes.set_title(label, fontsize=11)
            axes.set_xlabel("epoch")
            _whole_numbers(axes)
            if any(name for _, name, _ in lines):
                axes.legend(frameon=False)
        return _png(figure)


def _values(history: Mapping[str, Sequence[float]], key: str) -> list[float]:
    values = history.get(key, history.get(key.replace("test_", "val_"), ()))
    return [float(value) for value in values]


def ascent_plot(curves: Array, *, title: str = "") -> bytes:
    """The response of each OIP of a unit at every step of its ascent, `curves` [k, steps], as PNG.

    The legend says where each ended; `title` names the unit.
    """
    values = np.asarray(curves, dtype=np.float64)
    if values.ndim != 2 or 0 in values.shape:
        raise BadInput(f"ascents are curves [OIPs, steps], none of them 0; these have {values.shape}")
    with _ONE_AT_A_TIME, _defaults():
        from matplotlib import colormaps

        figure = _figure(6.4, 3.8)
        axes = figure.add_subplot()
        shades = colormaps["viridis"](np.linspace(0, 0.85, len(values)))
        for place, (curve, shade) in enumerate(zip(values, shades, strict=True), start=1):
            axes.plot(
                range(1, len(curve) + 1),
                curve,
                color=shade,
                linewidth=1.4,
                marker="o" if len(curve) == 1 else "",
                label=f"OIP {place}: {number(float(curve[-1]))}",
            )
        axes.set_title(_shorten(title), fontsize=11, parse_math=False)
        axes.set_xlabel("step")
        axes.set_ylabel("response")
        _whole_numbers(axes)
        if len(values) <= 12:  # more would hide the curves
            axes.legend(frameon=False, fontsize=9)
        return _png(figure)


def _shorten(title: str, most: int = 64) -> str:
    half = most // 2
    return title if len(title) <= most else f"{title[: half - 1]}…{title[-half:]}"


def _defaults() -> Any:
    """matplotlib as it comes, whatever a user's matplotlibrc says: the bytes depend on the numbers alone."""
    import matplotlib

    return matplotlib.rc_context(dict(matplotlib.rcParamsDefault) | {"backend": "agg"})


def _figure(wide: float, high: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(wide, high), dpi=110, layout="constrained", facecolor="white")


def _whole_numbers(axes: "Axes") -> None:
    """Ticks along epochs or steps, which are whole numbers; faint lines to read by."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def _png(figure: "Figure") -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return png_bytes(Image.fromarray(np.asarray(canvas.buffer_rgba())[:, :, :3]))
