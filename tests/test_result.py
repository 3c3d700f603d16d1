from __future__ import annotations

import base64
import csv
import dataclasses
import io
import json
import math
import re
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import raz
import raz.errors
from images import scene
from raz.files import atomic_file
from raz.intervals import Spread
from raz.io.formats import COLLECTIONS, SUFFIXES, CollectionWriter
from raz.io.report import report_text
from raz.io.zones import Zones
from raz.result import Region, Result, SkippedRegion


@pytest.fixture(autouse=True)
def _version(monkeypatch):
    monkeypatch.setattr(raz, "__version__", "1.2.3", raising=False)


def make(points=((3.5, 4.5), (10.25, 0.5)), size=(20, 12), **changes) -> Result:
    if not isinstance(points, torch.Tensor):
        points = torch.tensor(points, dtype=torch.float32).reshape(-1, 2)
    density = torch.zeros(math.ceil(size[1] / 8), math.ceil(size[0] / 8))
    density[0, 0] = 2.5
    values = {
        "points": points,
        "scores": torch.linspace(0.6, 0.9, len(points)),
        "density": density,
        "count": 2.25,
        "count_density": 2.5,
        "count_points": len(points),
        "image_size": size,
        "model": "fake",
        "path": "folder/IMG_7.jpg",
    }
    return Result(**{**values, **changes})


CHILD = Region(
    box=(2.0, 3.0, 4.0, 5.0),
    score=math.nan,
    depth=3,
    scale=4.0,
    points_before=0,
    points_after=1,
    count_before=math.nan,
    count_after=0.75,
)
REGION = Region(
    box=(1.0, 2.0, 9.0, 10.0),
    score=0.5,
    depth=2,
    scale=2.0,
    points_before=3,
    points_after=4,
    count_before=3.25,
    count_after=4.5,
    crowded=1.5,
    seconds=0.25,
    children=(CHILD,),
)


@pytest.mark.parametrize(
    ("density", "expected"), [(2.0, 0.0), (2.5, -0.5 / 12.25), (-1.0, 3 / 11), (90.0, -88 / 56)]
)
def test_the_result_tells_how_far_its_two_readings_are_apart(density, expected):
    assert make(count_density=density).disagreement == pytest.approx(expected)


def test_repr_is_one_short_line():
    assert repr(make()) == (
        "Result('folder/IMG_7.jpg', 20x12, count=2.2, density=2.5, points=2, regions=0, "
        "model='fake')"
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"points": torch.zeros(3)}, r"points has shape \[3\]"),
        ({"points": torch.zeros(2, 3)}, r"\[2, 3\]"),
        ({"scores": torch.zeros(5)}, r"scores has shape \[5\]; it must be \[2\]"),
    ],
)
def test_shapes_are_checked(changes, words):
    with pytest.raises(ValueError, match=words):
        make(**changes)


def test_json_has_the_promised_layout():
    result = make(regions=(REGION,), count_density=math.nan, scale=0.25, warnings=("a doubt",))
    assert json.loads(result.to_json()) == {
        "path": "folder/IMG_7.jpg",
        "time": None,
        "image_size": [20, 12],
        "count": 2.25,
        "count_low": None,
        "count_high": None,
        "count_density": None,
        "count_points": 2,
        "disagreement": None,
        "points": [[3.5, 4.5, 0.6], [10.25, 0.5, 0.9]],
        "regions": [
            {
                "box": [1, 2, 9, 10],
                "score": 0.5,
                "depth": 2,
                "scale": 2,
                "points_before": 3,
                "points_after": 4,
                "count_before": 3.25,
                "count_after": 4.5,
                "crowded": 1.5,
                "seconds": 0.25,
                "children": [
                    {
                        "box": [2, 3, 4, 5],
                        "score": None,
                        "depth": 3,
                        "scale": 4,
                        "points_before": 0,
                        "points_after": 1,
                        "count_before": None,
                        "count_after": 0.75,
                        "crowded": 0,
                        "seconds": 0,
                        "children": [],
                    }
                ],
            }
        ],
        "skipped": [],
        "scale": 0.25,
        "warnings": ["a doubt"],
        "model": "fake",
        "raz_version": "1.2.3",
    }


