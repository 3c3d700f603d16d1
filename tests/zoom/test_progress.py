from __future__ import annotations

import pytest
import torch

from raz.zoom import ZoomSettings, collect_trace
from raz.zoom.progress import PassProgress, watched

from .painting import DotModel, painted, proposing

REGIONS = [((float(i), 0.0, i + 1.0, 1.0), 0.5) for i in range(3)]


class Tileable(DotModel):
    receptive_field = 16


def seen_of(settings: ZoomSettings, size: tuple[int, int] = (64, 64)) -> list[PassProgress]:
    seen: list[PassProgress] = []
    with watched(seen.append), proposing(REGIONS):
        collect_trace(Tileable(), painted(size, [(3, 3), (12, 3), (20, 5)]), settings)
    return seen


def test_every_pass_begins_at_0_and_ends_at_all_of_its_regions() -> None:
    seen = seen_of(ZoomSettings(depth=2, context=0))
    assert [(each.scale, each.first, each.done, each.total) for each in seen] == [
        (1, True, 0, 1),
        (1, True, 1, 1),
        (2, False, 0, 3),
        (2, False, 3, 3),
    ]


@pytest.mark.parametrize("side", [128, 160])
def test_tiles_are_counted_one_by_one(side: int) -> None:
    seen = [each for each in seen_of(ZoomSettings(depth=1, tile=side), (300, 200)) if each.first]
    assert [each.done for each in seen] == list(range(seen[0].total + 1))
    assert seen[0].total > 4


def test_regions_that_the_limits_cut_off_are_not_waited_for() -> None:
    seen = seen_of(ZoomSettings(depth=2, context=0, max_zoom_pixels=16 * 16))
    assert seen[-1] == PassProgress(2, False, 1, 1)


def test_nobody_is_told_afterwards() -> None:
    seen: list[PassProgress] = []
    with watched(seen.append):
        pass
    with proposing([]):
        collect_trace(DotModel(), torch.zeros(3, 64, 64, dtype=torch.uint8), ZoomSettings(depth=1))
    assert seen == []
