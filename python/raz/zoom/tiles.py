"""Tiles: how a view too large for one pass of the network is cut up.

Tiles overlap. Each shows a *core*, which no other tile has, and around it a *halo*, without which
the network would see the core's surroundings as empty. Where the halo covers the network's
receptive field, the maps in the core are those of the whole view, up to rounding.

All edges are multiples of 32 pixels, to which the network pads its input: so every stride of it
lines up as in the whole view, and only the tile at the view's right or lower edge is padded, by
just as much as the whole is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from raz.models.raznet import PAD_MULTIPLE

from .budget import check_integer
from .coordinates import Window

Overlap = Literal["exact", "fast"]
"""Halo that covers the receptive field, or one of `FAST_HALO` pixels."""

DEFAULT_TILE = 2048
"""Longest side of a view that goes through the network in one pass, in pixels (ours)."""

FAST_HALO = 64
"""Halo of a tile in pixels where an answer that differs a little is good enough (ours)."""


@dataclass(frozen=True)
class Tile:
    """One tile of a view.

    Attributes:
        box: what goes through the network, in the view's pixels.
        core: the part of it whose maps are kept; the cores of a view partition it.
    """

    box: Window
    core: Window


@dataclass(frozen=True)
class Tiling:
    """The sizes that a view is cut by.

    Attributes:
        side: longest side of a tile in pixels, a multiple of 32.
        halo: pixels around a core, a multiple of 32.
    """

    side: int
    halo: int

    def fits(self, size: tuple[int, int]) -> bool:
        """Whether a view of size (h, w) goes through the network in one pass."""
        return max(size) <= self.side

    def tiles(self, size: tuple[int, int]) -> list[Tile]:
        """The tiles of a view of size (h, w), row by row from its upper left corner."""
        rows, columns = (self._cut(length) for length in size)
        return [
            Tile((x1, y1, x2, y2), (left, top, right, bottom))
            for y1, top, bottom, y2 in rows
            for x1, left, right, x2 in columns
        ]

    def lengths(self, length: int) -> list[int]:
        """Of the tiles along one side of a view, halos included."""
        return [end - start for start, _, _, end in self._cut(length)]

    def _cut(self, length: int) -> list[tuple[int, int, int, int]]:
        """Start, core's start, core's end, end of each tile along one side, of about one length."""
        if length <= self.side:
            return [(0, 0, length, length)]
        padded = _multiple(length)
        # Each border between two tiles costs a halo on both sides of it.
        count = -(-(padded - 2 * self.halo) // (self.side - 2 * self.halo))
        halos = 2 * self.halo * (count - 1)
        borders = [
            # Rounded down in whole numbers, the borders are never more than `side` permits apart.
            (index * (padded + halos) // count - (2 * index - 1) * self.halo)
            // PAD_MULTIPLE
            * PAD_MULTIPLE
            for index in range(1, count)
        ]
        return [
            (max(0, start - self.halo), start, end, min(length, end + self.halo))
            for start, end in zip([0, *borders], [*borders, length], strict=True)
        ]


def tiling(tile: int, overlap: Overlap, receptive_field: int) -> Tiling | None:
    """How to cut views for a network.

    Args:
        tile: longest side of a tile in pixels, a multiple of 32.
        overlap: "exact" or "fast", see `Overlap`.
        receptive_field: of the network in pixels (``RAZNet.receptive_field``); 0 where it is not
            known. Then nothing can be cut, and every view goes through the network whole.

    Returns:
        None where the network does not state its receptive field.

    Raises:
        TypeError: ``tile`` is not an integer.
        ValueError: a value is out of range, or the halo leaves no core in a tile.
    """
    if overlap not in get_args(Overlap):
        raise ValueError(f"overlap is {overlap!r}; it must be 'exact' or 'fast'")
    tile = check_integer("tile", tile, least=1)
    if tile % PAD_MULTIPLE:
        raise ValueError(f"tile is {tile} pixels; it must be a positive multiple of {PAD_MULTIPLE}")
    if receptive_field == 0:
        return None
    halo = _multiple(receptive_field)
    if overlap == "fast":
        halo = min(halo, FAST_HALO)
    least = 2 * halo + 2 * PAD_MULTIPLE
    if tile < least:
        raise ValueError(
            f"tile is {tile} pixels; with overlap={overlap!r} it must be at least {least}: the "
            f"network needs {halo} pixels around what a tile is for"
        )
    return Tiling(tile, halo)


def _multiple(length: int) -> int:
    return -(-length // PAD_MULTIPLE) * PAD_MULTIPLE
