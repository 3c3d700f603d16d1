"""Drawing a person: legs, torso, arms and what they carry."""

from __future__ import annotations

import numpy as np

from .colours import rgb
from .heads import draw_head
from .pattern import Pattern
from .people import Person
from .scene import BODY_LENGTH, Scene


def draw_person(scene: Scene, person: Person, owner: int) -> None:
    """Paint shadow, body and head, back to front; only the head's pixels get the owner."""
    _draw_legs(scene, person)
    _draw_torso(scene, person)
    if person.head >= 7:
        _draw_arms(scene, person)
    draw_head(scene, person, owner)
    if person.raised:
        _draw_raised_arms(scene, person)
    if person.sign:
        _draw_sign(scene, person)


def _draw_legs(scene: Scene, person: Person) -> None:
    head, short = person.head, scene.foreshortening
    hip = person.y + head * (0.6 + 2.5 * short)
    sole = person.y + head * BODY_LENGTH * short
    if hip > scene.size[0]:
        return
    canvas = scene.canvas
    canvas.dim((person.body + canvas.light[0] * head * -4, sole), (head * 2.2, head * 0.7), 0.45)
    stride = head * 0.38 * person.build
    if head < 7:
        canvas.limb(
            (person.body, hip), (person.body, sole), (stride * 1.3, stride * 0.9), person.legs
        )
        return
    for side in (-1.0, 1.0):
        knee = (person.body + side * stride * (1 + person.lean * side), (hip + sole) / 2)
        foot = (person.body + side * stride * (1.1 - 2 * person.lean * side), sole - head * 0.1)
        thigh = (person.body + side * stride * 0.9, hip)
        canvas.limb(thigh, knee, (head * 0.46, head * 0.34), person.legs, grain=0.08)
        canvas.limb(knee, foot, (head * 0.34, head * 0.2), person.legs, grain=0.08)
        canvas.ellipse(foot, (head * 0.34, head * 0.2), person.hair)


def _shoulders(person: Person) -> float:
    """Half of the width of the shoulders as seen."""
    return person.head * 1.06 * person.build * (0.68 + 0.32 * abs(person.toward))


def _draw_torso(scene: Scene, person: Person) -> None:
    head, canvas = person.head, scene.canvas
    half, length = _shoulders(person), head * 2.5 * scene.foreshortening
    top = person.y + head * 0.56
    canvas.dim((person.body, top + length * 0.35), (half * 1.75, length * 0.95), 0.42)
    fine = head >= 9
    pattern: Pattern | None = None
    if person.pattern is not None and fine and (person.pattern != "front" or person.toward > 0):
        pattern = Pattern(person.pattern, 9.0 + 8 * abs(person.lean), person.accent)
    middle = (person.body, top + length * 0.5)
    canvas.ellipse(
        middle,
        (half * 0.82, length * 0.56),
        person.top,
        power=4,
        grain=0.1,
        relief=1.3,
        pattern=pattern,
    )
    yoke = (person.body, top + head * 0.34)
    canvas.ellipse(yoke, (half, head * 0.44), person.top, grain=0.06 if fine else 0.0, relief=0.9)
    if person.pack and fine and person.toward < 0:
        canvas.ellipse(
            (person.body, top + length * 0.42),
            (half * 0.62, length * 0.4),
            person.accent,
            power=4,
            grain=0.1,
        )


def _draw_arms(scene: Scene, person: Person) -> None:
    head, short = person.head, scene.foreshortening
    half, top = _shoulders(person), person.y + head * 0.9
    lower = person.skin if person.bare_arms else person.top
    for side in (-1.0, 1.0)[person.raised :]:
        bend = 1.05 + 0.5 * person.lean * side
        shoulder = (person.body + side * half * 0.88, top)
        elbow = (person.body + side * half * bend, top + head * 1.3 * short)
        inward = bend - 0.5 * (person.build - 0.7)
        hand = (person.body + side * half * inward, top + head * 2.3 * short)
        scene.canvas.limb(elbow, hand, (head * 0.2, head * 0.15), lower * np.float32(0.92))
        scene.canvas.limb(
            shoulder, elbow, (head * 0.29, head * 0.22), person.top * np.float32(0.93), grain=0.08
        )
        scene.canvas.ellipse(hand, (head * 0.19, head * 0.19), person.skin)


def _draw_raised_arms(scene: Scene, person: Person) -> None:
    head = person.head
    lower = person.skin if person.bare_arms else person.top
    for side in (-1.0, 1.0)[: person.raised]:
        shoulder = (person.body + side * _shoulders(person) * 0.9, person.y + head * 0.8)
        elbow = (person.body + side * head * (1.25 + person.lean), person.y - head * 0.2)
        hand = (person.body + side * head * (0.95 + 2 * person.lean), person.y - head * 1.35)
        scene.canvas.limb(shoulder, elbow, (head * 0.26, head * 0.22), person.top)
        scene.canvas.limb(elbow, hand, (head * 0.2, head * 0.14), lower)
        scene.canvas.ellipse(hand, (head * 0.19, head * 0.26), person.skin)


def _draw_sign(scene: Scene, person: Person) -> None:
    head = person.head
    x, y = person.x + head * 1.2, person.y - head * 3
    scene.canvas.limb((x, person.y + head), (x, y), (head * 0.07, head * 0.07), rgb(0.5, 0.4, 0.3))
    scene.canvas.box(
        (x - head * 1.3, y - head, x + head * 1.3, y + head * 0.7), person.accent, grain=0.03
    )
    ink = rgb(0.1, 0.1, 0.1) if person.accent.mean() > 0.4 else rgb(0.95, 0.95, 0.95)
    for line in (-0.55, 0.05):
        scene.canvas.box((x - head, y + head * line, x + head * 0.9, y + head * (line + 0.3)), ink)
