"""Plain charts of lines and of bars, drawn with Pillow alone."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from PIL import Image, ImageDraw, ImageFont

__all__ = [
    "Axis",
    "Line",
    "Panel",
    "draw_panels",
    "histogram_chart",
    "line_chart",
    "linear_axis",
    "log_axis",
    "stacked",
]

_WIDTH, _HEIGHT = 960, 640  # of a chart of one panel
_LEFT, _TOP, _RIGHT, _BOTTOM = 80, 56, 24, 64
_GAP = 28  # between panels
_ROW = 28  # of a legend
_COLOURS = (
    (31, 100, 200), (220, 90, 20), (40, 140, 70), (130, 70, 170),
    (190, 40, 60), (0, 150, 160), (150, 110, 30), (90, 90, 90),
)  # fmt: skip
_INK, _GRID = (40, 40, 40), (222, 222, 222)
_TICKS = 10
_PALE = 0.7  # share of white in a pale line
_TINY = 1e-30  # what is nearer to 0 is 0: arithmetic on it would not end well

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Colour = tuple[int, int, int]
Place = tuple[float, float]


@dataclass(frozen=True)
class Axis:
    """The range that an axis shows, and the values that are written beside it.

    ``low`` and ``high`` differ; both are positive where ``log`` is set, and equal ratios are then
    equally far apart.
    """

    low: float
    high: float
    ticks: Mapping[float, str]
    log: bool = False

    def share(self, value: float) -> float:
        """Where a value lies: 0 at ``low``, 1 at ``high``."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class Line:
    """Values over growing places, of one length; NaN leaves a gap. ``pale`` lies beneath."""

    x: Sequence[float]
    y: Sequence[float]
    pale: Sequence[float] = ()


@dataclass(frozen=True)
class Panel:
    """Lines by name over one y axis; the legend stands beside them or in the lower right corner."""

    lines: Mapping[str, Line]
    y: Axis
    title: str = ""
    legend: Literal["beside", "inside"] = "beside"


def line_chart(
    x: Sequence[float],
    series: Mapping[str, Sequence[float]],
    *,
    title: str,
    x_label: str,
) -> Image.Image:
    """Draws shares of one, as percentages, over x from 0 on.

    Args:
        x: places, growing, at least one above 0.
        series: by name, values in 0..1, one for each place; NaN leaves a gap.
        title: above the chart.
        x_label: below it.

    Returns:
        an RGB image of 960 x 640 pixels.
    """
    shares = Axis(0.0, 1.0, {tick / _TICKS: f"{tick / _TICKS:.0%}" for tick in range(_TICKS + 1)})
    lines = {name: Line(x, values) for name, values in series.items()}
    return draw_panels([Panel(lines, shares, legend="inside")], title=title, x_label=x_label)


