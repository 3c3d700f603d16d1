from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from raz import ops, reference

sides = st.integers(0, 7)
edges = st.one_of(
    st.floats(-3, 10, width=32),
    st.integers(-2, 9).map(float),
    st.sampled_from([math.nan, math.inf, -math.inf, 1e-30, 3.0000002]),
)
boxes_of_two_images = st.integers(0, 6).flatmap(
    lambda n: st.lists(st.lists(edges, min_size=4, max_size=4), min_size=2 * n, max_size=2 * n)
)


def random_map(*size: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def random_boxes(*size: int, seed: int = 0) -> torch.Tensor:
    return random_map(*size, 4, seed=seed) * 14 - 3


def overlaps(low: float, high: float, size: int) -> list[float]:
    """Return how much of each pixel [j, j+1) of a side the interval covers."""
    return [max(0.0, min(high, j + 1) - max(low, j)) for j in range(size)]


def sum_by_definition(image: torch.Tensor, box: list[float]) -> float:
    """Sum one box pixel by pixel: each value times the covered part of its pixel."""
    if any(math.isnan(edge) for edge in box):
        return 0.0
    down = torch.tensor(overlaps(box[1], box[3], image.shape[0]), dtype=torch.float64)
    across = torch.tensor(overlaps(box[0], box[2], image.shape[1]), dtype=torch.float64)
    return float(down @ image @ across)


@settings(max_examples=30)  # of each of 24 combinations
@given(height=sides, width=sides, boxes=boxes_of_two_images, seed=st.integers(0, 2**16))
@pytest.mark.parametrize("box_dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("table_dtype", [torch.float32, torch.float64, torch.int64])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_same_bits_as_reference(height, width, boxes, seed, box_dtype, table_dtype, reduction):
    image = random_map(2, height, width, seed=seed) - 0.25
    if table_dtype == torch.int64:
        image = (image * 1000).long()
    table = ops.integral_image(image, dtype=table_dtype)
    batch = torch.tensor(boxes, dtype=torch.float64).reshape(2, -1, 4).to(box_dtype)
    scores = ops.score_anchors(table, batch, reduction=reduction)
    assert torch.equal(scores, reference.score_anchors(table, batch, reduction=reduction))
    wide = torch.float64 in (table_dtype, box_dtype)
    assert scores.dtype == (torch.float64 if wide else torch.float32)


@given(height=sides, width=sides, box=st.lists(edges, min_size=4, max_size=4))
def test_is_the_sum_over_the_covered_parts_of_pixels(height, width, box):
    image = random_map(height, width)
    table = ops.integral_image(image)[None]
    given_box = torch.tensor(box, dtype=torch.float64).reshape(1, 1, 4)
    total = ops.score_anchors(table, given_box, reduction="sum").item()
    assert total == pytest.approx(sum_by_definition(image, box), rel=1e-9, abs=1e-300)


@given(
    x=st.floats(0, 8),
    y=st.floats(0, 6),
    width=st.floats(1e-9, 8),
    height=st.floats(1e-9, 6),
)
def test_mean_of_a_constant_map_is_the_constant_however_thin_the_box(x, y, width, height):
    table = ops.integral_image(torch.full((1, 6, 8), 0.7, dtype=torch.float64))
    box = torch.tensor([[[x, y, x + width, y + height]]], dtype=torch.float64)
    covers = box[0, 0, 2] > x and box[0, 0, 3] > y and x < 8 and y < 6
    expected = 0.7 if covers else 0.0
    assert ops.score_anchors(table, box).item() == pytest.approx(expected, rel=1e-12)


def test_by_hand():
    table = ops.integral_image(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
    boxes = torch.tensor([[[0, 0, 2, 2], [0.5, 0, 1.5, 1], [1, 1, 9, 9], [0.5, 0.5, 1.5, 1.5]]])
    means = ops.score_anchors(table, boxes)
    assert means.tolist() == [[2.5, 1.5, 4.0, 2.5]]
    sums = ops.score_anchors(table, boxes, reduction="sum")
    assert sums.tolist() == [[10.0, 1.5, 4.0, 2.5]]


@pytest.mark.parametrize(
    "box",
    [
        (1, 1, 1, 3),  # empty
        (3, 1, 1, 3),  # inverted
        (math.nan, 0, 4, 4),
        (0, 0, 4, math.nan),
        (-5, 0, 0, 4),  # wholly outside, on each side
        (4, 0, 9, 4),
        (0, -5, 4, -1),
        (0, 4, 4, 8),
        (math.inf, 0, math.inf, 4),
        (0, 0, 1e-200, 1e-200),  # the area underflows
    ],
)
def test_boxes_without_area_score_zero(box):
    table = ops.integral_image(torch.ones(1, 4, 4, dtype=torch.float64))
    boxes = torch.tensor(box, dtype=torch.float64).reshape(1, 1, 4)
    for function in (ops.score_anchors, reference.score_anchors):
        assert function(table, boxes).item() == 0
        assert function(table, boxes, reduction="sum").item() == 0


def test_infinite_boxes_cover_the_map():
    table = ops.integral_image(torch.ones(1, 3, 4))
    box = torch.tensor([[[-math.inf, -math.inf, math.inf, math.inf]]])
    assert ops.score_anchors(table, box, reduction="sum").item() == 12


@pytest.mark.parametrize("function", [ops.score_anchors, reference.score_anchors])
def test_nan_does_not_reach_boxes_that_end_before_it(function):
    image = torch.ones(1, 4, 4)
    image[0, 2, 2] = torch.nan
    table = ops.integral_image(image)
    boxes = torch.tensor([[[0, 0, 2, 4], [0, 0, 4, 2], [0, 0, 2.5, 2.5], [3, 3, 4, 4]]])
    assert function(table, boxes).isnan().tolist() == [[False, False, True, True]]


@pytest.mark.parametrize(
    ("batch", "count", "height", "width"),
    [(0, 3, 4, 4), (2, 0, 4, 4), (2, 3, 0, 4), (2, 3, 4, 0), (1, 1, 1, 1)],
)
def test_empty_and_tiny_inputs(batch, count, height, width):
    table = ops.integral_image(torch.ones(batch, height, width))
    boxes = torch.tensor((-1.0, -1.0, 9.0, 9.0)).expand(batch, count, 4)
    scores = ops.score_anchors(table, boxes)
    expected = 1.0 if height and width else 0.0
    assert torch.equal(scores, torch.full((batch, count), expected, dtype=torch.float64))


def test_strided_inputs():
    table = ops.integral_image(random_map(2, 9, 8))
    boxes = random_boxes(2, 12)
    views = [
        (table.transpose(1, 2), boxes),
        (table[:, ::2, ::3], boxes),
        (table[:1].expand_as(table), boxes[:, ::2]),
        (table, boxes[:, :1].expand_as(boxes)),
        (table, boxes.flip(1).transpose(1, 2).contiguous().transpose(1, 2)),
    ]
    for strided_table, strided_boxes in views:
        expected = ops.score_anchors(strided_table.contiguous(), strided_boxes.contiguous())
        assert torch.equal(ops.score_anchors(strided_table, strided_boxes), expected)
        assert torch.equal(reference.score_anchors(strided_table, strided_boxes), expected)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_threads_do_not_change_bits(threads):
    table = ops.integral_image(random_map(3, 7, 8))
    boxes = random_boxes(3, 4000)
    expected = reference.score_anchors(table, boxes)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        assert torch.equal(ops.score_anchors(table, boxes), expected)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_gradcheck(reduction):
    table = ops.integral_image(random_map(2, 4, 5)).requires_grad_()
    boxes = random_boxes(2, 9, seed=3)
    boxes[:, 0] = torch.tensor((1.25, 1.25, 1.75, 1.5))  # inside one pixel
    boxes[:, 1] = torch.tensor((-2.5, 1.5, 8.25, 3.25))  # clipped
    boxes[:, 2] = torch.tensor((2.5, 2.5, 1.5, 1.5))  # inverted
    boxes.requires_grad_()

    def score(table: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
        return ops.score_anchors(table, boxes, reduction=reduction)

    assert torch.autograd.gradcheck(score, (table, boxes))


def test_no_gradient_outside_the_map_and_the_right_hand_one_on_a_pixel_edge():
    image = torch.tensor([[[1.0, 2.0, 5.0]]], dtype=torch.float64)
    boxes = torch.tensor([[[-1, -1, 2, 9], [1, 0, 3, 1]]], dtype=torch.float64, requires_grad=True)
    ops.score_anchors(ops.integral_image(image), boxes, reduction="sum").sum().backward()
    assert boxes.grad is not None
    # The edge x = 2 enters the pixel of 5, x = 1 leaves the pixel of 2, y = 0 loses both.
    assert boxes.grad.tolist() == [[[0, 0, 5, 0], [-2, -7, 0, 0]]]


def test_gradients_stay_finite_beside_nan():
    image = torch.ones(1, 4, 4, dtype=torch.float64)
    image[0, 2, 2] = torch.nan
    table = ops.integral_image(image).requires_grad_()
    boxes = torch.tensor(
        [[[0, 0, 2, 4], [math.nan, 0, 4, 4], [3, 3, 2, 4]]], dtype=torch.float64, requires_grad=True
    )
    ops.score_anchors(table, boxes).sum().backward()
    assert boxes.grad is not None
    assert table.grad is not None
    assert boxes.grad.isfinite().all()
    assert table.grad.isfinite().all()


def test_the_gradient_of_a_column_that_is_not_finite_is_zero_by_plain_torch_too():
    image = torch.ones(1, 4, 3)
    image[0, 2, 2] = torch.nan
    table = ops.integral_image(image)
    box = torch.tensor([[[0.0, 1.0, 2.0, 4.0]]], dtype=torch.float64)

    def total(box):
        return ops.score_anchors(table, box, reduction="sum").sum()

    assert torch.func.grad(total)(box).tolist() == [[[-3, -2, 0, 0]]]


def gradient_in_boxes(module, table, boxes, reduction):
    boxes = boxes.clone().requires_grad_()
    scores = module.score_anchors(table, boxes, reduction=reduction)
    return scores.detach(), *torch.autograd.grad(scores.sum(), boxes)


@given(
    size=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    seed=st.integers(0, 2**16),
    bad=st.lists(st.sampled_from([math.nan, math.inf, -math.inf]), min_size=1, max_size=2),
)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_gradients_beside_what_is_not_finite_equal_the_references(size, seed, bad, reduction):
    image = random_map(1, *size, seed=seed)
    for i, value in enumerate(bad):
        image.view(-1)[(seed + 5 * i) % image.numel()] = value
    table = ops.integral_image(image)
    boxes = random_boxes(1, 20, seed=seed) / 2
    boxes[:, ::2] = boxes[:, ::2].round()
    boxes[:, ::3, 2:] = boxes[:, ::3, 2:].round()
    scores, native = gradient_in_boxes(ops, table, boxes, reduction)
    _, expected = gradient_in_boxes(reference, table, boxes, reduction)
    finite = scores.isfinite()
    torch.testing.assert_close(native[finite], expected[finite], equal_nan=True)


def test_errors_name_the_argument():
    table, boxes = torch.zeros(2, 3, 4), torch.zeros(2, 5, 4)
    with pytest.raises(ValueError, match=r"integral has shape \[3, 4\]; it must be \[B, H\+1"):
        ops.score_anchors(table[0], boxes)
    with pytest.raises(ValueError, match=r"boxes has shape \[2, 5, 3\]; it must be \[B, N, 4\]"):
        ops.score_anchors(table, boxes[..., :3])
    with pytest.raises(ValueError, match="boxes has 1 rows; it must have 2, like integral"):
        ops.score_anchors(table, boxes[:1])
    with pytest.raises(ValueError, match="must be at least 1"):
        ops.score_anchors(table[:, :0], boxes)
    with pytest.raises(TypeError, match=r"integral is torch\.int32"):
        ops.score_anchors(table.int(), boxes)
    with pytest.raises(TypeError, match=r"boxes is torch\.int64"):
        ops.score_anchors(table, boxes.long())
    with pytest.raises(ValueError, match="boxes is on meta; it must be on cpu"):
        ops.score_anchors(table, boxes.to("meta"))
    with pytest.raises(ValueError, match="reduction is 'max'; it must be"):
        ops.score_anchors(table, boxes, reduction="max")


def test_direct_callers_cannot_reach_outside_the_memory():
    ops.score_anchors(torch.zeros(1, 2, 2), torch.zeros(1, 1, 4))  # loads the native module
    for table, boxes in [
        ((2, 3, 4), (1, 5, 4)),
        ((2, 3, 4), (2, 5, 3)),
        ((2, 0, 4), (2, 5, 4)),
        ((2, 3), (2, 5, 4)),
    ]:
        with pytest.raises(RuntimeError, match="raz: "):
            torch.ops.raz.score_anchors(torch.zeros(table), torch.zeros(boxes), True)