def test_nan_scores_are_null_and_an_empty_field():
    result = make(scores=torch.tensor([math.nan, 0.5]))
    assert json.loads(result.to_json())["points"] == [[3.5, 4.5, None], [10.25, 0.5, 0.5]]
    assert result.to_csv() == "x,y,score\n3.5,4.5,\n10.25,0.5,0.5\n"


def test_results_without_points():
    result = make(points=())
    assert json.loads(result.to_json())["points"] == []
    assert result.to_csv() == "x,y,score\n"
    assert json.loads(result.to_coco())["annotations"] == []
    assert json.loads(result.to_geojson())["features"] == []
    assert result.to_nwpu_line(5) == "5 0"
    assert result.count_in([(0, 0), (20, 0), (20, 12)]) == 0
    with pytest.raises(IndexError, match="index is 0; the result has no heads"):
        result[0]


finite = st.floats(0, 60_000, width=32)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(finite, finite, st.floats(0, 1, width=32)), max_size=20))
def test_texts_keep_every_bit_of_every_point(rows):
    located = torch.tensor(rows, dtype=torch.float32).reshape(-1, 3)
    result = make(points=located[:, :2].tolist(), scores=located[:, 2])
    from_json = json.loads(result.to_json())["points"]
    from_csv = [
        [float(v) for v in row] for row in list(csv.reader(result.to_csv().splitlines()))[1:]
    ]
    for read in (from_json, from_csv):
        assert torch.equal(torch.tensor(read, dtype=torch.float32).reshape(-1, 3), located)


def numbered(number: int) -> Result:
    """Heads at (0, 0), (1, 0.5), (2, 1), ... with scores 0, 1/8, 2/8, ..."""
    steps = torch.arange(number, dtype=torch.float32)
    return make(points=torch.stack([steps, steps / 2], dim=1), scores=steps / 8, regions=(REGION,))


def triples(result: Result) -> list[tuple[float, float, float]]:
    points, scores = result.points.tolist(), result.scores.tolist()
    return [(x, y, score) for (x, y), score in zip(points, scores, strict=True)]


@pytest.mark.parametrize("number", [0, 1, 5])
def test_a_result_is_a_collection_of_its_heads(number):
    result = numbered(number)
    assert len(result) == number
    assert bool(result) is True
    assert list(result) == triples(result)
    assert [result[k] for k in range(number)] == triples(result)
    assert all(type(value) is float for head in result for value in head)


@pytest.mark.parametrize("index", [-1, 2, np.int64(3), np.uint8(4), torch.tensor(1)])
def test_an_integer_gives_one_head(index):
    assert numbered(5)[index] == triples(numbered(5))[int(index)]


@pytest.mark.parametrize(
    ("index", "chosen"),
    [
        (slice(1, 4), [1, 2, 3]),
        (slice(None, None, -2), [4, 2, 0]),
        ([3, -5, 3], [3, 0, 3]),
        ([], []),
        (np.array([4, 0], dtype=np.uint8), [4, 0]),
        (torch.tensor([2]), [2]),
        ([True, False, False, True, False], [0, 3]),
        (np.array([False] * 5), []),
        (torch.tensor([False, True, True, False, False]), [1, 2]),
    ],
)
def test_an_index_gives_a_result_of_those_heads(index, chosen):
    whole = numbered(5)
    part = whole[index]
    assert list(part) == [triples(whole)[k] for k in chosen]
    assert part.count_points == len(part) == len(chosen)
    assert part.points.dtype == part.scores.dtype == torch.float32
    for name in ("count", "count_density", "density", "regions", "path", "image_size", "model"):
        assert getattr(part, name) is getattr(whole, name)
    assert len(whole) == 5


@pytest.mark.parametrize(
    ("index", "error", "words"),
    [
        (5, IndexError, "index is 5; it must be in -5 to 4"),
        ([0, -6], IndexError, "index is -6; it must be in -5 to 4"),
        (2**64 - 1, IndexError, "index is 18446744073709551615; it must be in -5 to 4"),
        ([True] * 4, IndexError, r"mask has shape \[4\]; it must be \[5\]"),
        (np.ones((5, 1), dtype=bool), IndexError, r"mask has shape \[5, 1\]"),
        (True, IndexError, r"mask has shape \[\]"),
        (0.5, TypeError, r"index is 0\.5; it must be an integer, a slice"),
        ("head", TypeError, "index is 'head'"),
        ([[0]], TypeError, r"index is \[\[0\]\]"),
    ],
)
def test_what_is_no_index_is_named(index, error, words):
    with pytest.raises(error, match=words):
        numbered(5)[index]


