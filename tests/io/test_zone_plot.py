from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

from raz import Result
from raz.io.zone_plot import _COLOUR, draw_zones, rings_of
from raz.io.zones import Zones, read_zones


def drawn(areas, scale=1):
    result = Result(
        points=torch.zeros(0, 2), scores=torch.zeros(0), density=torch.zeros(15, 20), count=0,
        count_density=0, count_points=0, image_size=(160, 120), zones=Zones(areas),
    )  # fmt: skip
    canvas = Image.new("RGB", (int(160 * scale), int(120 * scale)))
    draw_zones(canvas, result)
    return np.asarray(canvas)


def test_outlines_of_all_rings_and_no_ways_between_them():
    outer, inner = ([(x, x), (y, x), (y, y), (x, y), (x, x)] for x, y in ((10, 110), (20, 100)))
    pixels = drawn({"door": [*outer, *inner, outer[0]]})
    yellow = (pixels == _COLOUR).all(axis=2)
    for x in (10, 20, 100, 110):
        assert yellow[40, x]
    assert not yellow[15, 15]  # on the way from the outer ring to the inner one
    assert len(rings_of(np.array([*outer, *inner, outer[0]]))) == 2


@pytest.mark.parametrize("holes", [0, 1, 2, 3])
def test_the_rings_of_a_zone_in_a_file_are_those_that_are_drawn(tmp_path, holes):
    squares = [(0, 100), (10, 20), (30, 40), (0, 8)][: holes + 1]  # the last touches the first
    rings = [[[x, x], [y, x], [y, y], [x, y], [x, x]] for x, y in squares]
    zone = {"type": "Feature", "properties": {"name": "door"}}
    zone["geometry"] = {"type": "Polygon", "coordinates": rings}
    (tmp_path / "zones.geojson").write_text(json.dumps(zone))
    found = rings_of(read_zones(tmp_path / "zones.geojson")["door"])
    assert [ring[:5].tolist() for ring in found] == rings


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


@pytest.mark.parametrize("mask", [False, True])
def test_zones_of_a_reduced_image_are_reduced(mask):
    area = [(10, 10), (110, 10), (110, 110), (10, 110)]
    if mask:
        area = np.zeros((120, 160), bool)
        area[10:110, 10:110] = True
    yellow = (drawn({"floor": area}, 0.5) == _COLOUR).all(axis=2)
    assert yellow[5:54, 5].all()
    assert not yellow[:, 56:].any()


@pytest.mark.parametrize("areas", [{}, {"out": [(900, 900), (950, 900), (950, 950)]}])
def test_nothing_inside_draws_no_outline(areas):
    assert not (drawn(areas)[:100, :140] == _COLOUR).all(axis=2).any()
