"""The strip below an image: text, legends and tables, where they hide nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from raz.io.plot.canvas import Font, base_font_size, font_of

INK = (25, 25, 25)
_PAPER = "white"
_LEAST_WIDTH = 200
"""A smaller image is widened by paper, so that the strip can be read."""

Row = Callable[[int, int], Image.Image]
"""Draws a row of the strip: of at most a width in pixels, with plain text of a font size."""


def with_strip(canvas: Image.Image, rows: Sequence[Row]) -> Image.Image:
    """Return an image with rows of a strip below it."""
    size = base_font_size(canvas.size)
    margin = round(0.7 * size)
    width = max(canvas.width, _LEAST_WIDTH)
    drawn = [row(width - 2 * margin, size) for row in rows]
    height = sum(row.height for row in drawn) + margin * len(drawn) + margin
    whole = Image.new("RGB", (width, canvas.height + height), _PAPER)
    whole.paste(canvas, (0, 0))
    y = canvas.height + margin
    for row in drawn:
        whole.paste(row, (margin, y))
        y += row.height + margin
    return whole


def headline(text: str) -> Row:
    """A row of large text."""
    return lambda width, size: _draw_text(text, width, font_of(round(1.5 * size)))


def plain(text: str) -> Row:
    """A row of plain text, wrapped at spaces."""
    return lambda width, size: _draw_text(text, width, font_of(size))


@dataclass(frozen=True)
class Entry:
    """An entry of a legend: a symbol of about the text's height, and what it means."""

    symbol: Callable[[int], Image.Image]
    text: str


def legend(entries: Sequence[Entry]) -> Row:
    """A row of entries in as many columns as fit, read line by line."""
    return lambda width, size: _draw_legend(entries, width, size)


def _draw_legend(entries: Sequence[Entry], width: int, size: int) -> Image.Image:
    font = font_of(size)
    line = line_height(font)
    symbols = [entry.symbol(line) for entry in entries]
    gap = line // 2
    indent = max(symbol.width for symbol in symbols) + gap
    column = indent + max(int(font.getlength(entry.text)) for entry in entries) + 2 * gap
    columns = min(len(entries), max(1, width // column))
    rows = -(-len(entries) // columns)
    drawn = Image.new("RGB", (width, rows * line), _PAPER)
    draw = ImageDraw.Draw(drawn)
    for index, (entry, symbol) in enumerate(zip(entries, symbols, strict=True)):
        x, y = index % columns * column, index // columns * line
        place = (x, y + (line - symbol.height) // 2)
        drawn.paste(symbol, place, symbol if symbol.mode == "RGBA" else None)
        draw.text((x + indent, y), entry.text, fill=INK, font=font)
    return drawn


def _draw_text(text: str, width: int, font: Font) -> Image.Image:
    lines = list(_wrapped(text, width, font))
    line = line_height(font)
    drawn = Image.new("RGB", (width, line * len(lines)), _PAPER)
    draw = ImageDraw.Draw(drawn)
    for index, words in enumerate(lines):
        draw.text((0, index * line), words, fill=INK, font=font)
    return drawn


def line_height(font: Font) -> int:
    """Return the distance of lines of text, in pixels."""
    return round(1.15 * font.getbbox("Ag")[3])


def _wrapped(text: str, width: int, font: Font) -> Iterator[str]:
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if line and font.getlength(longer) > width:
            yield line
            line = word
        else:
            line = longer
    yield line
