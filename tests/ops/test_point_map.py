from __future__ import annotations

import math
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from raz import ops, reference

sizes = st.tuples(st.integers(0, 12), st.integers(0, 12))


def random_points(seed: int, count: int, size: tuple[int, int]) -> torch.Tensor:
    """Heads over the image and two pixels around it; every other on a whole pixel."""
    generator = torch.Generator().manual_seed(seed)
    extent = torch.tensor([size[1], size[0]]) + 4
    points = torch.rand(count, 2, generator=generator, dtype=torch.float64) * extent - 2
    points[::2] = points[::2].round()
    return points


@given(
    size=sizes,
    count=st.integers(0, 12),
    images=st.none() | st.integers(1, 3),
    seed=st.integers(0, 2**16),
)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_equals_reference(size, count, images, seed, dtype):
    points = random_points(seed, count, size).to(dtype)
    options = {}
    if images is not None:
        generator = torch.Generator().manual_seed(seed)
        options["batch"] = torch.randint(images, (count,), generator=generator)
        options["batch_size"] = images
    result = ops.point_map(points, size, **options)
    assert result.dtype == torch.float32
    assert torch.equal(result, reference.point_map(points, size, **options))


@given(size=sizes, count=st.integers(0, 12), seed=st.integers(0, 2**16))
def test_is_the_cross_around_every_head(size, count, seed):
    height, width = size
    points = random_points(seed, count, size)
    expected = torch.zeros(size)
    for x, y in points.tolist():
        if not (0 <= x <= width and 0 <= y <= height and min(size) > 0):
            continue
        column, row = min(int(x), width - 1), min(int(y), height - 1)
        for i in range(height):
            for j in range(width):
                if abs(i - row) + abs(j - column) <= 1:
                    expected[i, j] = 1
    assert torch.equal(ops.point_map(points, size), expected)


def test_a_pixel_is_the_floor_and_the_last_edge_the_last_pixel():
    marked = ops.point_map(torch.tensor([[3.999, 1.0]]), (5, 6)).nonzero().tolist()
    assert marked == [[0, 3], [1, 2], [1, 3], [1, 4], [2, 3]]
    marked = ops.point_map(torch.tensor([[6.0, 5.0]]), (5, 6)).nonzero().tolist()
    assert marked == [[3, 5], [4, 4], [4, 5]]


@pytest.mark.parametrize("twin", [ops.point_map, reference.point_map])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, -0.01, 6.01, 1e30])
def test_heads_outside_or_not_finite_mark_nothing(twin, bad):
    assert not twin(torch.tensor([[bad, 2.0], [2.0, bad]]), (6, 6)).any()


def test_images_of_a_batch_are_independent():
    points = random_points(3, 9, (8, 8))
    batch = torch.arange(9) % 3
    result = ops.point_map(points, (8, 8), batch=batch, batch_size=4)
    for image in range(4):
        assert torch.equal(result[image], ops.point_map(points[batch == image], (8, 8)))


def test_empty():
    nobody = torch.zeros(0, 2)
    nowhere = torch.zeros(0, dtype=torch.int64)
    assert torch.equal(ops.point_map(nobody, (2, 3)), torch.zeros(2, 3))
    assert ops.point_map(nobody, (2, 3), batch=nowhere, batch_size=0).shape == (0, 2, 3)
    for size in ((0, 0), (0, 4), (4, 0)):
        assert ops.point_map(torch.zeros(2, 2), size).shape == size
    assert torch.equal(ops.point_map(torch.tensor([[0.5, 1.0]]), (1, 1)), torch.ones(1, 1))


def test_strided_points():
    points = random_points(0, 20, (9, 9))
    expected = ops.point_map(points[::2].clone(), (9, 9))
    assert torch.equal(ops.point_map(points[::2], (9, 9)), expected)
    assert torch.equal(ops.point_map(points[::2].T.contiguous().T, (9, 9)), expected)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_threads_do_not_change_bits(threads):
    points = random_points(0, 900, (700, 30))
    before = torch.get_num_threads()
    expected = reference.point_map(points, (700, 30))
    try:
        torch.set_num_threads(threads)
        result = ops.point_map(points, (700, 30))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(result, expected)


def test_has_no_gradient():
    points = torch.rand(3, 2, requires_grad=True)
    assert not ops.point_map(points, (4, 4)).requires_grad


def test_meta():
    assert ops.point_map(torch.zeros(5, 2, device="meta"), (9, 17)).shape == (9, 17)


def test_compiles_in_one_graph():
    points = random_points(0, 6, (20, 30)).float()
    compiled = torch.compile(ops.point_map, fullgraph=True, backend="eager")
    assert torch.equal(compiled(points, (20, 30)), ops.point_map(points, (20, 30)))


def test_errors_name_the_argument():
    points = torch.zeros(3, 2)
    batch = torch.zeros(3, dtype=torch.int64)
    with pytest.raises(ValueError, match=r"points has shape \[3\]; it must be \[N, 2\]"):
        ops.point_map(torch.zeros(3), (5, 5))
    with pytest.raises(TypeError, match=r"points is torch\.int64"):
        ops.point_map(points.long(), (5, 5))
    with pytest.raises(ValueError, match=r"size is \(5, -1\)"):
        ops.point_map(points, (5, -1))
    with pytest.raises(
        ValueError, match=r"size is \(5\.5, 5\); it must be \(height, width\), whole"
    ):
        ops.point_map(points, (5.5, 5))  # type: ignore[arg-type]
    for size in ((math.nan, 3), (3, math.inf), (None, 3), ("x", 3), (3, 3, 3)):
        with pytest.raises(ValueError, match=re.escape(f"size is {size}; it must be (height, w")):
            ops.point_map(points, size)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"size is 5; it must be \(height, width\)"):
        ops.point_map(points, 5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="batch_size is 2 without batch"):
        ops.point_map(points, (5, 5), batch_size=2)
    with pytest.raises(ValueError, match=r"batch holds -1; it must be in \[0, 2\)"):
        ops.point_map(points, (5, 5), batch=batch - 1, batch_size=2)


def test_direct_callers_are_kept_from_bad_memory():
    points = torch.full((3, 2), 4.0)
    batch = torch.tensor([-1, 2, 0])
    operator = torch.ops.raz.point_map
    result = operator(points, 8, 8, batch, 2)
    assert float(result[0].sum()) == 5
    assert not result[1].any()
    for arguments in (
        (points.half(), 8, 8, None, 1),
        (points, -8, 8, None, 1),
        (points, 8, 8, batch, -1),
        (points, 8, 8, batch[:2], 2),
        (points[:, :1], 8, 8, None, 1),
    ):
        with pytest.raises(RuntimeError, match="raz: "):
            operator(*arguments)