def draw_panels(panels: Sequence[Panel], *, title: str, x_label: str) -> Image.Image:
    """Draw panels, one below the other, over one x axis from 0 on.

    Args:
        panels: at least one, with a place above 0 in one of their lines.
        title: above the first.
        x_label: below the last.

    Returns:
        an RGB image: panels 856 pixels wide, 520 high or, of several, 364; and what is around them.
    """
    last = max(max(line.x) for panel in panels for line in panel.lines.values() if line.x)
    x = linear_axis([0.0, last])
    frames = _frames(len(panels))
    font = ImageFont.load_default(16)
    beside = [_legend_size(panel, font)[0] for panel in panels if panel.legend == "beside"]
    width = _WIDTH + max(beside, default=0)
    canvas = Image.new("RGB", (width, int(frames[-1][3]) + _BOTTOM), "white")
    draw = ImageDraw.Draw(canvas)
    draw.text((_LEFT, 16), title, fill=_INK, font=font)
    draw.text(
        ((_LEFT + _WIDTH - _RIGHT) // 2, canvas.height - 16),
        x_label,
        fill=_INK,
        font=font,
        anchor="mb",
    )
    for panel, frame in zip(panels, frames, strict=True):
        _draw_grid(draw, frame, x, panel.y, font)
        _draw_lines(draw, frame, x, panel)
        _draw_legend(draw, frame, panel, font)
    _draw_places(draw, frames[-1], x, font)
    return canvas


def histogram_chart(
    edges: Sequence[float], counts: Sequence[int], *, title: str, x_label: str
) -> Image.Image:
    """Draws a histogram: bars of one width, whatever their bins', and each bar's count above it.

    Args:
        edges: of the bins, one more than there are bins.
        counts: of the bins, at least one.
        title: above the chart.
        x_label: below it.

    Returns:
        an RGB image of 960 x 640 pixels.
    """
    canvas = Image.new("RGB", (_WIDTH, _HEIGHT), "white")
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(16)
    draw.text((_LEFT, 16), title, fill=_INK, font=font)
    draw.text(
        ((_LEFT + _WIDTH - _RIGHT) // 2, _HEIGHT - 16), x_label, fill=_INK, font=font, anchor="mb"
    )
    small = ImageFont.load_default(12)
    (frame,) = _frames(1)
    for index, count in enumerate(counts):
        # The tallest bar leaves room for its count.
        share = 0.95 * count / max(*counts, 1)
        left, top = _place(frame, index / len(counts), share)
        right, bottom = _place(frame, (index + 1) / len(counts), 0)
        draw.rectangle((left + 1, top, right - 1, bottom), fill=_COLOURS[0])
        draw.text(((left + right) / 2, top - 4), f"{count}", fill=_INK, font=small, anchor="mb")
    for index, edge in enumerate(edges):
        x, y = _place(frame, index / len(counts), 0)
        draw.text((x, y + 8), f"{edge:g}", fill=_INK, font=small, anchor="mt")
    draw.line((frame[0], frame[3], frame[2], frame[3]), fill=_INK)
    return canvas


def stacked(charts: Sequence[Image.Image]) -> Image.Image:
    """Charts of one width, at least one, one below the other."""
    heights = [chart.height for chart in charts]
    canvas = Image.new("RGB", (charts[0].width, sum(heights)), "white")
    for top, chart in zip(itertools.accumulate([0, *heights]), charts, strict=False):
        canvas.paste(chart, (0, top))
    return canvas


def linear_axis(values: Sequence[float], *, ticks: int = _TICKS) -> Axis:
    """An axis from the least to the greatest of the values that are finite, by round ticks.

    Both ends are values, not ticks; a single value lies in the middle.
    """
    low, high = _range(values, default=(0.0, 1.0))
    most = max(abs(low), abs(high), _TINY)
    if high - low < 1e-9 * most:
        margin = 0.5 * most if most > _TINY else 0.5
        low, high = low - margin, high + margin
    step = _round_step((high - low) / ticks)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return Axis(low, high, {n * step: f"{round(n * step, 12):g}" for n in range(first, last + 1)})


def log_axis(values: Sequence[float], *, ticks: int = _TICKS) -> Axis:
    """An axis of equal ratios, for values above 0; others find no place on it.

    Its ticks are powers of ten, or 1, 2 and 5 of each where there is room.
    """
    low, high = _range([value for value in values if value > _TINY], default=(1.0, 10.0))
    low, high = low / 1.1, high * 1.1
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    mantissas = (1, 2, 5) if 3 * len(exponents) <= 2 * ticks else (1,)
    every = 1 if len(exponents) <= ticks else math.ceil(len(exponents) / ticks)
    found = [m * 10.0**exponent for exponent in exponents[::every] for m in mantissas]
    shown = [tick for tick in found if low <= tick <= high]
    return Axis(low, high, {tick: f"{tick:g}" for tick in shown or [low, high]}, log=True)


def _range(values: Sequence[float], *, default: tuple[float, float]) -> tuple[float, float]:
    finite = [value for value in values if math.isfinite(value)]
    return (min(finite), max(finite)) if finite else default


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 5, 10, ... times a power of ten that is not below ``least``."""
    scale = 10.0 ** math.floor(math.log10(least))
    return next(m * scale for m in (1, 2, 5, 10) if m * scale >= least * (1 - 1e-9))


Frame = tuple[float, float, float, float]  # left, top, right, bottom


def _frames(count: int) -> list[Frame]:
    single = _HEIGHT - _TOP - _BOTTOM
    height = single if count == 1 else round(single * 0.7)
    tops = [_TOP + index * (height + _GAP) for index in range(count)]
    return [(_LEFT, top, _WIDTH - _RIGHT, top + height) for top in tops]


def _place(frame: Frame, x: float, y: float) -> Place:
    """Pixel of a place given in shares of both axes."""
    left, top, right, bottom = frame
    return left + (right - left) * x, bottom - (bottom - top) * y


def _draw_grid(draw: ImageDraw.ImageDraw, frame: Frame, x: Axis, y: Axis, font: Font) -> None:
    left, top, right, bottom = frame
    for value, text in y.ticks.items():
        _, row = _place(frame, 0, y.share(value))
        draw.line((left, row, right, row), fill=_GRID)
        draw.text((left - 10, row), text, fill=_INK, font=font, anchor="rm")
    for value in x.ticks:
        column, _ = _place(frame, x.share(value), 0)
        draw.line((column, top, column, bottom), fill=_GRID)
    draw.rectangle(frame, outline=_INK)


def _draw_places(draw: ImageDraw.ImageDraw, frame: Frame, x: Axis, font: Font) -> None:
    for value, text in x.ticks.items():
        column, bottom = _place(frame, x.share(value), 0)
        draw.text((column, bottom + 8), text, fill=_INK, font=font, anchor="mt")


def _draw_lines(draw: ImageDraw.ImageDraw, frame: Frame, x: Axis, panel: Panel) -> None:
    coloured = list(zip(itertools.cycle(_COLOURS), panel.lines.values(), strict=False))
    for colour, line in coloured:  # all pale ones beneath all others
        if line.pale:
            _draw_line(draw, frame, x, panel.y, line.x, line.pale, _pale(colour), width=1)
    for colour, line in coloured:
        _draw_line(draw, frame, x, panel.y, line.x, line.y, colour, width=3)


def _draw_line(
    draw: ImageDraw.ImageDraw,
    frame: Frame,
    x: Axis,
    y: Axis,
    places: Sequence[float],
    values: Sequence[float],
    colour: Colour,
    *,
    width: int,
) -> None:
    for run in _runs(places, values, positive=y.log):
        dots = [_place(frame, x.share(place), y.share(value)) for place, value in run]
        if len(dots) == 1:  # a value between gaps would be no line
            (column, row), radius = dots[0], width / 2
            draw.ellipse((column - radius, row - radius, column + radius, row + radius), colour)
        else:
            draw.line(dots, fill=colour, width=width, joint="curve")


def _runs(
    x: Sequence[float], values: Sequence[float], *, positive: bool
) -> Iterator[list[tuple[float, float]]]:
    """Neighbouring points between gaps; a gap is what has no place on the axis."""

    def has_place(point: tuple[float, float]) -> bool:
        return math.isfinite(point[1]) and (point[1] > _TINY or not positive)

    for visible, run in itertools.groupby(zip(x, values, strict=True), has_place):
        if visible:
            yield list(run)


def _pale(colour: Colour) -> Colour:
    red, green, blue = (round(part + (255 - part) * _PALE) for part in colour)
    return red, green, blue


def _draw_legend(draw: ImageDraw.ImageDraw, frame: Frame, panel: Panel, font: Font) -> None:
    width, height = _legend_size(panel, font)
    _, top, right, bottom = frame
    if panel.legend == "beside":
        left, y = right + 22, top + 10
    else:
        left, y = right - 2 - width, bottom - 2 - height
        box = (left - 10, y - 10, left - 10 + width, y - 10 + height)
        draw.rectangle(box, fill="white", outline=_GRID)
    if panel.title:
        draw.text((left, y + 8), panel.title, fill=_INK, font=font, anchor="lm")
        y += _ROW
    for colour, name in zip(itertools.cycle(_COLOURS), panel.lines, strict=False):
        draw.line((left, y + 8, left + 34, y + 8), fill=colour, width=3)
        draw.text((left + 44, y + 8), name, fill=_INK, font=font, anchor="lm")
        y += _ROW


def _legend_size(panel: Panel, font: Font) -> tuple[int, int]:
    widths = [44 + font.getlength(name) for name in panel.lines]
    rows = len(widths)
    if panel.title:
        widths.append(font.getlength(panel.title))
        rows += 1
    return 20 + math.ceil(max(widths, default=0)), _ROW * rows + 8