def test_filtering_by_score_and_area():
    result = numbered(8)
    left = [(0, 0), (4, 0), (4, 12), (0, 12)]
    mask = np.zeros((12, 20), dtype=bool)
    mask[:, 2:6] = True
    assert list(result.filtered()) == list(result)
    assert list(result.filtered(min_score=0.25)) == triples(result)[2:]
    assert list(result.filtered(area=left)) == triples(result)[:4]
    assert list(result.filtered(min_score=0.5, area=torch.from_numpy(mask))) == triples(result)[4:6]
    assert result.filtered(min_score=2).count == result.count
    assert len(make(scores=torch.tensor([math.nan, 0.5])).filtered(min_score=0)) == 1


def test_html_shows_the_image_and_the_figures(tmp_path):
    image = torch.from_numpy(scene(120, 160)).permute(2, 0, 1)
    result = make(points=[(80, 60)], size=(160, 120), image=image, path="a<b>&.jpg", time=1.5)
    text = result._repr_html_()
    assert "<b>" not in text
    assert "a&lt;b&gt;&amp;.jpg" in text
    assert "1.500 s" in text
    assert "2.2" in text
    assert "http" not in text
    encoded = re.search(r'src="data:image/jpeg;base64,([^"]+)"', text)[1]
    with Image.open(io.BytesIO(base64.b64decode(encoded))) as plot:
        assert plot.size == (160, 120)
        changed = np.abs(np.asarray(plot).astype(int) - scene(120, 160)).max(axis=2) > 60
    assert np.abs(np.argwhere(changed).mean(axis=0)[::-1] - (80, 60)).max() < 2


def test_html_says_what_makes_the_count_doubtful():
    assert "doubtful" not in make()._repr_html_()
    text = make(warnings=("two scales", "a < b"))._repr_html_()
    assert "doubtful" in text
    assert "two scales; a &lt; b" in text


def test_html_of_a_file_is_small(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(scene(900, 1800)).save(path)
    result = make(points=[(1800, 0)], size=(1800, 900), path=str(path))
    encoded = re.search(r"base64,([^\"]+)", result._repr_html_())[1]
    with Image.open(io.BytesIO(base64.b64decode(encoded))) as plot:
        assert plot.size == (640, 320)


def test_html_of_a_large_image_shows_its_zones():
    mask = np.zeros((960, 1280), dtype=bool)
    mask[600:900, 100:500] = True
    zones = Zones({"door": [(100, 100), (1000, 100), (1000, 500)], "stairs": mask})
    image = torch.zeros(3, 960, 1280, dtype=torch.uint8)
    text = make(points=[], size=(1280, 960), image=image, zones=zones)._repr_html_()
    encoded = re.search(r"base64,([^\"]+)", text)[1]
    with Image.open(io.BytesIO(base64.b64decode(encoded))) as plot:
        assert plot.size == (640, 480)
        bright = np.asarray(plot.convert("L")) > 120
    assert bright[49:52, 60:480].any(axis=0).all()
    assert bright[310:440, 49:53].any(axis=1).all()
    assert not bright[:40].any()


@pytest.mark.parametrize("path", [None, "gone.jpg", "clip.mp4#t=1.000", "other"])
def test_html_without_the_image_has_the_figures_alone(path, tmp_path):
    if path == "other":
        path = tmp_path / "other.png"
        Image.fromarray(scene(7, 7)).save(path)
        path = str(path)
    text = make(path=path)._repr_html_()
    assert "<img" not in text
    assert "20 x 12 pixels" in text


@pytest.mark.filterwarnings("ignore:OpenCV:UserWarning")
@pytest.mark.parametrize("number", [0, 1, 5])
def test_supervision_gets_key_points(number):
    supervision = pytest.importorskip("supervision")
    result = numbered(number)
    found = result.to_supervision()
    assert isinstance(found, supervision.KeyPoints)
    assert len(found) == number
    np.testing.assert_array_equal(found.xy, result.points.numpy()[:, None])
    np.testing.assert_array_equal(found.keypoint_confidence, result.scores.numpy()[:, None])
    np.testing.assert_array_equal(found.detection_confidence, result.scores.numpy())
    assert found.class_id.tolist() == [0] * number
    confident = found[found.detection_confidence >= 0.25]
    assert len(confident) == len(result.filtered(min_score=0.25))


@pytest.mark.filterwarnings("ignore:OpenCV:UserWarning")
def test_supervision_draws_the_key_points():
    supervision = pytest.importorskip("supervision")
    annotator = supervision.VertexAnnotator(radius=2, color=supervision.Color.RED)
    drawn = annotator.annotate(np.zeros((20, 20, 3), np.uint8), numbered(13)[[12]].to_supervision())
    assert drawn[6, 12].any()
    assert not drawn[12, 6].any()


def test_without_supervision_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(ImportError, match=r'pip install "\.\[supervision\]"'):
        make().to_supervision()


def test_coco_keypoints():
    coco = json.loads(make().to_coco(image_id=9))
    assert coco["images"] == [{"id": 9, "width": 20, "height": 12, "file_name": "folder/IMG_7.jpg"}]
    assert [c["keypoints"] for c in coco["categories"]] == [["head"]]
    assert [a["keypoints"] for a in coco["annotations"]] == [[3.5, 4.5, 2], [10.25, 0.5, 2]]
    assert {a["image_id"] for a in coco["annotations"]} == {9}
    assert [a["id"] for a in coco["annotations"]] == [1, 2]


def test_geojson_points():
    geojson = json.loads(make().to_geojson())
    assert geojson["type"] == "FeatureCollection"
    assert geojson["features"][1] == {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [10.25, 0.5]},
        "properties": {"score": 0.9},
    }


