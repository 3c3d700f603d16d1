"""The example scene, counted once."""

from __future__ import annotations

import functools
from pathlib import Path

import raz

SCENE = Path(__file__).parents[2] / "examples" / "scene.jpg"


@functools.cache
def counted() -> raz.Result:
    return raz.predict(SCENE, depth=1)
