from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from raz.network import OperatingPoint
from raz.result import Region
from raz.zoom import Pass, Trace, ZoomSettings, collect_trace, count_and_locate, resolve
from raz.zoom.coordinates import Box, CropGeometry, window_around
from raz.zoom.doubts import DISAGREEMENT, FEWEST, UNRESOLVED, doubts

from .painting import BumpModel, bumps

POINT = OperatingPoint(region_threshold=0.1)
SIZE = (256, 256)


def seen(box: Box, scale: float, crowded: float, depth: int, *below: Pass, score: float = 0.5):
    """A pass with so many crowded persons, all in the cell in its middle."""
    crop = window_around(box, 0, SIZE, scale)
    cells: Tensor = torch.zeros(tuple(-(-length // 8) for length in crop.size))
    cells[cells.shape[0] // 2, cells.shape[1] // 2] = crowded
    nowhere, none = torch.empty(0, 2, dtype=torch.float64), torch.empty(0)
    return Pass(crop, box, score, depth, nowhere, none, cells, cells.clone(), children=list(below))


def trace_of(root: Pass, depth: int) -> Trace:
    return Trace(
        root=root, image_size=SIZE, stride=8, depth=depth, floor=0.5, region_floor=0.1,
        model="none", path=None, speed={},
    )  # fmt: skip


def lines(root: Pass, depth: int, persons: float, *regions: Region, used: int | None = None):
    return doubts(trace_of(root, depth), POINT, used or depth, regions, persons)


def region(before: float, after: float, *below: Region) -> Region:
    found: dict[str, Any] = {"box": (0, 0, 64, 64), "score": 0.5, "depth": 2, "scale": 2.0}
    return Region(
        **found, points_before=0, points_after=0, count_before=before, count_after=after,
        children=below,
    )  # fmt: skip


WHOLE: Box = (0, 0, 256, 256)
LEFT: Box = (0, 0, 128, 256)
MIDDLE: Box = (64, 64, 192, 192)


def test_nobody_raises_no_doubt() -> None:
    assert lines(seen(WHOLE, 1, 0, 1), 1, 0.0) == ()
    assert lines(seen(WHOLE, 1, 0, 1), 1, 0.0, region(0, 0)) == ()


def test_few_persons_raise_no_doubt() -> None:
    assert lines(seen(WHOLE, 1, FEWEST, 1), 1, FEWEST) == ()
    assert lines(seen(WHOLE, 1, 0, 1), 1, 1.0, region(1, 1 + FEWEST)) == ()
    assert lines(seen(WHOLE, 1, 0, 1), 1, 1.0, region(1 + FEWEST, 1)) == ()


def test_a_small_share_raises_no_doubt() -> None:
    assert lines(seen(WHOLE, 1, 1000 * UNRESOLVED - 1, 1), 1, 1000.0) == ()
    assert lines(seen(WHOLE, 1, 0, 1), 1, 1000.0, region(0, 1000 * DISAGREEMENT - 1)) == ()


def test_persons_too_dense_at_the_only_scale_raise_doubt() -> None:
    [line] = lines(seen(WHOLE, 1, 60, 1), 1, 120.0)
    assert line.startswith("about 50% of the persons stand too dense")
    [line] = lines(seen(WHOLE, 1, 60, 1), 1, 30.0)
    assert "100%" in line


def test_those_who_were_zoomed_into_are_resolved() -> None:
    region_of_them = seen(MIDDLE, 2, 0, 2)
    assert lines(seen(WHOLE, 1, 60, 1, region_of_them), 2, 120.0) == ()
    # The crowded cell is not in the region: a limit cut its own off.
    beside = seen(LEFT, 2, 0, 2)
    assert len(lines(seen(WHOLE, 1, 60, 1, beside), 2, 120.0)) == 1
    # Nor is a region below the threshold used.
    weak = seen(MIDDLE, 2, 0, 2, score=0.05)
    assert len(lines(seen(WHOLE, 1, 60, 1, weak), 2, 120.0)) == 1


def test_who_is_too_dense_in_the_closer_look_raises_doubt() -> None:
    [line] = lines(seen(WHOLE, 1, 100, 1, seen(MIDDLE, 2, 36, 2)), 2, 100.0)
    assert "36%" in line
    # Of two, and what no region shows.
    both = seen(LEFT, 2, 16, 2), seen((128, 0, 192, 64), 2, 15, 2)
    [line] = lines(seen(WHOLE, 1, 50, 1, *both), 2, 100.0)
    assert "81%" in line


def test_the_depth_that_is_used_decides() -> None:
    deepest = seen((96, 96, 160, 160), 2, 0, 3)
    root = seen(WHOLE, 1 / 2, 80, 1, seen(MIDDLE, 1, 50, 2, deepest))
    assert lines(root, 3, 100.0) == ()
    assert ["50%" in line for line in lines(root, 3, 100.0, used=2)] == [True]
    assert ["80%" in line for line in lines(root, 3, 100.0, used=1)] == [True]


def test_scales_that_disagree_raise_doubt() -> None:
    root = seen(WHOLE, 1, 0, 1)
    for before, after in ((70.0, 40.0), (40.0, 70.0)):
        [line] = lines(root, 1, 100.0, region(before, after))
        assert f" {before:.0f} persons" in line
        assert f" {after:.0f} at the next" in line
    # They may make up for each other.
    assert lines(root, 1, 100.0, region(70, 40), region(40, 70)) == ()


def test_only_the_last_two_scales_are_compared() -> None:
    root = seen(WHOLE, 1, 0, 1)
    assert lines(root, 1, 100.0, region(10, 90, region(50, 55), region(30, 35))) == ()
    assert len(lines(root, 1, 100.0, region(50, 50, region(50, 5), region(0, 0)))) == 1


@pytest.mark.parametrize("count", [float("nan"), float("inf")])
def test_a_count_that_is_no_number_is_not_called_doubtful(count: float) -> None:
    root = seen(WHOLE, 1, 100, 1)
    assert len(lines(root, 1, 100.0)) == 1
    assert lines(root, 1, count, region(float("nan"), 1)) == ()


def test_cells_of_a_window_with_context_are_those_of_the_image() -> None:
    # The crowded cell of the middle lies at 160..192 px at 1/4, beside the region.
    crop = CropGeometry(64, 64, 192, 192, 1 / 4)
    root = seen(WHOLE, 1 / 8, 0, 1)
    middle = seen((64, 64, 256, 256), 1 / 4, 40, 2)
    assert middle.crop == crop
    row, column = (middle.crowded == 40).nonzero()[0].tolist()
    x, y = 64 + column * 32, 64 + row * 32
    root.children.append(middle)
    middle.children.append(seen((x, y, x + 32, y + 32), 1 / 2, 0, 3))
    assert lines(root, 3, 50.0) == ()
    middle.children[0] = seen((x, y - 32, x + 32, y), 1 / 2, 0, 3)
    assert len(lines(root, 3, 50.0)) == 1


def test_a_result_has_the_doubts_of_its_depth() -> None:
    heads = [(x + 0.5, y + 0.5) for x in range(20, 250, 36) for y in range(20, 180, 36)]
    image = bumps((192, 256), heads)
    image[1] = 100
    model = BumpModel()
    deep = collect_trace(model, image, ZoomSettings(depth=2), floor=0.25)
    [line] = resolve(deep, model.operating_point, depth=1).warnings
    assert "100% of the persons stand too dense" in line
    # Attention that still asks at the last scale is as bad.
    assert resolve(deep, model.operating_point).warnings == (line,)
    image[1] = 0
    assert count_and_locate(model, image).warnings == ()
