"""Patterns of clothes and umbrellas."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .arrays import Array
from .colours import Colour


@dataclass(frozen=True)
class Pattern:
    """A second colour on a cloth, laid out in the coordinates of the ellipse which wears it."""

    kind: str
    """hoops, stripes, checks, print (an image on the breast) or front (an open jacket)."""
    density: float
    """Radians from an ellipse's middle to its edge."""
    colour: Colour

    def paint(self, u: Array, v: Array, cloth: Colour) -> Array:
        """Colours of the cloth at u and v, in radii from the ellipse's middle.

        The shape, plus [3], is one which broadcasts with that of u and v.
        """
        share = self._share(u, v).astype(np.float32)
        result: Array = cloth + share[..., None] * (self.colour - cloth)
        return result

    def _share(self, u: Array, v: Array) -> Array:
        """Share of the second colour, 0 to 1."""
        share: Array
        if self.kind == "hoops":
            share = np.sin(v * self.density) > 0.2
        elif self.kind == "stripes":
            share = np.sin(u * self.density) > 0.4
        elif self.kind == "checks":
            across, along = np.sin(u * self.density) > 0, np.sin(v * self.density * 1.6) > 0
            share = 0.5 * across + 0.5 * along
        elif self.kind == "print":
            breast = (np.abs(u) < 0.42) & (np.abs(v + 0.25) < 0.22)
            waves = 0.4 * np.sin(u * self.density * 2) * np.sin(v * self.density * 2)
            share = breast * (0.6 + waves)
        else:
            share = np.abs(u) < 0.12 + 0.12 * np.clip(v + 0.6, 0, 1)
        return share
