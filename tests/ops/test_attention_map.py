"""The attention target equals its definition, written out slowly."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from raz import ops, reference


def crowd(seed: int, count: int, side: float = 60.0) -> torch.Tensor:
    """Heads over a square and a margin around it, on quarters of a pixel: many ties."""
    generator = torch.Generator().manual_seed(seed)
    points = torch.rand(count, 2, generator=generator, dtype=torch.float64) * (side + 10) - 5
    return (points * 4).round() / 4


def slow_attention(
    points: torch.Tensor, size: tuple[int, int], stride: int, limit: float, sigma: float
) -> np.ndarray:
    height, width = size
    full = np.zeros(size)
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    reach = math.ceil(4 * sigma)
    heads = points.tolist()
    for i, (x, y) in enumerate(heads):
        distances = sorted(math.dist((x, y), q) for j, q in enumerate(heads) if j != i)
        mean = sum(distances[:3]) / 3 if len(distances) >= 3 else math.inf
        if mean < limit and 0 <= x <= width and 0 <= y <= height:
            near = (abs(columns - math.floor(x)) <= reach) & (abs(rows - math.floor(y)) <= reach)
            squared = (columns + 0.5 - x) ** 2 + (rows + 0.5 - y) ** 2
            full = np.maximum(full, near * np.exp(-squared / (2 * sigma**2)))
    cells = np.zeros((math.ceil(height / stride), math.ceil(width / stride)))
    for i, j in np.ndindex(*cells.shape):
        cells[i, j] = full[i * stride : (i + 1) * stride, j * stride : (j + 1) * stride].mean()
    return cells


@given(
    seed=st.integers(0, 2**16),
    count=st.integers(0, 30),
    size=st.tuples(st.integers(1, 50), st.integers(1, 50)),
    stride=st.sampled_from([1, 3, 8]),
    limit=st.sampled_from([6.0, 12.0, math.inf]),
    sigma=st.sampled_from([1.0, 2.5, 4.0]),
)
@settings(max_examples=40)
@pytest.mark.parametrize("twin", [ops.attention_map, reference.attention_map])
def test_is_its_definition(twin, seed, count, size, stride, limit, sigma):
    points = crowd(seed, count)
    found = twin(points, size, stride=stride, limit=limit, sigma=sigma)
    assert found.dtype == torch.float32
    expected = slow_attention(points, size, stride, limit, sigma)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6, atol=1e-12)


@given(
    seed=st.integers(0, 2**16),
    count=st.integers(0, 50),
    size=st.tuples(st.integers(0, 70), st.integers(0, 70)),
    stride=st.sampled_from([1, 7, 8, 100]),
    sigma=st.sampled_from([1e-300, 0.3, 4.0, 1e9]),
    neighbours=st.integers(0, 4),
    images=st.none() | st.integers(1, 3),
)
@settings(max_examples=40)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_equals_reference(seed, count, size, stride, sigma, neighbours, images, dtype):
    points = crowd(seed, count).to(dtype)
    options = {"stride": stride, "sigma": sigma, "neighbours": neighbours}
    if images is not None:
        generator = torch.Generator().manual_seed(seed)
        options["batch"] = torch.randint(images, (count,), generator=generator)
        options["batch_size"] = images
    result = ops.attention_map(points, size, **options)
    expected = reference.attention_map(points, size, **options)
    assert result.dtype == expected.dtype == torch.float32
    torch.testing.assert_close(result, expected, rtol=2e-7, atol=1e-14)


def test_a_row_longer_than_one_tile():
    points = crowd(0, 60) * torch.tensor([40.0, 1.0])
    options = {"limit": math.inf, "sigma": 30.0, "stride": 7}
    result = ops.attention_map(points, (60, 1500), **options)
    expected = reference.attention_map(points, (60, 1500), **options)
    assert result.max() > 0.9
    torch.testing.assert_close(result, expected, rtol=2e-7, atol=0)


@pytest.mark.slow  # it looks at 2^31 pixels
def test_a_head_further_away_than_32_bits_tell():
    head = torch.tensor([[500.5, 0.5]], dtype=torch.float64)
    offset = torch.tensor([2.0**31, 0])
    near = ops.attention_map(head, (1, 1000), stride=1000, neighbours=0)
    far = ops.attention_map(head + offset, (1, 2**31 + 1000), stride=2**28, neighbours=0)
    assert not far[:, :-1].any()
    assert torch.equal(far[:, -1:], near)


def test_the_peak_is_one_at_a_pixel_centre():
    points = torch.tensor([[20.5, 10.5]] * 4)
    full = ops.attention_map(points, (32, 48), stride=1)
    assert full.max() == 1
    assert divmod(int(full.argmax()), 48) == (10, 20)


def test_fewer_than_four_heads_draw_nothing():
    points = torch.tensor([[20, 20], [21, 20], [22, 20], [23, 20.0]])
    assert ops.attention_map(points, (64, 64)).max() > 0
    assert ops.attention_map(points[:3], (64, 64)).max() == 0
    assert ops.attention_map(points[:3], (64, 64), limit=math.inf).max() == 0
    assert ops.attention_map(points[:0], (64, 64)).shape == (8, 8)


@pytest.mark.parametrize("twin", [ops.attention_map, reference.attention_map])
def test_no_neighbours_mark_every_head(twin):
    heat = twin(torch.tensor([[20.5, 10.5]]), (32, 48), stride=1, sigma=2.0, neighbours=0)
    assert float(heat[10, 20]) == 1
    assert float(heat[10, 22]) == pytest.approx(math.exp(-0.5))
    assert float(heat[10, 29]) == 0  # 9 pixels away, beyond 4 sigma
    assert twin(torch.zeros(1, 2), (8, 8), neighbours=0, limit=0.0).max() == 0


def test_sparse_heads_draw_nothing():
    grid = torch.cartesian_prod(torch.arange(4.0), torch.arange(4.0))
    assert ops.attention_map(grid * 12.5 + 8, (64, 64)).max() == 0
    assert ops.attention_map(grid * 8.0 + 8, (64, 64)).max() > 0


def test_heads_outside_are_neighbours_but_draw_nothing():
    inside = torch.tensor([[4.0, 30.0]])
    outside = torch.tensor([[-1.0, 30.0], [-2.0, 30.0], [-3.0, 30.0]])
    alone = ops.attention_map(outside, (64, 64), limit=math.inf)
    both = ops.attention_map(torch.cat([inside, outside]), (64, 64), stride=1)
    assert alone.max() == 0
    assert divmod(int(both.argmax()), 64)[0] in (29, 30)
    assert float(both[29, 3:5].min()) > 0.9


def test_a_dense_image_in_any_order():
    points = torch.rand(700, 2, generator=torch.Generator().manual_seed(0)).double() * 96
    first = ops.attention_map(points, (96, 96), stride=1)
    order = torch.randperm(700, generator=torch.Generator().manual_seed(1))
    assert torch.equal(first, ops.attention_map(points[order], (96, 96), stride=1))
    marked = points[ops.congestion(points) < 12]
    centres = torch.cartesian_prod(torch.arange(96.0), torch.arange(96.0)).flip(1) + 0.5
    nearest = torch.cdist(centres.double(), marked).square().amin(1).view(96, 96)
    torch.testing.assert_close(first, torch.exp(-nearest / 32).float())


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("twin", [ops.attention_map, reference.attention_map])
def test_heads_that_are_not_finite_are_dropped(bad, twin):
    points = crowd(0, 30)
    broken = torch.cat([torch.tensor([[bad, 5], [5, bad]]), points]).double()
    assert torch.equal(twin(broken, (60, 60)), twin(points, (60, 60)))


def test_images_of_a_batch_are_independent():
    points = crowd(3, 80)
    batch = torch.arange(80) % 4
    batch[batch == 2] = 0
    result = ops.attention_map(points, (64, 48), batch=batch, batch_size=4)
    assert result.shape == (4, 8, 6)
    for b in range(4):
        assert torch.equal(result[b], ops.attention_map(points[batch == b], (64, 48)))


@pytest.mark.parametrize("twin", [ops.attention_map, reference.attention_map])
def test_nothing_to_do(twin):
    nobody = torch.zeros(0, 2)
    batch = torch.zeros(0, dtype=torch.int64)
    assert twin(nobody, (9, 17), batch=batch, batch_size=0).shape == (0, 2, 3)
    assert not twin(nobody, (9, 17), batch=batch, batch_size=2).any()
    heads = torch.zeros(4, 2)
    assert twin(heads, (0, 0)).shape == (0, 0)
    assert twin(heads, (0, 5)).shape == (0, 1)
    assert twin(heads, (1, 1)).shape == (1, 1)


def test_strided_points():
    points = crowd(0, 60)
    expected = ops.attention_map(points[::2].clone(), (60, 60))
    assert torch.equal(ops.attention_map(points[::2], (60, 60)), expected)
    assert torch.equal(ops.attention_map(points[::2].T.contiguous().T, (60, 60)), expected)


@pytest.mark.parametrize("twin", [ops.attention_map, reference.attention_map])
@pytest.mark.parametrize("size", [(8, 8), (1, 3000), (3000, 1)])
def test_a_stride_beyond_all_memory(twin, size):
    heads = torch.tensor([[0.5, 0.5]])
    expected = twin(heads, size, stride=1, neighbours=0).double().mean().float()
    for stride in (max(size), 10**5, 2**31):
        found = twin(heads, size, stride=stride, neighbours=0)
        torch.testing.assert_close(found, expected.view(1, 1), rtol=1e-6, atol=0)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_threads_do_not_change_bits(threads):
    points = crowd(0, 900, 300.0)
    options = {"batch": torch.arange(900) % 3, "batch_size": 3, "limit": 40.0}
    before = torch.get_num_threads()
    expected = ops.attention_map(points, (300, 200), **options)
    try:
        torch.set_num_threads(threads)
        result = ops.attention_map(points, (300, 200), **options)
    finally:
        torch.set_num_threads(before)
    assert expected.any()
    assert torch.equal(result, expected)


def test_meta_and_compile():
    points = crowd(0, 12)
    assert ops.attention_map(points.to("meta"), (9, 17)).shape == (2, 3)
    compiled = torch.compile(ops.attention_map, fullgraph=True, backend="eager")
    assert torch.equal(compiled(points, (20, 30)), ops.attention_map(points, (20, 30)))


def test_it_has_no_gradient():
    assert not ops.attention_map(crowd(0, 9).requires_grad_(), (60, 60)).requires_grad


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"stride": 0}, r"stride is 0; it must be in \[1, 2147483648\]"),
        ({"sigma": 0.0}, "sigma is 0"),
        ({"sigma": math.inf}, "sigma is inf"),
        ({"limit": math.nan}, "limit is nan"),
        ({"neighbours": -1}, "neighbours is -1"),
        ({"neighbours": 33}, "neighbours is 33"),
        # Without a limit these would run for hours, or for ever.
        ({"stride": 2**62}, "stride is 4611686018427387904; it must be in"),
        ({"size": (2**31, 2**31), "stride": 2**20}, "must be at most 68719476736 pixels"),
        ({"size": (1, 2**40), "stride": 2**30}, "must be at most 68719476736 pixels"),
        ({"size": (2**18, 2**18), "sigma": 1e300}, "4 heads would reach 274877906944 pixels"),
        ({"size": (-1, 8)}, r"size is \(-1, 8\)"),
        ({"points": torch.zeros(4, 3)}, r"points has shape \[4, 3\]"),
        ({"batch_size": 2}, "batch_size is 2 without batch"),
    ],
)
def test_errors_name_the_argument(arguments, message):
    with pytest.raises(ValueError, match=message):
        ops.attention_map(**{"points": torch.zeros(4, 2), "size": (8, 8), **arguments})


def test_direct_callers_are_kept_from_bad_memory():
    points = torch.zeros(3, 2, dtype=torch.float64)
    batch = torch.tensor([-1, 2, 0])
    operator = torch.ops.raz.attention_map
    assert operator(points, 8, 8, 1, 12.0, 1.0, 0, batch, 2)[1].max() == 0
    for arguments in (
        (points.float(), 8, 8, 8, 12.0, 4.0, 3, None, 1),
        (points, -8, 8, 8, 12.0, 4.0, 3, None, 1),
        (points, 8, 8, 0, 12.0, 4.0, 3, None, 1),
        (points, 8, 8, 8, 12.0, math.nan, 3, None, 1),
        (points, 8, 8, 8, 12.0, 4.0, 33, None, 1),
        (points, 8, 8, 8, 12.0, 4.0, 3, batch[:2], 2),
        (points, 8, 8, 8, 12.0, 4.0, 3, None, -1),
    ):
        with pytest.raises(RuntimeError, match="raz: "):
            operator(*arguments)
