from __future__ import annotations

import math

import pytest

from raz.io.points import head_levels, head_radii


def box(width, height):
    return [7, 3, 7 + width, 3 + height]


def test_radii():
    # Half the shorter side, half the diagonal, both floored: 7 / 2, sqrt(149) / 2 = 6.1.
    assert head_radii([box(10, 7), box(3, 4), box(0, 0)]).tolist() == [[3, 6], [1, 2], [0, 0]]
    assert head_radii([]).shape == (0, 2)


def test_levels_begin_at_powers_of_ten():
    areas = [0.5, 1, 9.99, 10, 99, 100, 999, 1000, 9999, 10_000, 99_999, 100_000, 1e9]
    boxes = [[0, 0, area, 1] for area in areas]
    assert head_levels(boxes).tolist() == [0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    public = head_levels(boxes, powers_of_ten_to_level_0=True).tolist()
    assert public == [0, 0, 0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5]


@pytest.mark.parametrize("boxes", [[box(-1, 5)], [box(math.nan, 1)], [[1, 2, 3]], [1, 2, 3, 4]])
def test_wrong_boxes(boxes):
    with pytest.raises(ValueError, match="boxes"):
        head_radii(boxes)
    with pytest.raises(ValueError, match="boxes"):
        head_levels(boxes)
