from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from raz.zoom import ZoomSettings, collect_trace, passes
from raz.zoom.passes import batches_by_size

from .painting import DotModel, painted, proposing

sizes = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), max_size=20)


@given(sizes=sizes, limit=st.integers(1, 60))
def test_batches_hold_equal_crops_once_each_within_the_limit(
    sizes: list[tuple[int, int]], limit: int
) -> None:
    batches = list(batches_by_size(sizes, limit))
    assert sorted(index for batch in batches for index in batch) == list(range(len(sizes)))
    for batch in batches:
        height, width = sizes[batch[0]]
        assert all(sizes[index] == (height, width) for index in batch)
        assert len(batch) == 1 or len(batch) * height * width <= limit


def test_crops_of_a_round_share_bounded_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    regions = [((float(i), 0.0, i + 1.0, 1.0), 0.5) for i in range(3)]
    monkeypatch.setattr(passes, "MAX_BATCH_PIXELS", 2 * 16 * 16)
    dots = DotModel()
    with proposing(regions):
        trace = collect_trace(
            dots, painted((64, 64), [(3, 3), (12, 3), (20, 5)]), ZoomSettings(context=0)
        )
    assert dots.seen == [(1, 3, 64, 64), (2, 3, 16, 16), (1, 3, 16, 16)]
    # Whatever the batch, each pass has the points of its own region.
    found = [child.points.tolist() for child in trace.root.children]
    assert found == [[[3.25, 3.25]], [[12.25, 3.25]], [[20.25, 5.25]]]


def test_a_crop_is_the_region_and_its_context_enlarged_exactly_twice() -> None:
    dots = DotModel()
    with proposing([((2.1, 1.0, 4.0, 5.3), 0.5)]):
        trace = collect_trace(dots, painted((64, 99), []), ZoomSettings(context=5))
    [child] = trace.root.children
    assert child.box == pytest.approx((16.8, 8, 32, 42.4), abs=1e-5)
    assert child.crop.box == (11, 3, 37, 48)
    assert dots.seen[1] == (1, 3, 90, 52)


def test_a_deeper_round_enlarges_again_and_samples_the_image() -> None:
    # The second map is the region's part of the crop's: cells of 4 px, from (16, 16) on.
    dots = DotModel()
    with proposing([((2.0, 2.0, 6.0, 6.0), 0.5)], [((2.0, 1.0, 5.0, 4.0), 0.25)]):
        trace = collect_trace(dots, painted((64, 64), [(30, 25)]), ZoomSettings(depth=3, context=8))
    [child] = trace.root.children
    [grandchild] = child.children
    assert grandchild.box == (24, 20, 36, 32)
    assert grandchild.crop.box == (20, 16, 40, 36)
    assert (grandchild.depth, grandchild.crop.scale) == (3, 4)
    assert dots.seen[2] == (1, 3, 80, 80)
    [[x, y]] = grandchild.points.tolist()
    assert (x, y) == pytest.approx((30.5, 25.5), abs=0.5)


def test_deeper_regions_stay_inside_their_parent() -> None:
    trace = collect_trace(
        DotModel(),
        painted((72, 64), [(30, 30)], attention=200),
        ZoomSettings(depth=4, max_regions=2, context=9),
    )
    rounds = [trace.root]
    for depth in (2, 3, 4):
        for parent in rounds:
            for child in parent.children:
                assert child.depth == depth
                assert child.crop.scale == 2 ** (depth - 1)
                assert parent.box[0] <= child.box[0] < child.box[2] <= parent.box[2]
                assert parent.box[1] <= child.box[1] < child.box[3] <= parent.box[3]
        rounds = [child for parent in rounds for child in parent.children]
    assert trace.root.children[0].children


def test_a_map_of_another_size_than_the_image_is_refused() -> None:
    class Halved(DotModel):
        def __call__(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
            outputs = super().__call__(images)
            return {**outputs, "localization": outputs["localization"][:, ::2, ::2]}

    with pytest.raises(ValueError, match="localization"):
        collect_trace(Halved(), painted((16, 16), []))


@pytest.mark.parametrize("image", [torch.zeros(3, 4, 4), "image.jpg"])
def test_an_image_that_is_not_bytes_is_a_type_error(image: object) -> None:
    with pytest.raises(TypeError, match="uint8"):
        collect_trace(DotModel(), image)  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(4, 4), (1, 4, 4), (3, 0, 4), (4, 4, 3)])
def test_an_image_of_the_wrong_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="shape"):
        collect_trace(DotModel(), torch.zeros(shape, dtype=torch.uint8))


def test_a_context_out_of_range_is_named() -> None:
    with pytest.raises(ValueError, match="context"):
        collect_trace(DotModel(), painted((8, 8), []), ZoomSettings(context=-1))