def test_nwpu_line_floors_and_wants_a_word():
    assert make().to_nwpu_line(3098) == "3098 2 3 4 10 0"
    with pytest.raises(ValueError, match="white space"):
        make().to_nwpu_line("my photo")


corner = st.tuples(st.integers(-2, 22), st.integers(-2, 14))


@settings(deadline=None, max_examples=50)
@given(st.lists(corner, min_size=3, max_size=8), st.randoms(use_true_random=False))
def test_count_in_agrees_with_a_ray_cast_by_exact_fractions(polygon, random):
    points = [(random.randrange(39) / 2, random.randrange(23) / 2) for _ in range(15)]

    def inside(x: float, y: float) -> bool:
        odd = False
        for (xa, ya), (xb, yb) in zip(polygon, polygon[1:] + polygon[:1], strict=True):
            if (ya <= y) != (yb <= y):  # all numbers are small halves: products are exact
                side = (x - xa) * (yb - ya) - (y - ya) * (xb - xa)
                odd ^= side < 0 if yb > ya else side > 0
        return odd

    assert make(points=points).count_in(polygon) == sum(inside(x, y) for x, y in points)


@settings(deadline=None, max_examples=50)
@given(
    x=st.floats(0, 20, exclude_min=True, exclude_max=True),
    y=st.floats(0, 12, exclude_min=True, exclude_max=True),
    points=st.lists(st.tuples(st.floats(0, 20, width=32), st.floats(0, 12, width=32)), max_size=30),
)
def test_polygons_around_a_common_corner_partition_the_points(x, y, points):
    edge = [(0, 0), (9.7, 0), (20, 0), (20, 3.3), (20, 12), (6.1, 12), (0, 12), (0, 7.9)]
    result = make(points=[*points, (x, y), *edge])
    parts = [
        result.count_in([(x, y), a, b]) for a, b in zip(edge, edge[1:] + edge[:1], strict=True)
    ]
    assert sum(parts) == result.count_in(edge) == result.count_points


def test_count_in_is_half_open_except_at_the_end_of_the_image():
    result = make(points=[(5, 5), (10, 5), (5, 10), (20, 11), (19, 12)])
    assert result.count_in([(5, 5), (10, 5), (10, 10), (5, 10)]) == 1
    assert result.count_in([(10, 5), (20, 5), (20, 12), (10, 12)]) == 3


@pytest.mark.parametrize(
    "polygon", [[(0, 0), (1, 1)], [(0, 0, 0)] * 3, [], [(0, 0), (1, math.inf), (2, 2)]]
)
def test_count_in_refuses_what_is_no_polygon(polygon):
    with pytest.raises(ValueError, match="polygon"):
        make().count_in(polygon)


