from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raz.metrics import coco_points, coco_points_macro
from raz.metrics.similarity import THRESHOLDS

coordinates = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=12).map(
    lambda rows: np.array(rows, dtype=float).reshape(-1, 2)
)


def naive_hits(points, order, heads, sigma, threshold):
    free = list(range(len(heads)))
    hits = [False] * len(points)
    for index in order:
        best, chosen = -1.0, None
        for head in free:
            distance = sum((points[index] - heads[head]) ** 2)
            similarity = math.exp(-distance / (2 * sigma**2))
            if similarity >= threshold and similarity > best:
                best, chosen = similarity, head
        if chosen is not None:
            free.remove(chosen)
            hits[index] = True
    return hits


def naive_ap(images, sigma, threshold):
    """Average precision and final recall in plain loops: (points, scores, heads) of each image."""
    ranked, heads = [], 0
    for number, (points, scores, truth) in enumerate(images):
        order = sorted(range(len(points)), key=lambda k: -scores[k])
        hits = naive_hits(points, order, truth, sigma, threshold)
        ranked += [(-scores[k], number, k, hits[k]) for k in range(len(points))]
        heads += len(truth)
    if not heads:
        return math.nan, math.nan
    found, curve = 0, []
    for rank, (*_, hit) in enumerate(sorted(ranked), start=1):
        found += hit
        curve.append((found / heads, found / rank))
    at = [max((p for r, p in curve if r >= q), default=0.0) for q in np.linspace(0, 1, 101)]
    return sum(at) / 101, found / heads


def test_by_hand():
    # Ranked: a false alarm, a hit, a hit; one head of four is found twice over.
    heads = [[[0, 0], [100, 0]], [[0, 0], [50, 50]]]
    points = [[[0, 0], [60, 0]], [[50, 50], [50, 51]]]
    scores = [[0.8, 0.9], [0.7, 0.6]]
    figures = coco_points(points, scores, heads)["sigma5"]
    # Precision 1/2 at recall 1/4, 2/3 at 1/2; never beyond. 51 of 101 recalls lie up to 1/2.
    assert figures["ap50"] == pytest.approx(51 * (2 / 3) / 101)
    assert figures["ar50"] == 0.5
    assert figures["map"] == pytest.approx(figures["ap50"])


def test_similarity_reaches_its_threshold():
    # exp(-d^2 / 50) is .50 at 5.887 px, .75 at 3.793 px, .95 at 1.602 px.
    for distance, found in [(1.6, 10), (1.61, 9), (3.79, 5), (3.80, 5), (5.88, 1), (5.89, 0)]:
        figures = coco_points([[[distance, 0]]], [[1]], [[[0, 0]]])["sigma5"]
        expected = sum(math.exp(-(distance**2) / 50) >= t for t in THRESHOLDS)
        assert figures["mar"] == pytest.approx(expected / 10)
        assert (found == 0) == (expected == 0)


def test_taken_head_is_not_free_and_the_higher_score_goes_first():
    figures = coco_points([[[3, 0], [0, 0]]], [[0.9, 0.1]], [[[0, 0]]])["sigma5"]
    assert figures["ap50"] == 1  # the farther one is first and takes it
    assert figures["ar75"] == 1
    assert figures["map"] == pytest.approx((7 + 3 * 0.5) / 10)  # .85 and more: the second alone


def test_equal_similarity_goes_to_the_lower_head():
    # The first prediction is as near to both; the second reaches head 0 alone.
    heads = [[[4, 0], [-4, 0]]]
    figures = coco_points([[[0, 0], [8, 0]]], [[0.9, 0.8]], heads)["sigma5"]
    assert figures["ar50"] == 0.5
    figures = coco_points([[[0, 0], [-8, 0]]], [[0.9, 0.8]], heads)["sigma5"]
    assert figures["ar50"] == 1


def test_equal_scores_rank_in_file_order():
    good_first = coco_points([[[0, 0], [90, 90]]], [[0.5, 0.5]], [[[0, 0]]])["sigma5"]
    good_last = coco_points([[[90, 90], [0, 0]]], [[0.5, 0.5]], [[[0, 0]]])["sigma5"]
    assert (good_first["ap50"], good_last["ap50"]) == (1, 0.5)


def test_undefined_and_zero():
    assert all(math.isnan(v) for v in coco_points([[[1, 1]]], [[1]], [[]])["sigma20"].values())
    assert all(math.isnan(v) for v in coco_points([], [], [])["sigma20"].values())
    assert set(coco_points([[]], [[]], [[[1, 1]]])["sigma20"].values()) == {0}


@given(st.lists(st.tuples(coordinates, coordinates), max_size=3), st.randoms())
def test_equals_plain_loops(pairs, random):
    images = [(p, np.array([random.randint(0, 3) / 4 for _ in p]), h) for p, h in pairs]
    figures = coco_points(*([image[k] for image in images] for k in range(3)), sigmas=(5.0, 9.0))
    for sigma in (5.0, 9.0):
        row = figures[f"sigma{sigma:g}"]
        for name, threshold in (("50", 0.5), ("75", 0.75)):
            precision, recall = naive_ap(images, sigma, threshold)
            assert row[f"ap{name}"] == pytest.approx(precision, nan_ok=True)
            assert row[f"ar{name}"] == pytest.approx(recall, nan_ok=True)


def test_macro_by_hand():
    points = [[], [[1, 1]], [], [[0, 0], [90, 90]]]
    heads = [[], [], [[1, 1]], [[0, 0]]]
    figures = coco_points_macro(points, heads)["sigma5"]
    # Precision 1, 0, 0, 1/2; recall 1, left out, 0, 1.
    assert figures["ap50"] == pytest.approx(1.5 / 4)
    assert figures["ar50"] == pytest.approx(2 / 3)


def test_macro_takes_predictions_in_the_order_given():
    # In this order the first takes the head that only the second could have.
    assert coco_points_macro([[[0, 0], [3, 0]]], [[[1, 0], [-5, 0]]])["sigma5"]["ar50"] == 0.5
    assert coco_points_macro([[[3, 0], [0, 0]]], [[[1, 0], [-5, 0]]])["sigma5"]["ar50"] == 1


def test_macro_undefined():
    figures = coco_points_macro([[[1, 1]]], [[]])["sigma5"]
    assert figures["ap50"] == 0
    assert math.isnan(figures["mar"])
    assert all(math.isnan(value) for value in coco_points_macro([], [])["sigma5"].values())


@given(coordinates, coordinates)
def test_macro_equals_plain_loops(points, heads):
    row = coco_points_macro([points], [heads])["sigma5"]
    hits = sum(naive_hits(points, range(len(points)), heads, 5.0, 0.75))
    if len(points) and len(heads):
        assert row["ap75"] == pytest.approx(hits / len(points))
        assert row["ar75"] == pytest.approx(hits / len(heads))


def test_scores_must_fit():
    with pytest.raises(ValueError, match=r"scores has shape \[2\]; it must be \[1\]"):
        coco_points([[[1, 1]]], [[1, 2]], [[]])
    with pytest.raises(ValueError, match="scores has a value that is not finite"):
        coco_points([[[1, 1]]], [[math.nan]], [[]])
