"""Crowds: people and things, painted from far to near."""

from __future__ import annotations

import numpy as np

from ..sample import Sample
from .arguments import check_heads, check_seed, check_size
from .arrays import Array, Generator
from .backgrounds import draw_place
from .bodies import draw_person
from .canvas import Canvas
from .development import develop
from .objects import draw_object, place_objects
from .people import Person, random_person
from .placement import place_heads, random_count
from .scene import BODY_LENGTH, Scene
from .visibility import Drawing, visible_points


def crowd_scene(
    seed: int, size: tuple[int, int] = (768, 1024), *, heads: int | None = None
) -> Sample:
    """Draw a crowd as a camera above a square, a street or a stand sees it.

    Args:
        seed: not negative; the image is a function of the seed and the other arguments.
        size: (h, w) in pixels, each at least 1.
        heads: how many people to draw, at least 0; None draws it log-uniformly from about 5 to
            1500 persons at 768x1024, the upper end in proportion to the area and at most 5000.

    Returns:
        A sample with ``image`` uint8 [h, w, 3] and ``points`` float32 [n, 2], n <= heads: (x, y)
        of the head centres, pixels as areas, all inside the image. Where something nearer covers
        the very centre, the point is the centre of the visible pixel of the head which lies nearest
        to the mean of its visible pixels. Heads of which less than 20 % of the pixels inside the
        image can be seen are drawn but are no points.

    Raises:
        TypeError: seed, size or heads are not integers.
        ValueError: one of them is out of range.
    """
    seed, size = check_seed(seed), check_size(size)
    drawing = draw_crowd(seed, size, check_heads(heads))
    points, shown = visible_points(drawing)
    return Sample(drawing.image, points[shown], f"crowd-{seed}")


def draw_crowd(seed: int, size: tuple[int, int], heads: int | None) -> Drawing:
    """Draw a crowd of so many heads; None draws their number."""
    rng = np.random.default_rng(seed)
    count = random_count(rng, size) if heads is None else heads
    scene = draw_place(rng, size, count)
    centres = place_heads(rng, scene, count)
    gaze = float(rng.choice([0.0, np.pi, rng.uniform(-np.pi, np.pi)]))
    people = [random_person(rng, scene, float(x), float(y), gaze) for x, y in centres]
    areas = _paint_far_to_near(rng, scene, people)
    owners = scene.canvas.owners
    visible = np.bincount(owners[owners >= 0], minlength=count)
    return Drawing(develop(rng, scene), owners, centres, areas, visible)


def _paint_far_to_near(rng: Generator, scene: Scene, people: list[Person]) -> Array:
    """Paint people and things by ground row; returns each head's pixels before any was hidden."""
    areas = np.zeros(len(people), np.int64)
    reach = BODY_LENGTH * scene.foreshortening
    # Ground row, column, and the name of a thing or the index of a person.
    order: list[tuple[float, float, str | int]] = []
    order += place_objects(rng, scene, int(rng.integers(0, 5)))
    for index, person in enumerate(people):
        order.append((person.y + reach * scene.head(person.y), person.x, index))
    for row, x, what in sorted(order, key=lambda placed: placed[:2]):
        if isinstance(what, str):
            draw_object(rng, scene, what, x, row)
        else:
            draw_person(scene, people[what], what)
            areas[what] = _own_pixels(scene.canvas, people[what], what)
    return areas


def _own_pixels(canvas: Canvas, person: Person, owner: int) -> int:
    """Pixels which the head just painted has got."""
    reach = person.head + 2
    at = canvas.window(person.x - reach, person.y - reach, person.x + reach, person.y + reach)
    return 0 if at is None else int(np.count_nonzero(canvas.owners[at] == owner))