LEFT = [(0, 0), (8, 0), (8, 12), (0, 12)]
RIGHT = [(8, 0), (20, 0), (20, 12), (8, 12)]
TOP = np.arange(12)[:, None].repeat(20, axis=1) < 4


@pytest.mark.parametrize(
    ("areas", "counts", "density"),
    [
        (LEFT, 1, 2.5),
        (TOP, 1, 2.5 / 2),
        (torch.from_numpy(TOP), 1, 2.5 / 2),
        (TOP.tolist(), 1, 2.5 / 2),
        ([LEFT, RIGHT], [1, 1], [2.5, 0.0]),
        (np.array([LEFT, RIGHT]), [1, 1], [2.5, 0.0]),
        ([np.array(RIGHT), TOP], [1, 1], [0.0, 2.5 / 2]),
        (np.stack([TOP, ~TOP]), [1, 1], [2.5 / 2, 2.5 / 2]),
        ({"left": LEFT, "top": TOP}, {"left": 1, "top": 1}, {"left": 2.5, "top": 2.5 / 2}),
        ({}, {}, {}),
    ],
)
def test_areas_come_alone_in_lists_and_by_name(areas, counts, density):
    result = make()
    assert result.count_in(areas) == counts
    assert result.density_in(areas) == density
    assert type(result.density_in(LEFT)) is float
    assert type(result.count_in(LEFT)) is int


def test_density_in_refuses_a_map_of_another_size():
    with pytest.raises(ValueError, match=r"density has shape \[3, 3\]; it must be \[2, 3\]"):
        make(density=torch.zeros(3, 3)).density_in(LEFT)


def test_density_in_takes_nothing_from_cells_that_are_undefined_elsewhere():
    density = torch.tensor([[2.0, math.nan, 1.0], [0.5, 0.5, 0.5]])
    assert make(density=density).density_in(LEFT) == 2.5
    assert math.isnan(make(density=density).density_in(RIGHT))


SPREAD = Spread(tuple(i / 100 for i in range(9)), tuple(i / 50 for i in range(9)), 0.5)
"""Of nine images: intervals up to the level 0.9."""


@st.composite
def dense(draw) -> Result:
    """A result of any small size and density, whose count is the density's."""
    size = draw(st.tuples(st.integers(1, 90), st.integers(1, 90)))
    shape = math.ceil(size[1] / 8), math.ceil(size[0] / 8)
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10_000)))
    density = torch.rand(shape, generator=generator) * draw(st.sampled_from([0.01, 1, 30]))
    total = float(density.double().sum())
    return make((), size, density=density, count=total, count_density=total, spread=SPREAD)


@given(dense(), st.lists(st.floats(0.01, 0.9), min_size=2, max_size=2).map(sorted))
def test_the_interval_contains_the_count_and_grows_with_the_level(result, levels):
    inner, outer = map(result.interval, levels)
    assert 0 <= outer[0] <= inner[0] <= result.count <= inner[1] <= outer[1]
    area = [(0, 0), (30, 0), (30, 10), (0, 20)]
    inner, outer = (result.interval_in(area, level) for level in levels)
    assert 0 <= outer[0] <= inner[0] <= result.density_in(area) <= inner[1] <= outer[1]


@given(dense(), st.floats(0.01, 0.9))
def test_the_area_of_the_whole_image_has_the_image_s_interval(result, level):
    width, height = result.image_size
    for area in (
        [(0, 0), (width, 0), (width, height), (0, height)],
        [(-9, -9), (width + 9, -9), (width + 9, height + 9), (-9, height + 9)],
        np.ones((height, width), dtype=bool),
    ):
        assert result.interval_in(area, level) == pytest.approx(result.interval(level), rel=1e-6)


def test_the_width_of_an_area_is_around_its_density_alone():
    result = make(size=(64, 64), density=torch.full((8, 8), 0.125), count=100.0, spread=SPREAD)
    cell = [(16, 16), (32, 16), (32, 32), (16, 32)]  # of the 4 x 4 grid: 0.5 persons
    half = 0.16 * (0.5 + 10 / 16) * 2**0.5  # twice as dense as CROWDED is 1 + 1
    assert result.interval_in(cell) == pytest.approx((0.5 - half, 0.5 + half))
    half = 0.08 * (100 + 10) * 2**0.5
    assert result.interval() == pytest.approx((100 - half, 100 + half))


