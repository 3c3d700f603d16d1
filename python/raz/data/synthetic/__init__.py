"""Drawn scenes with exact head points: crowds, the same places without anybody, and plain textures.

Everything here is ours, not the paper's. Images are drawn with NumPy and Pillow from a seed
alone; the same seed, arguments and versions of NumPy and Pillow give the same bytes. Which head
hides which is measured on a buffer of owners, pixel by pixel, so that a head nobody can see is
never among the points.
"""

from __future__ import annotations

from .crowd import crowd_scene
from .empty import empty_scene
from .textures import TEXTURES, texture

__all__ = ["TEXTURES", "crowd_scene", "empty_scene", "texture"]
