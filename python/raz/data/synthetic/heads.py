"""Drawing a head: hair, face, ears and what it wears."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas
from .colours import mix, rgb
from .people import Person
from .scene import Scene


def draw_head(scene: Scene, person: Person, owner: int) -> None:
    """Paint neck and head; the head's pixels, and always its centre's, get the owner."""
    canvas = scene.canvas
    if person.head >= 5:
        _draw_neck(canvas, person)
    if person.long_hair and not person.bald:
        _draw_long_hair(canvas, person)
    if person.cover != "hood" and person.head >= 9 and person.toward > -0.9:
        _draw_ears(canvas, person, owner)
    _draw_skull(canvas, person, owner)
    if person.toward > -0.45:
        _draw_face(scene, person, owner)
    if person.cover in ("cap", "beanie", "brim"):
        _draw_hat(canvas, person, owner)
    canvas.owners[int(person.y), int(person.x)] = owner


def _draw_neck(canvas: Canvas, person: Person) -> None:
    x, y = person.x, person.y
    rx, ry = person.head * 0.4, person.head * 0.5
    shadow = person.skin * np.float32(0.72)
    canvas.limb((x, y + ry * 0.6), (x, y + ry * 1.35), (rx * 0.52, rx * 0.6), shadow)


def _draw_long_hair(canvas: Canvas, person: Person) -> None:
    """Hair behind the head; it covers more where the head is seen from the side or behind."""
    rx, ry = person.head * 0.4, person.head * 0.5
    low, tall = (0.75, 0.95) if person.toward < 0.3 else (0.45, 0.75)
    # float64 as NumPy's sine is: a float would move some pixels by one step.
    middle = (person.x - np.sin(person.facing) * rx * 0.2, person.y + ry * low)
    canvas.ellipse(middle, (rx * 1.12, ry * tall), person.hair, power=4, grain=0.12)


def _draw_skull(canvas: Canvas, person: Person, owner: int) -> None:
    """What is seen of the head from behind: hair, bald skin or a hood."""
    centre, rx, ry = (person.x, person.y), person.head * 0.4, person.head * 0.5
    colour = person.skin if person.bald else person.hair
    if person.cover == "hood":
        colour = person.accent
        canvas.ellipse(
            centre, (rx * 1.15, ry * 1.08), colour, angle=person.lean, owner=owner, grain=0.05
        )
    grain = 0.12 if person.head > 8 else 0.0
    canvas.ellipse(
        centre, (rx, ry), colour, angle=person.lean, owner=owner, grain=grain, relief=1.2
    )


def _draw_ears(canvas: Canvas, person: Person, owner: int) -> None:
    for side in (-1.0, 1.0):
        ear = (person.x + side * person.head * 0.39, person.y + person.head * 0.06)
        canvas.ellipse(
            ear,
            (person.head * 0.06, person.head * 0.11),
            person.skin * np.float32(0.85),
            owner=owner,
        )


def _draw_face(scene: Scene, person: Person, owner: int) -> None:
    head, canvas = person.head, scene.canvas
    turn, toward = person.turn, person.toward
    down = 0.07 + 0.12 * (1 - scene.foreshortening) / 0.5
    x = person.x + turn * head * 0.17
    y = person.y + head * down
    rx = head * (0.33 - 0.1 * (1 - max(toward, 0)))
    ry = head * (0.40 - 0.08 * down / 0.19)
    canvas.ellipse((x, y), (rx, ry), person.skin, angle=person.lean, owner=owner, relief=1.5)
    if head < 9:
        return
    dark = mix(person.skin, person.hair, 0.75)
    for side in (-1.0, 1.0):
        eye = (x + turn * head * 0.08 + side * rx * 0.45, y - head * 0.02)
        canvas.ellipse(eye, (head * 0.075, head * 0.04), mix(dark, person.skin, 0.25), owner=owner)
        if head >= 16:
            brow = (eye[0], eye[1] - head * 0.075)
            canvas.ellipse(brow, (head * 0.09, head * 0.02), dark, owner=owner, relief=0)
    nose = (x + turn * head * 0.12, y + head * 0.09)
    canvas.ellipse(nose, (head * 0.05, head * 0.07), person.skin * np.float32(0.86), owner=owner)
    lips = mix(person.skin, rgb(0.6, 0.2, 0.2), 0.45) * np.float32(0.85)
    canvas.ellipse(
        (x + turn * head * 0.07, y + head * 0.21), (head * 0.1, head * 0.03), lips, owner=owner
    )
    if person.build > 1.1 and not person.long_hair:
        beard = mix(person.skin, person.hair, 0.7)
        canvas.ellipse((x, y + ry * 0.78), (rx * 0.7, ry * 0.26), beard, owner=owner, grain=0.15)


def _draw_hat(canvas: Canvas, person: Person, owner: int) -> None:
    head, x, y = person.head, person.x, person.y
    turn, toward = person.turn, person.toward
    if person.cover == "brim":
        canvas.ellipse((x, y - head * 0.14), (head * 0.75, head * 0.22), person.accent, owner=owner)
    deep = 0.02 if person.cover == "beanie" else 0.1
    crown = (x, y - head * 0.06)
    canvas.ellipse(
        crown,
        (head * 0.43, head * 0.5),
        person.accent,
        owner=owner,
        above=y - head * deep,
        grain=0.06,
    )
    if person.cover == "cap" and toward > -0.2:
        peak = (x + turn * head * 0.4, y - head * 0.1)
        canvas.ellipse(
            peak, (head * 0.36, head * 0.1), person.accent * np.float32(0.7), owner=owner
        )