@pytest.mark.parametrize("times", [2, 4])
def test_the_intervals_of_a_reduced_look_are_those_of_its_own_cells(times):
    seen = torch.rand(6, 8, generator=torch.Generator().manual_seed(1)) * 3
    own = make((), (64, 48), density=seen, count=70.0, spread=SPREAD)
    finer = seen.repeat_interleave(times, 0).repeat_interleave(times, 1) / times**2
    size = (64 * times, 48 * times)
    reduced = make((), size, density=finer, count=70.0, scale=1 / times, spread=SPREAD)
    assert reduced.interval() == pytest.approx(own.interval(), rel=1e-5)
    area = np.array([(3, 0), (40, 5), (20, 30)], dtype=float)
    inside = own.interval_in(area)
    assert reduced.interval_in(area * times) == pytest.approx(inside, rel=1e-5)
    whole = dataclasses.replace(reduced, scale=1.0)
    assert whole.interval() != pytest.approx(own.interval(), rel=1e-2)


def test_intervals_of_areas_come_alone_in_lists_and_by_name():
    result = make(spread=SPREAD)
    left, right = result.interval_in(LEFT), result.interval_in(RIGHT, level=0.9)
    assert left[0] < 2.5 < left[1]
    assert right[0] == 0
    assert result.interval_in([LEFT, RIGHT]) == [left, right]
    assert result.interval_in({"left": LEFT}, 0.9) == {"left": left}


def test_a_selection_of_heads_keeps_the_interval():
    result = make(spread=SPREAD)
    assert result[:1].interval() == result.filtered(min_score=1).interval() == result.interval()


def test_an_interval_needs_residuals_and_a_level_they_reach():
    for interval in (make().interval, lambda: make().interval_in(LEFT)):
        with pytest.raises(ValueError, match="these weights carry none"):
            interval()
    for interval in (
        make(spread=SPREAD).interval,
        lambda at: make(spread=SPREAD).interval_in(LEFT, at),
    ):
        with pytest.raises(ValueError, match=r"level is 0\.95; it must be .* at most 0\.9"):
            interval(0.95)


def test_the_interval_is_written_where_the_weights_tell(tmp_path):
    result = make(spread=SPREAD)
    low, high = result.interval(0.9)
    read = json.loads(result.to_json())
    assert (read["count_low"], read["count_high"]) == (low, high)
    [row] = csv.DictReader(result.save(tmp_path / "a.counts.csv").read_text().splitlines())
    assert (float(row["count_low"]), float(row["count_high"])) == (low, high)
    few = make(spread=Spread((0.1,) * 8, (0.1,) * 8))  # no level of 0.9
    assert json.loads(few.to_json())["count_low"] is None
    unknown = make(spread=SPREAD, count=math.nan)
    assert json.loads(unknown.to_json())["count_high"] is None


@pytest.mark.parametrize("suffix", [s for s in SUFFIXES if not s.endswith((".npz", ".npy"))])
def test_save_writes_what_the_suffix_names(suffix, tmp_path):
    result = make(path=None if suffix in (".png", ".jpg", ".jpeg") else "folder/IMG_7.jpg",
                  image=torch.from_numpy(scene()).permute(2, 0, 1))  # fmt: skip
    path = tmp_path / f"Out{suffix.upper()}"
    assert result.save(str(path)) == path
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    if suffix in (".png", ".jpg", ".jpeg"):
        with Image.open(path) as image:
            assert image.size == result.plot().size
            assert image.format == ("PNG" if suffix == ".png" else "JPEG")
        return
    texts = {
        ".json": result.to_json() + "\n",
        ".jsonl": result.to_json() + "\n",
        ".csv": result.to_csv(),
        ".counts.csv": (
            "path,count,count_low,count_high,points,width,height,seconds\n"
            '"folder/IMG_7.jpg",2.25,,,2,20,12,\n'
        ),
        ".geojson": result.to_geojson() + "\n",
        ".coco.json": result.to_coco() + "\n",
        ".xml": result.to_cvat(),
        ".label-studio.json": result.to_label_studio() + "\n",
        ".txt": "IMG_7 2 3 4 10 0\n",
        ".html": report_text(result),
    }
    assert path.read_text() == texts[suffix]


