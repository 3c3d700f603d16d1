"""Places with things in them and nobody."""

from __future__ import annotations

import numpy as np

from ..sample import Sample
from .arguments import check_seed, check_size
from .backgrounds import draw_place
from .development import develop
from .objects import draw_object, place_objects


def empty_scene(seed: int, size: tuple[int, int] = (768, 1024)) -> Sample:
    """Draw a place with things in it (poles, benches, cars, trees, umbrellas, balls) and nobody.

    Args:
        seed: not negative.
        size: (h, w) in pixels, each at least 1.

    Returns:
        A sample with ``image`` uint8 [h, w, 3] and ``points`` float32 [0, 2].

    Raises:
        TypeError: seed or size are not integers.
        ValueError: one of them is out of range.

    Example:
        >>> from raz.data.synthetic import empty_scene
        >>> scene = empty_scene(0, (48, 64))
        >>> scene.name, scene.image.shape, len(scene.points)
        ('empty-0', (48, 64, 3), 0)
    """
    seed, size = check_seed(seed), check_size(size)
    rng = np.random.default_rng(seed)
    scene = draw_place(rng, size)
    for row, x, name in sorted(place_objects(rng, scene, int(rng.integers(4, 40)))):
        draw_object(rng, scene, name, x, row)
    return Sample(develop(rng, scene), np.zeros((0, 2), np.float32), f"empty-{seed}")
