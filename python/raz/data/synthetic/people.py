"""People: who stands in a crowd and what they look like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .arrays import Generator
from .colours import Colour, hsv
from .palette import cloth, skin
from .scene import Scene

_COVERS = ("none", "none", "none", "none", "none", "cap", "cap", "beanie", "brim", "hood")
_PATTERNS = ("hoops", "stripes", "checks", "print", "print", "front", "front")


@dataclass
class Person:
    """One person to draw; lengths in pixels, colours already as seen through the haze."""

    x: float
    y: float
    """Row of the head's centre, as x is its column."""
    head: float
    """Height of the head."""
    facing: float
    """Radians: 0 looks into the camera, pi away from it."""
    build: float
    """Breadth of the body, 1 on average."""
    lean: float
    """Radians by which the head bows to the side."""
    skin: Colour
    hair: Colour
    top: Colour
    legs: Colour
    accent: Colour
    cover: str
    """What the head wears: none, cap, beanie, brim or hood."""
    pattern: str | None
    """Kind of the top's pattern."""
    long_hair: bool
    bald: bool
    bare_arms: bool
    raised: int
    """Number of raised arms."""
    pack: bool
    sign: bool

    @property
    def toward(self) -> float:
        """1 looks into the camera, -1 away from it."""
        return float(np.cos(self.facing))

    @property
    def turn(self) -> float:
        """1 looks to the right of the image, -1 to the left."""
        return float(np.sin(self.facing))

    @property
    def body(self) -> float:
        """Column of the body's axis: heads bow to one side of it."""
        return self.x - self.lean * self.head


def random_person(rng: Generator, scene: Scene, x: float, y: float, gaze: float) -> Person:
    """Someone with the head's centre at (x, y) who most likely looks along gaze, in radians."""
    head = scene.head(y) * float(rng.uniform(0.88, 1.12))
    tone = int(np.clip(rng.normal(1.3, 1.2), 0, 4.99))
    attends, covers, patterned, hairiness, sleeves, cheers, carries = rng.random(7)
    turn = rng.normal(0, 0.5) if attends < 0.8 else rng.uniform(-np.pi, np.pi)

    def seen(colour: Colour) -> Colour:
        return scene.hazed(colour, head)

    top = cloth(rng, scene.theme)
    return Person(
        x=x,
        y=y,
        head=head,
        facing=float(gaze + turn),
        build=float(rng.uniform(0.82, 1.2)),
        lean=float(rng.normal(0, 0.1)),
        skin=seen(skin(tone, rng.random())),
        hair=seen(scene.hair_colours[int(rng.integers(24))] * np.float32(rng.uniform(0.8, 1.2))),
        top=seen(top),
        legs=seen(
            hsv(
                rng.choice([0.6, 0.08, rng.random()]),
                rng.uniform(0.05, 0.5),
                rng.uniform(0.08, 0.55),
            )
        ),
        accent=seen(cloth(rng, scene.theme)),
        cover=_COVERS[int(rng.integers(len(_COVERS)))] if covers < 0.7 else "none",
        pattern=_PATTERNS[int(rng.integers(len(_PATTERNS)))] if patterned < 0.55 else None,
        long_hair=bool(hairiness < 0.38),
        bald=bool(hairiness > 0.93),
        bare_arms=bool(sleeves < 0.5),
        raised=int(cheers > 0.94) + int(cheers > 0.97),
        pack=bool(carries < 0.15),
        sign=bool(carries > 0.998),
    )