@pytest.mark.parametrize("name", ["out.xls", "out", ".json"])
def test_save_names_the_suffixes_it_knows(name, tmp_path):
    with pytest.raises(ValueError, match=r"must end in one of \.json, \.jsonl, \.csv"):
        make().save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_nwpu_text_of_an_image_in_memory_is_refused(tmp_path):
    with pytest.raises(ValueError, match="has no id"):
        make(path=None).save(tmp_path / "out.txt")
    assert not list(tmp_path.iterdir())


def _fail_while_writing(path) -> None:
    with atomic_file(path) as file:
        file.write("new")
        raise KeyboardInterrupt


def test_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        _fail_while_writing(path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]


def test_write_goes_through_a_symbolic_link(tmp_path):
    target, link = tmp_path / "target.csv", tmp_path / "link.csv"
    target.write_text("old")
    link.symlink_to(target)
    make().save(link)
    assert link.is_symlink()
    assert target.read_text() == make().to_csv()


@pytest.mark.parametrize("number", [0, 1, 3])
def test_collections(number, tmp_path):
    results = [make(path=f"a/IMG_{i},x.jpg") for i in range(number)]
    texts = {}
    for suffix, collection in COLLECTIONS.items():
        with atomic_file(tmp_path / suffix) as file:
            writer = CollectionWriter(file, collection)
            for result in results:
                writer.write(result)
            writer.close()
        texts[suffix] = (tmp_path / suffix).read_text()
    objects = [json.loads(result.to_json()) for result in results]
    assert json.loads(texts[".json"]) == objects
    assert [json.loads(line) for line in texts[".jsonl"].splitlines()] == objects
    rows = list(csv.DictReader(texts[".csv"].splitlines()))
    assert [(row["path"], row["x"]) for row in rows] == [
        (result.path, x) for result in results for x in ("3.5", "10.25")
    ]
    rows = list(csv.DictReader(texts[".counts.csv"].splitlines()))
    assert [(row["path"], row["count"]) for row in rows] == [
        (result.path, "2.25") for result in results
    ]
    assert texts[".txt"].splitlines() == [f"IMG_{i},x 2 3 4 10 0" for i in range(number)]


def drawn(result: Result, **options) -> np.ndarray:
    options = {"caption": False, "image": scene(120, 160), **options}
    return np.asarray(result.plot(**options))


def test_plot_draws_points_where_they_are():
    result = make(points=[(40.5, 80.5)], size=(160, 120))
    changed = np.argwhere((drawn(result) != scene(120, 160)).any(axis=2))
    centre = changed.mean(axis=0)[::-1] + 0.5
    assert np.abs(centre - (40.5, 80.5)).max() <= 1
    assert np.ptp(changed, axis=0).max() < 10


def test_plot_of_nothing_is_the_image():
    np.testing.assert_array_equal(drawn(make(points=(), size=(160, 120))), scene(120, 160))


def test_plot_options_add_what_they_name():
    result = make(points=(), size=(160, 120), regions=(REGION,), density=torch.ones(15, 20))
    plain = drawn(result)
    for option in ("trace", "density"):
        assert (drawn(result, **{option: True}) != plain).any()
    captioned = drawn(result, caption=True)
    np.testing.assert_array_equal(captioned[:120, :160], plain)
    assert (captioned[120:] < 100).any()
    framed = (drawn(result, trace=True) != plain).any(axis=2)
    assert framed[2:10, 1].all()
    assert framed[9, 1:9].all()
    assert framed[3:5, 2:4].all()  # the child's


def test_plot_dashes_the_regions_that_were_skipped():
    box = (20.0, 60.0, 140.0, 110.0)
    skipped = SkippedRegion(box=box, score=0.5, depth=2, reason="max_seconds")
    looked = Region(
        box=box,
        score=0.5,
        depth=2,
        scale=2.0,
        points_before=3,
        points_after=4,
        count_before=3.0,
        count_after=4.0,
    )
    plain = drawn(make(points=(), size=(160, 120)))
    dashed, whole = (
        (drawn(make(points=(), size=(160, 120), **trace), trace=True) != plain).any(axis=2)
        for trace in ({"skipped": (skipped,)}, {"regions": (looked,)})
    )
    for side in (np.s_[109, 20:140], np.s_[85:110, 20], np.s_[85:110, 139]):
        assert whole[side].all()
        assert 0.3 < dashed[side].mean() < 0.8


