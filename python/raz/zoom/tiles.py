"""Tiles: how to cut a view that is too large for one pass of the network.

Tiles overlap. Each has a *core*, which belongs to no other tile, and around it a *halo*, without
which the network would see the core's surroundings as empty. If the halo covers the network's
receptive field, the maps in the core are those of the whole view, up to rounding.

All edges are multiples of 32 pixels, to which the network pads its input. So all strides line up as
in the whole view, and only tiles at the view's right or lower edge are padded, by as much as the
whole view would be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from raz.network import PAD_MULTIPLE, padded_length

if TYPE_CHECKING:
    from .coordinates import Window

FAST_HALO = 64
"""Halo of a tile in pixels for overlap="fast" (ours)."""


@dataclass(frozen=True)
class Tile:
    """One tile of a view.

    Attributes:
        box: the part that goes through the network, in the view's pixels.
        core: the part whose maps are kept; the cores of a view partition it.
    """

    box: Window
    core: Window


@dataclass(frozen=True)
class Tiling:
    """The sizes by which views are cut.

    Attributes:
        side: longest side of a tile in pixels, a multiple of 32.
        halo: pixels around a core, a multiple of 32.
    """

    side: int
    halo: int

    def fits(self, size: tuple[int, int]) -> bool:
        """Tell whether a view of size (h, w) goes through the network in one pass."""
        return max(size) <= self.side

    def tiles(self, size: tuple[int, int]) -> list[Tile]:
        """Return the tiles of a view of size (h, w), row by row from its upper left corner."""
        rows, columns = (self._cut(length) for length in size)
        return [
            Tile((x1, y1, x2, y2), (left, top, right, bottom))
            for y1, top, bottom, y2 in rows
            for x1, left, right, x2 in columns
        ]

    def lengths(self, length: int) -> list[int]:
        """Return the lengths of the tiles along one side of a view, halos included."""
        return [end - start for start, _, _, end in self._cut(length)]

    def _cut(self, length: int) -> list[tuple[int, int, int, int]]:
        """Start, core's start, core's end and end of each tile along one side; about equal."""
        if length <= self.side:
            return [(0, 0, length, length)]
        padded = padded_length(length)
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
