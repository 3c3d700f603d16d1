from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from raz import _native, ops, reference

from .devices import DEVICE

sizes = st.tuples(st.integers(0, 3), st.integers(0, 9), st.integers(0, 9))


@given(size=sizes, seed=st.integers(0, 2**16))
@pytest.mark.parametrize(
    ("x_dtype", "dtype", "rounding"),
    [
        (torch.float32, torch.float64, 1e-12),
        (torch.float64, torch.float64, 1e-12),
        (torch.float32, torch.float32, 1e-5),
        (torch.bfloat16, torch.float64, 1e-12),
        (torch.float16, torch.float32, 1e-5),
    ],
)
def test_equals_reference(size, seed, x_dtype, dtype, rounding):
    x = torch.randn(size, generator=torch.Generator().manual_seed(seed)).to(x_dtype)
    torch.testing.assert_close(
        ops.integral_image(x, dtype=dtype),
        reference.integral_image(x, dtype=dtype),
        rtol=rounding,
        atol=rounding,
    )


@pytest.mark.skipif(DEVICE != "cpu", reason="CUDA adds in another order")
@given(size=st.tuples(st.integers(1, 40), st.integers(1, 40)), seed=st.integers(0, 2**16))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("x_dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_same_bits_as_reference(size, seed, x_dtype, dtype):
    x = maps("orders of magnitude", size, seed).to(x_dtype)
    expected = reference.integral_image(x, dtype=dtype)
    torch.testing.assert_close(ops.integral_image(x, dtype=dtype), expected, rtol=0, atol=0)


@given(size=sizes, seed=st.integers(0, 2**16))
@pytest.mark.parametrize("x_dtype", [torch.uint8, torch.int32, torch.int64])
def test_integers_are_exact(size, seed, x_dtype):
    x = torch.randint(0, 255, size, generator=torch.Generator().manual_seed(seed)).to(x_dtype)
    table = ops.integral_image(x)
    assert table.dtype == torch.int64
    assert torch.equal(table, reference.integral_image(x))
    assert ops.integral_image(x, dtype=torch.float32).dtype == torch.float32


@given(data=st.data())
def test_box_sums(data):
    x = torch.arange(35.0).reshape(5, 7)
    y1, y2 = sorted(data.draw(st.tuples(st.integers(0, 5), st.integers(0, 5))))
    x1, x2 = sorted(data.draw(st.tuples(st.integers(0, 7), st.integers(0, 7))))
    table = ops.integral_image(x)
    total = table[y2, x2] - table[y1, x2] - table[y2, x1] + table[y1, x1]
    assert total == x[y1:y2, x1:x2].sum()


def test_strided_input():
    x = torch.randn(2, 22, 61, generator=torch.Generator().manual_seed(0))
    for strided in (x.transpose(1, 2), x[:, ::2, 1::3], x[:1].expand(2, 22, 61), x.flip(-1)):
        for dtype in (torch.float32, torch.float64):
            expected = ops.integral_image(strided.contiguous(), dtype=dtype)
            assert torch.equal(ops.integral_image(strided, dtype=dtype), expected)


def test_leading_dimensions():
    x = torch.randn(2, 3, 4, 5)
    assert ops.integral_image(x).shape == (2, 3, 5, 6)
    assert torch.equal(ops.integral_image(x)[1, 2], ops.integral_image(x[1, 2]))


def test_nan_poisons_what_lies_below_and_right():
    x = torch.ones(20, 40)
    x[11, 22] = torch.nan
    expected = torch.zeros(21, 41, dtype=torch.bool)
    expected[12:, 23:] = True
    for dtype in (torch.float32, torch.float64):
        assert torch.equal(ops.integral_image(x, dtype=dtype).isnan(), expected)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_threads_do_not_change_bits(threads, dtype):
    x = torch.randn(5, 33, 47, generator=torch.Generator().manual_seed(1))
    before = torch.get_num_threads()
    expected = torch.cat([ops.integral_image(image[None], dtype=dtype) for image in x])
    try:
        torch.set_num_threads(threads)
        assert torch.equal(ops.integral_image(x, dtype=dtype), expected)
    finally:
        torch.set_num_threads(before)


def test_gradient_reaches_the_map():
    x = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(ops.integral_image, (x,))


def test_errors_name_the_argument():
    with pytest.raises(ValueError, match=r"x has shape \[3\]; it must be \[\.\.\., H, W\]"):
        ops.integral_image(torch.zeros(3))
    with pytest.raises(TypeError, match=r"x is a list; it must be a torch\.Tensor"):
        ops.integral_image([[1.0]])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"x is torch\.bool"):
        ops.integral_image(torch.zeros(2, 2, dtype=torch.bool))
    with pytest.raises(TypeError, match=r"dtype is torch\.int64"):
        ops.integral_image(torch.zeros(2, 2), dtype=torch.int64)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_instruction_sets_do_not_change_bits(instruction_set, dtype):
    x = torch.randn(2, 21, 45, generator=torch.Generator().manual_seed(1))
    table = ops.integral_image(x, dtype=dtype)
    _native.load().set_instruction_set("baseline")
    assert torch.equal(ops.integral_image(x, dtype=dtype), table)