def test_json_names_what_was_skipped():
    skipped = SkippedRegion(box=(1.0, 2.0, 3.5, 4.0), score=0.5, depth=2, reason="max_zoom_pixels")
    assert json.loads(make(skipped=(skipped,)).to_json())["skipped"] == [
        {"box": [1, 2, 3.5, 4], "score": 0.5, "depth": 2, "reason": "max_zoom_pixels"}
    ]


def test_density_lies_where_its_cells_are():
    density = torch.zeros(15, 20)
    density[10, 5] = 3
    result = make(points=(), size=(160, 120), density=density)
    image = np.repeat(scene(120, 160)[..., :1], 3, axis=2)  # grey: nothing but the density changes
    changed = np.argwhere((drawn(result, density=True, image=image) != image).any(axis=2))
    assert np.abs(changed.mean(axis=0) + 0.5 - (84, 44)).max() < 1


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (9, 3)])
def test_plot_of_tiny_images(size):
    result = make(points=[(0.5, 0.5)], size=size, regions=(REGION,))
    image = scene(size[1], size[0])
    assert result.plot(image=image, trace=True, density=True, caption=False).size == size
    plot = result.plot(image=image, trace=True, density=True)
    assert plot.width == 200
    assert plot.height > size[1]


def test_plot_of_a_density_without_people():
    result = make(points=(), size=(160, 120), density=torch.full((15, 20), -0.01))
    np.testing.assert_array_equal(drawn(result, density=True), scene(120, 160))


def test_plot_reads_the_file_again(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(scene()).save(path)
    result = make(points=(), path=str(path))
    np.testing.assert_array_equal(np.asarray(result.plot(caption=False)), scene())
    Image.fromarray(scene(5, 5)).save(path)
    with pytest.raises(raz.errors.InputError, match="5 x 5 pixels now"):
        result.plot()


def test_plot_needs_the_image():
    with pytest.raises(ValueError, match="no path"):
        make(path=None).plot()
    with pytest.raises(ValueError, match="image is 5 x 5 pixels"):
        make().plot(image=scene(5, 5))


def test_counts_in_zones_are_those_of_the_areas():
    mask = np.zeros((12, 20), bool)
    mask[:6] = True
    areas = {"left": [(0, 0), (9, 0), (9, 12), (0, 12)], "top": mask}
    result = make(zones=Zones(areas), spread=Spread((0.1,) * 9, (0.2,) * 9))
    for level in (0.5, 0.9):
        counts = result.zone_counts(level)
        assert {name: zone.points for name, zone in counts.items()} == result.count_in(areas)
        assert {name: zone.density for name, zone in counts.items()} == result.density_in(areas)
        intervals = {name: (zone.low, zone.high) for name, zone in counts.items()}
        assert intervals == result.interval_in(areas, level)
    assert result.zone_counts(0.95)["left"].low is None
    assert list(json.loads(result.to_json())["zones"]) == ["left", "top"]
    assert make().zone_counts() == {}


def test_one_table_of_counts_has_one_set_of_zones(tmp_path):
    with_zone = make(zones=Zones({"left": [(0, 0), (9, 0), (9, 12)]}))
    with pytest.raises(ValueError, match=r"zones of folder/IMG_7.jpg are \[\]; the first"):
        raz.io.formats.save_all([with_zone, make()], tmp_path / "table.counts.csv")


@pytest.mark.parametrize("value", ["0.5", None, 1j, torch.zeros(0), len], ids=repr)
def test_what_is_no_number_is_named(value):
    result = make(spread=Spread((0.0, 0.1), (0.1, 0.2)))
    for call in (result.interval, result.zone_counts):
        with pytest.raises(TypeError, match=r"level is .*; it must be a number"):
            call(value)
    if value is not None:
        with pytest.raises(TypeError, match=r"min_score is .*; it must be a number"):
            result.filtered(min_score=value)


def test_tensors_without_numbers_are_named():
    with pytest.raises(TypeError, match="index is "):
        make()[torch.zeros(2, dtype=torch.bool, device="meta")]
    with pytest.raises(ValueError, match="polygon is "):
        make().count_in(torch.zeros(4, 2, device="meta"))
