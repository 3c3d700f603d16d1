from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from raz.io.plot import plot_result, zoom_trace
from raz.result import Region, Result, SkippedRegion


def region(box, depth=2, children=()) -> Region:
    return Region(
        box=box, score=0.02, depth=depth, scale=2.0 ** (depth - 1), points_before=3,
        points_after=4, count_before=3.25, count_after=4.5, children=children,
    )  # fmt: skip


def result_of(regions, skipped=()) -> Result:
    return Result(
        points=torch.zeros(0, 2), scores=torch.zeros(0), density=torch.zeros(50, 75),
        count=0.0, count_density=0.0, count_points=0, image_size=(600, 400),
        regions=tuple(regions), skipped=tuple(skipped),
        image=torch.zeros(3, 400, 600, dtype=torch.uint8),
    )  # fmt: skip


def test_frames_are_numbered_within_their_parents():
    inner = region((20, 20, 90, 90), 3)
    result = result_of(
        [region((10, 10, 200, 200), 2, (inner, inner)), region((210, 10, 400, 200))],
        [SkippedRegion(box=(0, 300, 90, 390), score=0.25, depth=2, reason="max_seconds")],
    )
    frames = list(zoom_trace._frames(result))
    assert [frame.number for frame in frames] == ["1", "1.1", "1.2", "2", "3"]
    assert frames[0].text == "2x, persons 3.2 to 4.5, heads 3 to 4, attention 0.02"
    assert frames[-1].text == "not zoomed into: max_seconds; attention 0.25"


@pytest.mark.parametrize("number", [1, 4, 60])
def test_numbers_never_overlap(number, monkeypatch):
    boxes = []
    draw = zoom_trace._draw_tag

    def spy(draw_, frame, corners, font, taken):
        draw(draw_, frame, corners, font, taken)
        boxes[:] = taken

    monkeypatch.setattr(zoom_trace, "_draw_tag", spy)
    regions = [region((7.0 * n, 5.0 * n, 7.0 * n + 150, 5.0 * n + 100)) for n in range(number)]
    plot_result(result_of(regions), trace=True)
    assert boxes
    for index, (x1, y1, x2, y2) in enumerate(boxes):
        for other in boxes[:index]:
            assert x1 >= other[2] or other[0] >= x2 or y1 >= other[3] or other[1] >= y2


def test_the_strip_is_bounded_however_many_regions_there_are():
    heights = []
    for number in (24, 500):
        regions = [region((0.0, 0.0, 50.0, 50.0))] * number
        heights.append(plot_result(result_of(regions), trace=True).height)
    assert heights[1] - heights[0] < 40  # a line that says how many more


def test_every_head_above_the_strip_is_seen():
    result = replace(
        result_of([region((0, 0, 600, 400))]),
        points=torch.tensor([[2.0, 2.0], [598.0, 398.0]]),
        scores=torch.ones(2),
        count_points=2,
    )
    plot = np.asarray(plot_result(result))
    assert (plot[:6, :6, 0] > 200).any()
    assert (plot[394:400, 594:600, 0] > 200).any()
