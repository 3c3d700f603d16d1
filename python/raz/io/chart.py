"""Plain charts of lines and of bars, drawn with Pillow alone."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont

__all__ = ["histogram_chart", "line_chart", "stacked"]

_SIZE = (960, 640)
_LEFT, _TOP, _RIGHT, _BOTTOM = 80, 56, 24, 64
_COLOURS = ((31, 100, 200), (220, 90, 20), (40, 140, 70), (130, 70, 170))
_INK, _GRID = (40, 40, 40), (222, 222, 222)
_TICKS = 10

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


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
    canvas = Image.new("RGB", _SIZE, "white")
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(16)
    _draw_axes(draw, max(x), font)
    draw.text((_LEFT, 16), title, fill=_INK, font=font)
    draw.text((_SIZE[0] // 2, _SIZE[1] - 16), x_label, fill=_INK, font=font, anchor="mb")
    for colour, values in zip(itertools.cycle(_COLOURS), series.values(), strict=False):
        for start, end in _segments(x, values):
            draw.line((*_place(*start, max(x)), *_place(*end, max(x))), fill=colour, width=3)
    _draw_legend(draw, list(series), font)
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
    canvas = Image.new("RGB", _SIZE, "white")
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(16)
    draw.text((_LEFT, 16), title, fill=_INK, font=font)
    draw.text((_SIZE[0] // 2, _SIZE[1] - 16), x_label, fill=_INK, font=font, anchor="mb")
    small = ImageFont.load_default(12)
    for index, count in enumerate(counts):
        # The tallest bar leaves room for its count.
        share = 0.95 * count / max(*counts, 1)
        left, top = _place(index, share, len(counts))
        right, bottom = _place(index + 1, 0, len(counts))
        draw.rectangle((left + 1, top, right - 1, bottom), fill=_COLOURS[0])
        draw.text(((left + right) / 2, top - 4), f"{count}", fill=_INK, font=small, anchor="mb")
    for index, edge in enumerate(edges):
        x, y = _place(index, 0, len(counts))
        draw.text((x, y + 8), f"{edge:g}", fill=_INK, font=small, anchor="mt")
    draw.line((_LEFT, _SIZE[1] - _BOTTOM, _SIZE[0] - _RIGHT, _SIZE[1] - _BOTTOM), fill=_INK)
    return canvas


def stacked(charts: Sequence[Image.Image]) -> Image.Image:
    """Charts of one width, at least one, one below the other."""
    heights = [chart.height for chart in charts]
    canvas = Image.new("RGB", (charts[0].width, sum(heights)), "white")
    for top, chart in zip(itertools.accumulate([0, *heights]), charts, strict=False):
        canvas.paste(chart, (0, top))
    return canvas


def _segments(
    x: Sequence[float], values: Sequence[float]
) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    points = list(zip(x, values, strict=True))
    return [
        (start, end)
        for start, end in zip(points, points[1:] or points, strict=False)
        if not math.isnan(start[1] + end[1])
    ]


def _place(x: float, value: float, last: float) -> tuple[float, float]:
    width, height = _SIZE[0] - _LEFT - _RIGHT, _SIZE[1] - _TOP - _BOTTOM
    return _LEFT + width * x / last, _TOP + height * (1 - value)


def _draw_axes(draw: ImageDraw.ImageDraw, last: float, font: Font) -> None:
    for tick in range(_TICKS + 1):
        share = tick / _TICKS
        x, y = _place(share * last, share, last)
        draw.line((_LEFT, y, _SIZE[0] - _RIGHT, y), fill=_GRID)
        draw.line((x, _TOP, x, _SIZE[1] - _BOTTOM), fill=_GRID)
        draw.text((_LEFT - 10, y), f"{share:.0%}", fill=_INK, font=font, anchor="rm")
        draw.text(
            (x, _SIZE[1] - _BOTTOM + 8), f"{share * last:g}", fill=_INK, font=font, anchor="mt"
        )
    draw.rectangle((_LEFT, _TOP, _SIZE[0] - _RIGHT, _SIZE[1] - _BOTTOM), outline=_INK)


def _draw_legend(draw: ImageDraw.ImageDraw, names: Sequence[str], font: Font) -> None:
    right, bottom = _SIZE[0] - _RIGHT - 12, _SIZE[1] - _BOTTOM - 12
    left = right - 64 - max((int(draw.textlength(name, font)) for name in names), default=0)
    top = bottom - 28 * len(names) - 8
    draw.rectangle((left, top, right, bottom), fill="white", outline=_GRID)
    for index, (colour, name) in enumerate(zip(itertools.cycle(_COLOURS), names, strict=False)):
        y = top + 18 + 28 * index
        draw.line((left + 10, y, left + 44, y), fill=colour, width=3)
        draw.text((left + 54, y), name, fill=_INK, font=font, anchor="lm")
