"""The zoom trace on an image: numbered frames; what happened in each stands in the strip."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from PIL import Image, ImageDraw

from raz.io.plot.canvas import Font, base_font_size, font_of
from raz.io.plot.marks import Colour
from raz.io.plot.strip import Entry, Row, legend, plain
from raz.result import Region, Result

_COLOURS: tuple[Colour, ...] = ((0, 200, 255), (255, 204, 0), (120, 230, 80), (230, 120, 255))
_MOST_ENTRIES = 24
"""Frames that the strip tells of; the result's ``regions`` hold all."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class _Frame:
    """A region as it is drawn: its number, edges in pixels of the image, and what to say of it."""

    number: str
    box: Box
    depth: int
    text: str
    skipped: bool = False

    @property
    def colour(self) -> Colour:
        return _COLOURS[(self.depth - 2) % len(_COLOURS)]

    def corners(self, scale: int) -> tuple[int, int, int, int]:
        """Whole pixels of the canvas inside the edges."""
        x1, y1, x2, y2 = (round(edge * scale) for edge in self.box)
        return x1, y1, max(x1, x2 - 1), max(y1, y2 - 1)


def draw_frames(canvas: Image.Image, result: Result, scale: int) -> None:
    """Draw the frame of each region; dashed are those that the limits cut off."""
    draw = ImageDraw.Draw(canvas)
    thick = max(1, round(min(canvas.size) / 400))
    for frame in sorted(_frames(result), key=lambda frame: not frame.skipped):  # those lie below
        line = max(1, thick - (frame.depth - 2))  # the deeper, the thinner
        corners = frame.corners(scale)
        if frame.skipped:
            _draw_dashes(draw, corners, line, frame.colour)
        else:
            draw.rectangle(corners, outline=frame.colour, width=line)


def draw_numbers(canvas: Image.Image, result: Result, scale: int) -> None:
    """Write the number of each frame into one of its corners, where there is room.

    The number of a region within another begins with that one's.
    """
    draw = ImageDraw.Draw(canvas)
    font = font_of(base_font_size(canvas.size))
    taken: list[Box] = []
    for frame in _frames(result):
        _draw_tag(draw, frame, frame.corners(scale), font, taken)


def trace_rows(result: Result) -> list[Row]:
    """Describe the frames, by their numbers."""
    frames = list(_frames(result))
    if not frames:
        return [plain("nothing was zoomed into")]
    shown = frames[:_MOST_ENTRIES]
    rows = [
        plain("regions zoomed into: number, enlargement, persons by the density before and after, "
              "heads located before and after, mean attention"),
        legend([Entry(_tag_symbol(frame), frame.text) for frame in shown]),
    ]  # fmt: skip
    if len(frames) > len(shown):
        rows.append(plain(f"and {len(frames) - len(shown)} more regions"))
    return rows


def _frames(result: Result) -> Iterator[_Frame]:
    yield from _numbered(result.regions, "")
    for index, skipped in enumerate(result.skipped, start=len(result.regions) + 1):
        text = f"not zoomed into: {skipped.reason}; attention {skipped.score:.2f}"
        yield _Frame(str(index), skipped.box, skipped.depth, text, skipped=True)


def _numbered(regions: tuple[Region, ...], within: str) -> Iterator[_Frame]:
    for index, region in enumerate(regions, start=1):
        number = f"{within}{index}"
        text = (
            f"{region.scale:.3g}x, persons {region.count_before:.1f} to {region.count_after:.1f}, "
            f"heads {region.points_before} to {region.points_after}, attention {region.score:.2f}"
        )
        yield _Frame(number, region.box, region.depth, text)
        yield from _numbered(region.children, f"{number}.")


def _draw_tag(
    draw: ImageDraw.ImageDraw,
    frame: _Frame,
    corners: tuple[int, int, int, int],
    font: Font,
    taken: list[Box],
) -> None:
    """Write a frame's number into one of its corners, unless all are taken."""
    left, top, right, bottom = font.getbbox(frame.number)
    pad = max(1, round(bottom / 6))
    width, height = right - left + 2 * pad, bottom - top + 2 * pad
    x1, y1, x2, y2 = corners
    if x2 - x1 < 2 * width or y2 - y1 < height:
        return
    for x in (x1, x2 + 1 - width):
        for y in (y1, y2 + 1 - height):
            box = (x, y, x + width, y + height)
            if not any(_overlap(box, other) for other in taken):
                taken.append(box)
                draw.rectangle((x, y, x + width - 1, y + height - 1), fill=frame.colour)
                draw.text((x + pad - left, y + pad - top), frame.number, fill="black", font=font)
                return


def _tag_symbol(frame: _Frame) -> Callable[[int], Image.Image]:
    def symbol(line: int) -> Image.Image:
        font = font_of(round(line / 1.3))
        left, top, right, bottom = font.getbbox(frame.number)
        pad = max(1, line // 8)
        size = (max(line, int(right - left) + 2 * pad), line - 2)
        tag = Image.new("RGB", size, frame.colour)
        place = ((size[0] - right - left) / 2, (size[1] - bottom - top) / 2)
        ImageDraw.Draw(tag).text(place, frame.number, fill="black", font=font)
        return tag

    return symbol


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _draw_dashes(
    draw: ImageDraw.ImageDraw, corners: tuple[int, int, int, int], line: int, colour: Colour
) -> None:
    x1, y1, x2, y2 = corners
    dash = 4 * line
    for x in range(x1, x2 + 1, 2 * dash):
        end = min(x + dash - 1, x2)
        for y in (y1, max(y1, y2 - line + 1)):
            draw.rectangle((x, y, end, min(y + line - 1, y2)), fill=colour)
    for y in range(y1, y2 + 1, 2 * dash):
        end = min(y + dash - 1, y2)
        for x in (x1, max(x1, x2 - line + 1)):
            draw.rectangle((x, y, min(x + line - 1, x2), end), fill=colour)
