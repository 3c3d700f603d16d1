from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from raz.network import OperatingPoint
from raz.zoom import ZoomSettings, collect_trace, count_and_locate, resolve
from raz.zoom.merging import owners
from raz.zoom.seams import SEAM, points_of_owners

from .painting import DotModel, GreyModel, noise, painted, proposing

steps = st.integers(-1, 1)
starts, lengths = st.integers(0, 1100), st.integers(50, 1200)  # hundredths of a cell
cells = st.tuples(starts, starts, lengths, lengths).map(
    lambda box: (
        box[0] / 100,
        box[1] / 100,
        min(12.0, (box[0] + box[2]) / 100),
        min(12.0, (box[1] + box[3]) / 100),
    )
)
regions = st.lists(cells, max_size=4).map(
    lambda boxes: list(zip(boxes, (0.9, 0.7, 0.5, 0.3), strict=False))
)
heads_apart = st.sets(st.tuples(st.integers(0, 10), st.integers(0, 10)), max_size=40).map(
    lambda grid: sorted((8 * x + 8, 8 * y + 8) for x, y in grid)
)


class ShiftedModel(DotModel):
    """Puts every head aside: by whole pixels in the image, by half a one in enlarged crops."""

    def __init__(self, image: tuple[int, int], crop: tuple[int, int]) -> None:
        super().__init__()
        self.shifts = (image, crop)

    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        outputs = super().__call__(images)
        x, y = self.shifts[len(self.seen) > 1]
        around = F.pad(outputs["localization"], (1, 1, 1, 1), value=-20.0)
        height, width = images.shape[-2:]
        shifted = around[:, 1 - y : 1 - y + height, 1 - x : 1 - x + width]
        return {**outputs, "localization": shifted}


@settings(max_examples=60)
@given(
    heads=heads_apart,
    proposed=regions,
    image_shift=st.tuples(steps, steps),
    crop_shift=st.tuples(steps, steps),
)
def test_every_head_is_found_once_wherever_the_passes_put_it(
    heads: list[tuple[int, int]],
    proposed: list[tuple[tuple[float, float, float, float], float]],
    image_shift: tuple[int, int],
    crop_shift: tuple[int, int],
) -> None:
    with proposing(proposed):
        result = count_and_locate(
            ShiftedModel(image_shift, crop_shift), painted((96, 96), heads), ZoomSettings(context=8)
        )
    nearest = [
        min(heads, key=lambda head: (head[0] - x) ** 2 + (head[1] - y) ** 2)
        for x, y in result.points.tolist()
    ]
    assert sorted(nearest) == heads


def test_without_it_such_heads_are_doubled_or_lost() -> None:
    # The region begins at x = 32. The two passes put heads to opposite sides.
    image = painted((64, 64), [(31, 20), (32, 40)])
    found = {}
    for name, image_shift, crop_shift in (("double", (-1, 0), (1, 0)), ("lost", (1, 0), (-1, 0))):
        with proposing([((4.0, 0.0, 8.0, 8.0), 0.5)]):
            trace = collect_trace(
                ShiftedModel(image_shift, crop_shift), image, ZoomSettings(context=8)
            )
        for seam in (0, SEAM):
            points = resolve(trace, DotModel().operating_point, seam=seam).points
            found[name, seam] = [y for _, y in points.int().tolist()]
    assert found["double", SEAM] == found["lost", SEAM] == [20, 40]
    assert (found["double", 0], found["lost", 0]) == ([20, 40, 40], [])


points_of = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=14)


@given(
    found=st.lists(points_of, min_size=1, max_size=3),
    boxes=st.lists(cells, min_size=2, max_size=2),
    seam=st.sampled_from([0.0, 1.0, SEAM, 8.0]),
    data=st.data(),
)
def test_only_points_of_different_passes_near_each_other_make_a_difference(
    found: list[list[tuple[int, int]]],
    boxes: list[tuple[float, float, float, float]],
    seam: float,
    data: st.DataObject,
) -> None:
    points = torch.tensor([p for each in found for p in each], dtype=torch.float64).reshape(-1, 2)
    source = torch.tensor([s for s, each in enumerate(found) for _ in each], dtype=torch.int64)
    scores = torch.tensor(data.draw(st.lists(st.sampled_from([0.5, 0.75]), min_size=len(points),
                                             max_size=len(points))))  # fmt: skip
    owner = owners(points, torch.tensor(boxes, dtype=torch.float64) * 3)
    plain = source == owner
    stays = points_of_owners(points, scores, source, owner, seam=seam)
    assert stays.dtype == torch.bool
    if seam == 0:
        assert torch.equal(stays, plain)
    near = torch.cdist(points, points) <= seam
    for index in torch.nonzero(stays != plain)[:, 0].tolist():
        others = near[index] & (source != source[index])
        if plain[index]:  # dropped, for a better one that stayed
            assert bool((others & plain & (scores >= scores[index])).any())
        else:  # back, as the other pass saw it on this one's side
            assert bool((others & (owner == source[index]) & (source == owner[index])).any())
            assert not bool((near[index] & stays & (torch.arange(len(stays)) != index)).any())
    # Of the points that one pass lost, each went for another point of the others.
    for each in range(3):
        gone = int((plain & ~stays & (source == each)).sum())
        assert gone <= int((plain & (source != each)).sum())


def test_two_heads_of_one_pass_never_merge() -> None:
    points = torch.tensor([[10.0, 5.0], [11.0, 5.0], [12.0, 5.0]], dtype=torch.float64)
    scores = torch.tensor([0.5, 0.9, 0.6])
    one = torch.zeros(3, dtype=torch.int64)
    assert points_of_owners(points, scores, one, one).tolist() == [True] * 3
    # The middle one is another pass's: it stands for one of its neighbours, not for both.
    two = torch.tensor([0, 1, 0])
    assert points_of_owners(points, scores, two, two).sum() == 2


@settings(max_examples=10)
@given(seed=st.integers(0, 1000), depth=st.integers(2, 3))
def test_thresholds_applied_later_see_the_same_seams(seed: int, depth: int) -> None:
    point = OperatingPoint((0.5, 0.6), 1.0, 0.45)
    image = noise((40, 33), seed)
    limits = ZoomSettings(depth=depth, max_regions=3, regions="anchors")
    trace = collect_trace(GreyModel(point), image, limits, floor=0.1, region_floor=0.3)
    now = count_and_locate(GreyModel(point), image, limits)
    assert torch.equal(resolve(trace, point).points, now.points)


@pytest.mark.parametrize("seam", [-1.0, SEAM + 1, float("nan")])
def test_a_seam_out_of_range_is_named(seam: float) -> None:
    trace = collect_trace(DotModel(), painted((16, 16), []))
    with pytest.raises(ValueError, match="seam is"):
        resolve(trace, DotModel().operating_point, seam=seam)
