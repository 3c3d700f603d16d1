"""Drawn images of nobody: places with things in them, and plain textures.

Everything here is ours, not the paper's. They teach a net what is not a crowd, and measure what it
counts where nobody is. Images are drawn with NumPy and Pillow from a seed alone: the same seed,
arguments and versions of NumPy and Pillow give the same bytes.
"""

from __future__ import annotations

from .empty import empty_scene
from .textures import TEXTURES, texture

__all__ = ["TEXTURES", "empty_scene", "texture"]
