from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from raz import Result
from raz.io.zone_plot import _COLOUR, _rings, draw_zones
from raz.io.zones import Zones


def drawn(areas, scale=1):
    result = Result(
        points=torch.zeros(0, 2), scores=torch.zeros(0), density=torch.zeros(15, 20), count=0,
        count_density=0, count_points=0, image_size=(160, 120), zones=Zones(areas),
    )  # fmt: skip
    canvas = Image.new("RGB", (160 * scale, 120 * scale))
    draw_zones(canvas, result, scale)
    return np.asarray(canvas)


def test_outlines_of_all_rings_and_no_ways_between_them():
    outer, inner = ([(x, x), (y, x), (y, y), (x, y), (x, x)] for x, y in ((10, 110), (20, 100)))
    pixels = drawn({"door": [*outer, *inner, outer[0]]})
    yellow = (pixels == _COLOUR).all(axis=2)
    for x in (10, 20, 100, 110):
        assert yellow[40, x]
    assert not yellow[15, 15]  # on the way from the outer ring to the inner one
    assert len(_rings(np.array([*outer, *inner, outer[0]]))) == 2


def test_the_edge_of_a_mask():
    mask = np.zeros((120, 160), bool)
    mask[10:110, 10:110] = True
    yellow = (drawn({"floor": mask}) == _COLOUR).all(axis=2)
    assert yellow[10:110, 10].all()
    assert not yellow[20, 20:40].any()


@pytest.mark.parametrize("mask", [False, True])
def test_zones_of_an_enlarged_image_are_enlarged(mask):
    area = [(10, 10), (110, 10), (110, 110), (10, 110)]
    if mask:
        area = np.zeros((120, 160), bool)
        area[10:110, 10:110] = True
    yellow = (drawn({"floor": area}, 3) == _COLOUR).all(axis=2)
    assert yellow[30:330, 30].all()
    assert not yellow[:28].any()


@pytest.mark.parametrize("areas", [{}, {"out": [(900, 900), (950, 900), (950, 950)]}])
def test_nothing_inside_draws_no_outline(areas):
    assert not (drawn(areas)[:100, :140] == _COLOUR).all(axis=2).any()
