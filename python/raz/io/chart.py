"""Charts of lines and of bars, drawn by matplotlib without its global state.

matplotlib is optional: ``pip install ".[plot]"``. It is imported when a chart is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from raz.errors import installs

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "Bars",
    "Line",
    "Panel",
    "bar_figure",
    "line_figure",
    "require_matplotlib",
    "share_figure",
    "to_image",
]

_WIDTH, _HEIGHT = 9.6, 6.4
"""Of a chart of one panel, in inches; a hundred pixels each."""

_PIXELS = 100


@dataclass(frozen=True)
class Line:
    """Values at increasing places, of one length. NaN leaves a gap. ``pale`` lies beneath.

    Example:
        >>> Line([0, 10, 20], [3.0, 2.0, 1.5], pale=[3.0, 1.0, 1.5]).y
        [3.0, 2.0, 1.5]
    """

    x: Sequence[float]
    y: Sequence[float]
    pale: Sequence[float] = ()


@dataclass(frozen=True)
class Panel:
    """Lines by name over one y axis, with a legend.

    Attributes:
        lines: the lines by name.
        title: what the values are; it stands above the legend.
        log: the y axis is logarithmic, and values that are not positive leave gaps. A linear axis
            begins at 0, or below where values are negative.

    Example:
        >>> Panel({"density": Line([0, 10], [30.0, 2.0])}, title="loss", log=True).title
        'loss'
    """

    lines: Mapping[str, Line]
    title: str = ""
    log: bool = False


@dataclass(frozen=True)
class Bars:
    """A histogram: ``counts`` of the bins between ``edges``, which are one more.

    Example:
        >>> Bars((0, 1, 3), (5, 2), title="7 images", x_label="heads per image").counts
        (5, 2)
    """

    edges: Sequence[float]
    counts: Sequence[int]
    title: str
    x_label: str


def require_matplotlib() -> None:
    """Check that charts can be drawn.

    Raises:
        ImportError: matplotlib is not installed.

    Example:
        >>> require_matplotlib()
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise ImportError(f"drawing charts needs matplotlib: {installs('plot')}") from error


def line_figure(panels: Sequence[Panel], *, title: str, x_label: str) -> Figure:
    """Draw panels, one below the other, over one x axis that begins at 0.

    Args:
        panels: at least one.
        title: above the first panel.
        x_label: below the last panel.

    Raises:
        ImportError: matplotlib is not installed.

    Example:
        >>> losses = Panel({"density": Line([0, 10], [30.0, 2.0])}, title="loss", log=True)
        >>> len(line_figure([losses], title="training", x_label="step").axes)
        1
    """
    figure = _figure(0.7 * len(panels) if len(panels) > 1 else 1.0)
    rows = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
    rows[0].set_title(title, loc="left", parse_math=False)
    rows[-1].set_xlabel(x_label)
    for axes, panel in zip(rows, panels, strict=True):
        if panel.log:
            axes.set_yscale("log")
        _draw_lines(axes, panel)
        axes.set_xlim(left=0)
        if not panel.log and axes.get_ylim()[0] > 0:
            axes.set_ylim(bottom=0)
        axes.grid(color="0.87")
        _add_legend(axes, title=panel.title, loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    return figure


def share_figure(
    x: Sequence[float], series: Mapping[str, Sequence[float]], *, title: str, x_label: str
) -> Figure:
    """Draw shares as percentages, from 0 to 100 %, over x from 0.

    Args:
        x: increasing places.
        series: by name, values in 0..1, one for each place. NaN leaves a gap.
        title: above the chart.
        x_label: below the chart.

    Raises:
        ImportError: matplotlib is not installed.

    Example:
        >>> figure = share_figure([1, 2], {"recall": [0.5, 0.75]}, title="", x_label="pixels")
        >>> [line.get_label() for line in figure.axes[0].lines]
        ['recall']
    """
    figure = _figure()
    axes = figure.subplots()
    axes.set_title(title, loc="left", parse_math=False)
    axes.set_xlabel(x_label)
    _draw_lines(axes, Panel({name: Line(x, values) for name, values in series.items()}))
    axes.set_xlim(left=0)
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter("{x:.0%}")
    axes.grid(color="0.87")
    _add_legend(axes, loc="lower right")
    return figure


def bar_figure(charts: Sequence[Bars]) -> Figure:
    """Draw histograms, one below the other. All bars are equally wide; each count stands above its.

    Args:
        charts: at least one, each with at least one bin.

    Raises:
        ImportError: matplotlib is not installed.

    Example:
        >>> figure = bar_figure([Bars((0, 1, 3), (5, 2), title="7 images", x_label="heads")])
        >>> [int(bar.get_height()) for bar in figure.axes[0].patches]
        [5, 2]
    """
    figure = _figure(len(charts))
    for axes, chart in zip(figure.subplots(len(charts), squeeze=False)[:, 0], charts, strict=True):
        bars = axes.bar(range(len(chart.counts)), chart.counts, width=0.97, align="edge")
        axes.bar_label(bars)
        axes.set_title(chart.title, loc="left", parse_math=False)
        axes.set_xlabel(chart.x_label)
        axes.set_xticks(range(len(chart.edges)), [f"{edge:g}" for edge in chart.edges])
        axes.set_xlim(0, len(chart.counts))
        axes.set_yticks([])
        axes.spines[["left", "top", "right"]].set_visible(False)
    return figure


def to_image(figure: Figure) -> Image.Image:
    """Render a figure as an RGB image, 100 pixels per inch.

    Example:
        >>> to_image(bar_figure([Bars((0, 1), (5,), title="", x_label="heads")])).size
        (960, 640)
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    return Image.fromarray(pixels).convert("RGB")


def _add_legend(axes: Axes, **options: Any) -> None:
    for text in axes.legend(**options).get_texts():
        text.set_parse_math(False)


def _figure(height: float = 1.0) -> Figure:
    require_matplotlib()
    from matplotlib.figure import Figure

    return Figure(figsize=(_WIDTH, _HEIGHT * height), dpi=_PIXELS, layout="constrained")


def _draw_lines(axes: Axes, panel: Panel) -> None:
    for number, line in enumerate(panel.lines.values()):  # all pale ones beneath all others
        if line.pale:
            shown = _shown(line.pale, positive=panel.log)
            axes.plot(line.x, shown, color=f"C{number}", alpha=0.3, linewidth=1)
    for number, (name, line) in enumerate(panel.lines.items()):
        shown = _shown(line.y, positive=panel.log)
        label = f" {name}" if name.startswith("_") else name  # matplotlib would leave that out
        axes.plot(
            line.x, shown, color=f"C{number}", linewidth=2.5, label=label,
            marker="o", markersize=2.5, markevery=_lone(shown),
        )  # fmt: skip


def _shown(values: Sequence[float], *, positive: bool) -> npt.NDArray[np.float64]:
    """Return the values with NaN in place of those that have no place on the axis."""
    shown = np.array(values, dtype=np.float64)
    shown[~np.isfinite(shown) | (positive & (shown <= 0))] = np.nan
    return shown


def _lone(values: npt.NDArray[np.float64]) -> list[int]:
    """Find the values between gaps, of which a line would show nothing."""
    there = np.pad(np.isfinite(values), 1)
    lone: list[int] = np.flatnonzero(there[1:-1] & ~there[:-2] & ~there[2:]).tolist()
    return lone
