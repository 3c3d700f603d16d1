from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from raz import ops, reference

LAYOUTS = ["spread", "column", "row", "clusters", "grid", "one place"]


def crowd(seed: int, count: int, layout: str = "spread") -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    points = torch.rand(count, 2, generator=generator, dtype=torch.float64) * 80 - 8
    if layout == "column":
        points[:, 0] = 20.0
    elif layout == "row":
        points[:, 1] = 20.0
    elif layout == "clusters":
        points = (points / 32).floor() * 32 + points % 1
    elif layout == "grid":
        points = (points / 8).floor() * 8
    elif layout == "one place":
        points[:] = 7.5
    return points


@given(
    seed=st.integers(0, 2**16),
    count=st.integers(0, 70),
    layout=st.sampled_from(LAYOUTS),
    neighbours=st.sampled_from([1, 2, 3, 7, 32]),
    images=st.none() | st.integers(1, 4),
)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_equals_reference(seed, count, layout, neighbours, images, dtype):
    points = crowd(seed, count, layout).to(dtype)
    options = {"neighbours": neighbours}
    if images is not None:
        generator = torch.Generator().manual_seed(seed)
        options["batch"] = torch.randint(images, (count,), generator=generator)
        options["batch_size"] = images
    result = ops.congestion(points, **options)
    expected = reference.congestion(points, **options)
    assert result.dtype == expected.dtype == torch.float64
    torch.testing.assert_close(result, expected, rtol=1e-14, atol=0)


def test_is_the_mean_distance_to_the_three_nearest():
    # Distances from the first head: 30, 40, 50 and, not among the nearest, 60.
    points = torch.tensor([[100, 100], [130, 100], [100, 140], [50, 100], [100, 40.0]])
    result = ops.congestion(points)
    assert result.tolist()[0] == 40.0
    assert result.tolist()[1] == pytest.approx((30 + 50 + math.hypot(30, 60)) / 3)
    assert ops.congestion(points, neighbours=1).tolist()[0] == 30.0


@pytest.mark.parametrize("twin", [ops.congestion, reference.congestion])
def test_too_few_neighbours_are_infinitely_far(twin):
    points = crowd(0, 4)
    assert twin(points, neighbours=3).isfinite().all()
    assert twin(points, neighbours=4).tolist() == [math.inf] * 4
    batch = torch.tensor([0, 1, 1, 0])
    assert twin(points, neighbours=2, batch=batch, batch_size=2).tolist() == [math.inf] * 4
    assert twin(points[:0]).shape == (0,)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("twin", [ops.congestion, reference.congestion])
def test_heads_that_are_not_finite_are_nobodys_neighbour(bad, twin):
    points = crowd(0, 9)
    broken = torch.cat([torch.tensor([[bad, 5], [5, bad]]), points, torch.full((1, 2), bad)])
    result = twin(broken.double())
    assert torch.equal(result[2:-1], twin(points))
    assert result[[0, 1, -1]].tolist() == [math.inf] * 3


def test_far_heads_overflow_to_infinity():
    points = torch.tensor([[1e300, 0], [-1e300, 0], [0, 1e300], [0, 0], [1, 0]]).double()
    assert ops.congestion(points, neighbours=1).tolist() == [math.inf] * 3 + [1.0, 1.0]
    assert torch.equal(ops.congestion(points), reference.congestion(points))


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_threads_do_not_change_bits(threads):
    points = crowd(0, 3000)
    batch = torch.arange(3000) % 3
    before = torch.get_num_threads()
    expected = ops.congestion(points, batch=batch, batch_size=3)
    try:
        torch.set_num_threads(threads)
        result = ops.congestion(points, batch=batch, batch_size=3)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(result, expected)


@given(seed=st.integers(0, 2**16), layout=st.sampled_from(LAYOUTS))
def test_the_order_of_heads_does_not_matter(seed, layout):
    points = crowd(seed, 60, layout)
    order = torch.randperm(60, generator=torch.Generator().manual_seed(seed))
    assert torch.equal(ops.congestion(points[order]), ops.congestion(points)[order])


def test_strided_points():
    points = crowd(0, 40)
    expected = ops.congestion(points[::2].clone())
    assert torch.equal(ops.congestion(points[::2]), expected)
    assert torch.equal(ops.congestion(points[::2].T.contiguous().T), expected)


def test_meta_and_compile():
    points = crowd(0, 12)
    assert ops.congestion(points.to("meta")).shape == (12,)
    compiled = torch.compile(ops.congestion, fullgraph=True, backend="eager")
    assert torch.equal(compiled(points), ops.congestion(points))


def test_it_has_no_gradient():
    assert not ops.congestion(crowd(0, 9).requires_grad_()).requires_grad


def test_errors_name_the_argument():
    points = torch.zeros(3, 2)
    with pytest.raises(TypeError, match="points is a list"):
        ops.congestion([[1.0, 2.0]])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"points has shape \[3, 3\]; it must be \[N, 2\]"):
        ops.congestion(torch.zeros(3, 3))
    for neighbours in (0, 33):
        with pytest.raises(ValueError, match=rf"neighbours is {neighbours}; it must be in \[1, 32"):
            ops.congestion(points, neighbours=neighbours)
    with pytest.raises(ValueError, match=r"batch holds 2; it must be in \[0, 2\)"):
        ops.congestion(points, batch=torch.tensor([0, 1, 2]), batch_size=2)


def test_direct_callers_are_kept_from_bad_memory():
    points = torch.zeros(3, 2, dtype=torch.float64)
    for arguments in (
        (points.float(), 3, None),
        (points[:, :1], 3, None),
        (points, 0, None),
        (points, 33, None),
        (points, 3, torch.zeros(2, dtype=torch.int64)),
    ):
        with pytest.raises(RuntimeError, match="raz: "):
            torch.ops.raz.congestion(*arguments)
