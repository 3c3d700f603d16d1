"""The gradients of the differentiable operators: native kernels against the reference's."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import forward_ad, gradcheck, gradgradcheck

from raz import ops, reference

LAYOUTS = {
    "contiguous": lambda x: x,
    "permuted": lambda x: x.permute(*reversed(range(x.dim()))).contiguous().permute(
        *reversed(range(x.dim()))
    ),
    "channels_last": lambda x: (
        x.to(memory_format=torch.channels_last) if x.dim() == 4 else torch.stack((x, x), -1)[..., 0]
    ),
}  # fmt: skip
BATCH = torch.tensor([0, 1, 1, 0, 1])
OPTIONS = {"mean": [0.1, 0.2, 0.3], "std": [0.5, 0.2, 0.1]}


def random(*size: int, seed: int = 0, low: float = -1.0, high: float = 1.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(size, generator=generator, dtype=torch.float64) * (high - low) + low


def leaf(value: torch.Tensor, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return value.detach().to(dtype).requires_grad_()


# Each with its differentiable arguments alone; `module` is raz.ops or raz.reference.
def integral_image(module, x):
    return module.integral_image(x, dtype=torch.float64)


def score_anchors(module, table, boxes, reduction="mean"):
    return module.score_anchors(table, boxes, reduction=reduction)


def crop_and_resize(module, images, boxes, size=(5, 3)):
    options = {name: torch.tensor(value).to(images.dtype) for name, value in OPTIONS.items()}
    return module.crop_and_resize(images, boxes, BATCH, size, **options)


def density_map(module, points, sigma=3.0):
    count = len(points)
    options = {"batch": BATCH.repeat(9)[:count], "batch_size": 2}
    return module.density_map(points, (20, 30), sigma=sigma, stride=3, **options)


CASES: dict[str, tuple[Callable[..., torch.Tensor], tuple[torch.Tensor, ...]]] = {
    "integral_image": (integral_image, (random(2, 3, 4, 5),)),
    "score_anchors": (score_anchors, (random(2, 5, 6), random(2, 7, 4, low=-2, high=8))),
    "crop_and_resize": (crop_and_resize, (random(2, 3, 6, 7), random(5, 4, low=-2, high=9))),
    "density_map": (density_map, (random(6, 2, low=1, high=19),)),
}


def ways(result: torch.Tensor) -> set[str]:
    """Return the names of the functions that a gradient passes through."""
    names, functions = set(), [result.grad_fn]
    while functions:
        function = functions.pop()
        if function is not None:
            names.add(function.name())
            functions += [entry[0] for entry in function.next_functions]
    return names


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("op", CASES)
def test_gradcheck(op, layout):
    call, inputs = CASES[op]
    strided = [leaf(LAYOUTS[layout](value)) for value in inputs]
    assert all(value.is_contiguous() for value in strided) == (layout == "contiguous")
    assert f"GeneratedBackwardFor_raz_{op}_defaultBackward" in ways(call(ops, *strided))
    assert gradcheck(lambda *values: call(ops, *values), strided)


def gradients(call, module, inputs, dtype, **options):
    leaves = [leaf(value, dtype) for value in inputs]
    result = call(module, *leaves, **options)
    weights = random(*result.shape, seed=1).to(result.dtype)
    return torch.autograd.grad((result * weights).sum(), leaves)


def assert_equals_reference(call, inputs, dtype, rounding, **options):
    native = gradients(call, ops, inputs, dtype, **options)
    expected = gradients(call, reference, inputs, dtype, **options)
    for ours, theirs, value in zip(native, expected, inputs, strict=True):
        assert ours.shape == value.shape
        assert ours.dtype == dtype
        largest = theirs.abs().max().item() if theirs.numel() else 0
        torch.testing.assert_close(ours, theirs, rtol=rounding, atol=rounding * (1 + largest))


ROUNDINGS = [(torch.float64, 1e-12), (torch.float32, 1e-5), (torch.bfloat16, 0.01)]
sides = st.integers(1, 9)


@given(size=st.tuples(st.integers(0, 3), st.integers(0, 9), st.integers(0, 9)))
@pytest.mark.parametrize(("dtype", "rounding"), ROUNDINGS)
def test_integral_image_equals_reference(size, dtype, rounding):
    assert_equals_reference(integral_image, (random(*size),), dtype, rounding)


@given(size=st.tuples(sides, sides), count=st.integers(0, 9), seed=st.integers(0, 2**16))
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize(("dtype", "rounding"), ROUNDINGS[:2])
def test_score_anchors_equals_reference(size, count, seed, reduction, dtype, rounding):
    height, width = size
    boxes = random(2, count, 4, seed=seed, low=-3, high=12)
    boxes[:, ::2] = boxes[:, ::2].round()
    table = random(2, height + 1, width + 1)
    assert_equals_reference(score_anchors, (table, boxes), dtype, rounding, reduction=reduction)


def test_score_anchors_of_an_integer_table_reaches_the_boxes():
    table = ops.integral_image(torch.arange(20).reshape(1, 4, 5))
    boxes = leaf(random(1, 6, 4, low=-1, high=6))
    (native,) = torch.autograd.grad(ops.score_anchors(table, boxes).sum(), boxes)
    (expected,) = torch.autograd.grad(reference.score_anchors(table, boxes).sum(), boxes)
    torch.testing.assert_close(native, expected)


@given(
    size=st.tuples(sides, sides),
    crop=st.tuples(st.integers(0, 9), st.integers(0, 9)),
    seed=st.integers(0, 2**16),
)
@settings(max_examples=40)
@pytest.mark.parametrize(("dtype", "rounding"), [*ROUNDINGS[:2], (torch.float16, 0.002)])
def test_crop_and_resize_equals_reference(size, crop, seed, dtype, rounding):
    boxes = random(5, 4, seed=seed, low=-3, high=12)
    boxes[::2] = boxes[::2].round()
    boxes[4, seed % 4] = math.nan
    images = random(2, 3, *size, seed=seed)
    assert_equals_reference(crop_and_resize, (images, boxes), dtype, rounding, size=crop)


def test_crop_and_resize_of_bytes_reaches_the_boxes():
    images = (random(2, 3, 6, 7, low=0, high=255)).to(torch.uint8)
    boxes = random(5, 4, low=-2, high=9)

    def call(module, boxes):
        return module.crop_and_resize(images, boxes, BATCH, (5, 3))

    assert_equals_reference(call, (boxes,), torch.float32, 1e-5)


@given(count=st.integers(0, 40), seed=st.integers(0, 2**16))
@pytest.mark.parametrize("sigma", [0.4, 3.0, 400.0, "adaptive"])
@pytest.mark.parametrize(("dtype", "rounding"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
def test_density_map_equals_reference(count, seed, sigma, dtype, rounding):
    points = random(count, 2, seed=seed, low=-5, high=30)
    assert_equals_reference(density_map, (points,), dtype, rounding, sigma=sigma)


@pytest.mark.parametrize("op", CASES)
def test_threads_do_not_change_bits(op):
    inputs = {
        "integral_image": (random(5, 33, 47),),
        "score_anchors": (random(2, 300, 60), random(2, 3000, 4, low=-9, high=99)),
        "crop_and_resize": (random(2, 3, 90, 120), random(5, 4, low=-9, high=99)),
        "density_map": (random(40, 2, low=0, high=20),),
    }[op]
    options = {"size": (70, 80)} if op == "crop_and_resize" else {}
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3, 8):
            torch.set_num_threads(threads)
            call = CASES[op][0]
            results.append(gradients(call, ops, inputs, torch.float64, **options))
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(map(torch.equal, results[0], other))


def test_integral_image_is_differentiable_twice():
    assert gradgradcheck(ops.integral_image, leaf(random(2, 3, 4)))


@pytest.mark.parametrize("op", sorted(CASES.keys() - {"integral_image"}))
def test_a_second_derivative_is_refused_by_name(op):
    call, inputs = CASES[op]
    leaves = list(map(leaf, inputs))
    first = torch.autograd.grad(call(ops, *leaves).square().sum(), leaves, create_graph=True)
    with pytest.raises(RuntimeError, match=f"raz.ops.{op} has no second derivative"):
        torch.autograd.grad(sum(value.sum() for value in first), leaves)


# torch's own: its first use of forward mode scripts some decompositions.
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning")  # since torch 2.14
@pytest.mark.parametrize("op", CASES)
def test_forward_mode_is_the_reference(op):
    call, inputs = CASES[op]
    with forward_ad.dual_level():
        duals = [forward_ad.make_dual(value, random(*value.shape, seed=2)) for value in inputs]
        tangents = [
            forward_ad.unpack_dual(call(module, *duals)).tangent for module in (ops, reference)
        ]
    assert tangents[1].any()
    torch.testing.assert_close(*tangents)


@pytest.mark.parametrize("op", CASES)
def test_torch_func_agrees_with_autograd(op):
    call, inputs = CASES[op]
    expected = gradients(call, ops, inputs, torch.float64)
    weights = random(*call(ops, *inputs).shape, seed=1)
    arguments = tuple(range(len(inputs)))
    result = torch.func.grad(lambda *x: (call(ops, *x) * weights).sum(), arguments)(*inputs)
    torch.testing.assert_close(result, expected, rtol=1e-9, atol=1e-9)


def test_mean_and_std_of_direct_callers_are_refused():
    images, boxes = random(2, 3, 4, 5), random(5, 4)
    mean = leaf(random(3))
    with pytest.raises(RuntimeError, match="has no gradient for mean and std"):
        torch.ops.raz.crop_and_resize.default(images, boxes, BATCH, 2, 2, mean, None)


def test_direct_callers_are_kept_from_bad_memory():
    boxes, batch = random(5, 4), BATCH
    grad, points = random(5, 3, 2, 2), random(4, 2)
    images = random(2, 3, 4, 4)
    raz = torch.ops.raz
    for operator, arguments in (
        (raz.integral_image_backward, (random(3, 4), torch.float64)),
        (raz.integral_image_backward, (random(1, 0, 4), torch.float64)),
        (raz.integral_image_backward, (random(1, 3, 4), torch.int64)),
        (raz.score_anchors_backward_integral, (random(2, 5), random(2, 4, 4), 3, 3, True)),
        (raz.score_anchors_backward_integral, (random(2, 5), random(2, 5, 4), -1, 3, True)),
        (raz.score_anchors_backward_boxes, (random(2, 5), random(1, 3, 3), random(2, 5, 4), True)),
        (raz.score_anchors_backward_boxes, (random(2, 4), random(2, 3, 3), random(2, 5, 4), True)),
        (raz.crop_and_resize_backward_images, (grad[:4], boxes, batch, 2, 4, 4, None)),
        (raz.crop_and_resize_backward_images, (grad, boxes, batch[:4], 2, 4, 4, None)),
        (raz.crop_and_resize_backward_images, (grad, boxes, batch, -2, 4, 4, None)),
        (raz.crop_and_resize_backward_images, (grad, boxes, batch, 2, 4, 4, random(2))),
        (raz.crop_and_resize_backward_boxes, (grad, random(2, 4, 4, 4), boxes, batch, None)),
        (raz.crop_and_resize_backward_boxes, (grad.float(), images, boxes, batch, None)),
        (raz.density_map_backward, (random(1, 2, 2), points, 9, 9, 1.0, 8, batch)),
        (raz.density_map_backward, (random(1, 2, 3), points, 9, 9, 1.0, 8, None)),
        (raz.density_map_backward, (random(1, 2, 2), points, 9, 9, -1.0, 8, None)),
    ):  # fmt: skip
        with pytest.raises(RuntimeError, match="raz: "):
            operator(*arguments)


# Sums of more terms than float16 (2048) and bfloat16 (256) can count by ones.
MANY: dict[str, tuple[Callable[..., torch.Tensor], tuple[torch.Tensor, ...]]] = {
    "integral_image": (integral_image, (random(1, 70, 80, low=0),)),
    "score_anchors": (score_anchors, (random(1, 3, 3, low=0), random(1, 5000, 4, low=0, high=2))),
    "crop_and_resize": (
        lambda module, images, boxes: crop_and_resize(module, images, boxes, (40, 30)),
        (random(2, 3, 2, 3), random(5, 4, low=0, high=3)),
    ),
    "density_map": (density_map, (random(40, 2, low=1, high=19),)),
}


@given(seed=st.integers(0, 2**16), largest=st.sampled_from([1, 4]))
@settings(max_examples=10)
@pytest.mark.parametrize("module", [ops, reference])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("op", MANY)
def test_many_terms_are_added_in_full_precision(op, dtype, module, seed, largest):
    call, inputs = MANY[op]
    wide_table = op == "score_anchors"  # a table is float32 at least
    given = [
        value.to(torch.float32 if wide_table and not index else dtype)
        for index, value in enumerate(inputs)
    ]
    weights = random(*call(reference, *given).shape, seed=seed, low=0.5, high=largest)

    def found(module, values):
        leaves = [value.detach().requires_grad_() for value in values]
        result = call(module, *leaves)
        # Rounded as the result is, so that what flows back is the same in every precision.
        flow = weights.to(call(module, *given).dtype).to(result.dtype)
        return torch.autograd.grad(result, leaves, flow)

    exact = found(reference, [value.double() for value in given])
    for ours, expected, value in zip(found(module, given), exact, given, strict=True):
        assert ours.dtype == value.dtype
        rounding = max(torch.finfo(value.dtype).eps, 1e-5)
        largest_entry = expected.abs().max().item()
        allowed = {"rtol": rounding, "atol": rounding * largest_entry}
        torch.testing.assert_close(ours.double(), expected, **allowed)


@pytest.mark.parametrize("module", [ops, reference])
def test_one_pixel_read_by_many_samples(module):
    image = torch.ones(1, 1, 1, 1, dtype=torch.bfloat16, requires_grad=True)
    box, batch = torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([0])
    module.crop_and_resize(image, box, batch, (400, 400)).sum().backward()
    assert image.grad.item() == torch.tensor(160_000.0).bfloat16().item()


@pytest.mark.parametrize("module", [ops, reference])
def test_a_table_of_float32_counts_beyond_its_whole_numbers(module):
    side = 4100  # more pixels than float32 can count by ones
    x = torch.ones(1, 1, side * side // 10)
    table = module.integral_image(x.expand(1, 10, -1), dtype=torch.float32)
    assert table[0, -1, -1].item() == x.numel() * 10
