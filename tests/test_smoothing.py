from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from raz.io.formats import save_all
from raz.io.zones import Zones
from raz.result import Result
from raz.smoothing import smoothed

STEPS = st.lists(st.integers(1, 40), min_size=1, max_size=60)


def frame(time, count, name="clip.mp4"):
    density = torch.zeros(1, 2)
    density[0, 0] = count / 2
    return Result(
        points=torch.zeros(0, 2), scores=torch.zeros(0), density=density, count=float(count),
        count_density=count / 2, count_points=0, image_size=(16, 8), time=time,
        path=f"{name}#t={time}", image=torch.zeros(3, 8, 16, dtype=torch.uint8),
    )  # fmt: skip


@given(STEPS, st.integers(1, 100), st.randoms(use_true_random=False))
def test_each_is_the_median_of_the_frames_around_it(steps, window, random):
    times = np.cumsum(steps) / 25
    counts = [random.randint(0, 50) for _ in steps]
    seconds = window / 25
    found = list(smoothed(map(frame, times.tolist(), counts), seconds))
    assert [result.count for result in found] == counts
    for time, result in zip(times, found, strict=True):
        near = np.abs(times - time) <= seconds / 2 + 1e-6
        assert result.smoothed == {f"count_median_{seconds:g}s": np.median(np.array(counts)[near])}


def test_results_come_as_soon_as_their_window_is_whole_and_hold_no_pixels():
    taken = []

    def frames():
        for k in range(20):
            taken.append(k)
            yield frame(k / 10, k)

    results = smoothed(frames(), 1.0)
    first = next(results)
    assert taken == list(range(7))  # half a second, and the one frame that ends it
    assert first.image is None
    assert first.smoothed == {"count_median_1s": 2.5}


def test_videos_and_images_keep_apart():
    still = replace(frame(0.0, 7), time=None)
    one = [frame(k / 10, 1) for k in range(3)]
    two = [frame(1 + k / 10, 9, "two.mp4") for k in range(3)]
    again = [frame(k / 10, 5, "two.mp4") for k in range(3)]
    found = list(smoothed([*one, *two, *again, still, *one], 60))
    assert [r.smoothed.get("count_median_60s") for r in found] == [
        *(1, 1, 1, 9, 9, 9, 5, 5, 5, None, 1, 1, 1)
    ]


def test_zones_are_smoothed_too_and_written(tmp_path):
    zones = Zones({"left": [(0, 0), (8, 0), (8, 8), (0, 8)]})
    frames = [replace(frame(k / 2, count), zones=zones) for k, count in enumerate([4, 40, 6])]
    save_all(smoothed(frames, 2), tmp_path / "out.counts.csv")
    rows = list(csv.DictReader((tmp_path / "out.counts.csv").read_text().splitlines()))
    assert [float(row["count"]) for row in rows] == [4, 40, 6]
    assert [float(row["count_median_2s"]) for row in rows] == [6, 6, 6]
    assert [float(row["left.density"]) for row in rows] == [2, 20, 3]
    assert [float(row["left.density_median_2s"]) for row in rows] == [3, 3, 3]
    save_all(smoothed(frames, 2), tmp_path / "out.jsonl")
    first = json.loads((tmp_path / "out.jsonl").read_text().splitlines()[0])
    assert first["count"] == 4
    assert first["smoothed"] == {"count_median_2s": 6, "left.density_median_2s": 3}


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_the_window_is_a_positive_number(seconds):
    with pytest.raises(ValueError, match=f"smooth is {seconds}; it must be a finite number"):
        smoothed([], seconds)


def test_a_window_that_is_no_number_is_named():
    for seconds, error in (("2", TypeError), (10**400, ValueError)):
        with pytest.raises(error, match=r"^smooth is "):
            smoothed([], seconds)