def test_a_float_table_is_the_exact_one_rounded(instruction_set):
    # Multiples of 2^-10, so that sums are exact in double.
    x = torch.randint(-99, 1024, (300, 501), generator=torch.Generator().manual_seed(2)) / 1024
    exact = reference.integral_image(x, dtype=torch.float64)
    assert torch.equal(ops.integral_image(x, dtype=torch.float32), exact.float())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("value", [torch.inf, 3e38])
def test_infinite_sums_stay_infinite(instruction_set, dtype, value):
    x = torch.zeros(30, 40)
    x[5, 7:9] = value
    table = ops.integral_image(x, dtype=dtype)
    expected = torch.zeros(31, 41, dtype=dtype)
    expected[6:, 8] = value
    expected[6:, 9:] = torch.tensor(value).to(dtype) * 2
    torch.testing.assert_close(table, expected)


def maps(kind: str, size: tuple[int, int], seed: int) -> torch.Tensor:
    """Return a map as branches give it, and of the kinds that are hard to sum in float32."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(size, generator=generator)
    if kind == "noise":
        return noise
    if kind == "signed":
        return torch.randn(size, generator=generator)
    if kind == "orders of magnitude":
        return torch.exp(8 * torch.randn(size, generator=generator))
    if kind == "one row":
        return torch.where(torch.arange(size[0])[:, None] == size[0] // 2, noise, 0)
    share = {"peaks": 0.002, "few peaks": 4 / max(1, noise.numel())}[kind]
    peaks = (torch.rand(size, generator=generator) < share).float()
    return torch.nn.functional.avg_pool2d(peaks[None], 3, stride=1, padding=1)[0] + 1e-4 * noise


KINDS = ["noise", "signed", "orders of magnitude", "one row", "peaks", "few peaks"]


def error_of_box_sums(table: torch.Tensor, exact: torch.Tensor, seed: int) -> torch.Tensor:
    """Return the root mean square over random boxes, which are added up in double."""
    generator = torch.Generator().manual_seed(seed)
    rows, columns = (
        torch.randint(0, size, (2, 4096), generator=generator).sort(0).values
        for size in exact.shape
    )
    error = table.double() - exact
    (y1, y2), (x1, x2) = rows, columns
    boxes = error[y2, x2] - error[y1, x2] - error[y2, x1] + error[y1, x1]
    return boxes.square().mean().sqrt()


def assert_box_sums_are_good(x: torch.Tensor) -> None:
    # Sums in double are exact here: their rounding is 2^-29 of what is measured.
    exact = reference.integral_image(x, dtype=torch.float64)
    least = error_of_box_sums(exact.float(), exact, seed=0)
    table = ops.integral_image(x, dtype=torch.float32)
    assert error_of_box_sums(table, exact, seed=0) <= 1.05 * least


@given(size=st.tuples(st.integers(1, 70), st.integers(1, 70)), seed=st.integers(0, 2**16))
@pytest.mark.parametrize("kind", KINDS)
def test_box_sums_of_a_float_table(kind, size, seed):
    assert_box_sums_are_good(maps(kind, size, seed))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_box_sums_of_a_large_float_table(kind):
    assert_box_sums_are_good(maps(kind, (2160, 3840), seed=1))
