"""A chart of a video's counts over time: the whole image, and below it each zone."""

from __future__ import annotations

import os
from array import array
from io import BytesIO
from typing import TYPE_CHECKING

from raz.files import atomic_file

from .chart import Line, Panel, line_figure
from .formats.suffix import suffix_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from raz.result import Result

__all__ = ["CHART_SUFFIXES", "CountSeries", "save_figure"]

CHART_SUFFIXES = (".png", ".svg", ".pdf")
"""Suffixes that :func:`save_figure` knows."""


class CountSeries:
    """Counts of one video's frames, collected for a chart: 8 bytes per frame and line are kept.

    Where the results are smoothed, the smoothed line lies above the pale raw one.

    Example:
        >>> import torch
        >>> from raz import Result
        >>> series = CountSeries()
        >>> for time in (0.0, 0.5):
        ...     series.add(Result(
        ...         points=torch.zeros(0, 2), scores=torch.zeros(0), density=torch.zeros(1, 1),
        ...         count=3, count_density=3, count_points=0, image_size=(8, 8), time=time,
        ...     ))
        >>> [line.get_label() for line in series.figure("clip.mp4").axes[0].lines]
        ['count']
    """

    def __init__(self) -> None:
        self._times = array("d")
        self._count = _Track()
        self._zones: dict[str, _Track] = {}
        self._smoothing = ""

    def __len__(self) -> int:
        return len(self._times)

    def add(self, result: Result) -> None:
        """Take the counts of the next frame; a result without a time is passed over."""
        if result.time is None:
            return
        self._times.append(result.time)
        for column in result.smoothed:
            self._smoothing = column.rpartition("_median_")[2]
        smoothed = iter(result.smoothed.values())  # the count, then the zones
        self._count.add(result.count, next(smoothed, None))
        for name, density in result.density_in(result.zones).items():
            self._zones.setdefault(name, _Track()).add(density, next(smoothed, None))

    def figure(self, title: str) -> Figure:
        """Draw what has been collected.

        Args:
            title: above the chart.

        Raises:
            ImportError: matplotlib is not installed (extra ``plot``).
        """
        smoothing = f", median over {self._smoothing}" if self._smoothing else ""
        panels = [Panel({"count": self._count.line(self._times)}, title=f"persons{smoothing}")]
        if self._zones:
            lines = {name: track.line(self._times) for name, track in self._zones.items()}
            panels.append(Panel(lines, title="persons in zones"))
        return line_figure(panels, title=title, x_label="seconds")


class _Track:
    """The values of one line, and what they are smoothed to, if anything."""

    def __init__(self) -> None:
        self._raw, self._smooth = array("d"), array("d")

    def add(self, raw: float, smooth: float | None) -> None:
        self._raw.append(raw)
        if smooth is not None:
            self._smooth.append(smooth)

    def line(self, times: array[float]) -> Line:
        if len(self._smooth) == len(self._raw):
            return Line(times, self._smooth, pale=self._raw)
        return Line(times, self._raw)


def save_figure(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure as PNG, SVG or PDF, by the suffix. The file appears whole or not at all.

    Raises:
        ValueError: another suffix.
        OSError: the file cannot be written.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> figure = CountSeries().figure("clip.mp4")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_figure(figure, Path(folder, "counts.svg"))
        ...     Path(folder, "counts.svg").read_bytes()[:5]
        b'<?xml'
    """
    suffix = suffix_of(path, CHART_SUFFIXES)
    drawn = BytesIO()
    dated = {".svg": "Date", ".pdf": "CreationDate"}.get(suffix)
    figure.savefig(drawn, format=suffix[1:], metadata={dated: None} if dated else None)
    with atomic_file(path, "wb") as file:
        file.write(drawn.getbuffer())
