from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from raz import ops, reference

from .devices import DEVICE

# Few distinct values, so that plateaus and ties are common; their means are not exact in binary.
ordinary = st.sampled_from([0.0, 0.0, 0.1, 0.3, 0.3, 1.0])
negative = st.sampled_from([-0.1, -0.3, -0.3, -1.0])
special = st.sampled_from([0.0, -0.0, 0.3, 0.3, math.nan, math.inf, -math.inf])
shapes = st.tuples(st.integers(0, 3), st.integers(0, 8), st.integers(0, 8))
maps = st.sampled_from([ordinary, negative, special]).flatmap(
    lambda values: arrays.arrays(np.float32, shapes, elements=values)
)
thresholds = st.sampled_from([0.0, 0.1, 0.3, 5 / 9, -0.3, -math.inf, math.inf, 1e300])
limits = st.none() | st.integers(0, 6)


def neighbours(y, x, height, width):
    for v in range(max(y - 1, 0), min(y + 2, height)):
        for u in range(max(x - 1, 0), min(x + 2, width)):
            if (v, u) != (y, x):
                yield v, u


def naive_mean(image):
    height, width = image.shape
    zero = np.float32(0)
    mean = np.empty_like(image)
    for y in range(height):
        for x in range(width):
            rows, n = [], 0
            for v in (y - 1, y, y + 1):
                row = []
                for u in (x - 1, x, x + 1):
                    inside = 0 <= v < height and 0 <= u < width
                    row.append(image[v, u] if inside else zero)
                    n += inside
                rows.append((row[0] + row[1]) + row[2])
            mean[y, x] = ((rows[0] + rows[1]) + rows[2]) / np.float32(n)
    return mean


def naive_peaks(image, threshold, smooth):
    """The definition, pixel by pixel: [(x, y, score)] in raster order."""
    height, width = image.shape
    with np.errstate(all="ignore"):
        values = naive_mean(image) if smooth == 3 else image
        threshold = np.float64(threshold).astype(np.float32)
    seen, peaks = set(), []
    for first in np.ndindex(height, width):
        value = values[first]
        if first in seen or not value >= threshold:
            continue
        component, border = [first], []
        seen.add(first)
        for at in component:
            for near in neighbours(*at, height, width):
                if values[near] != value:
                    border.append(values[near])
                elif near not in seen:
                    seen.add(near)
                    component.append(near)
        if all(other < value for other in border):
            peaks.append((first[1] + 0.5, first[0] + 0.5, float(value)))
    return peaks


def naive(x, threshold, smooth, max_points):
    found = [naive_peaks(image, threshold, smooth) for image in x.numpy()]
    counts = [len(peaks) for peaks in found]
    rows = max([0, *counts]) if max_points is None else max_points
    points = torch.full((len(found), rows, 2), -1.0)
    scores = torch.zeros(len(found), rows)
    for b, peaks in enumerate(found):
        best = sorted(range(len(peaks)), key=lambda i: (-peaks[i][2], i))[:rows]
        for k, i in enumerate(sorted(best)):
            points[b, k] = torch.tensor(peaks[i][:2])
            scores[b, k] = peaks[i][2]
    return points, scores, torch.tensor(counts, dtype=torch.int64)


def assert_same(actual, expected):
    for a, b in zip(actual, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


@given(x=maps, threshold=thresholds, smooth=st.sampled_from([1, 3]), limit=limits)
def test_native_reference_and_definition_agree(x, threshold, smooth, limit):
    x = torch.from_numpy(x)
    arguments = {"threshold": threshold, "smooth": smooth, "max_points": limit}
    expected = naive(x, threshold, smooth, limit)
    assert_same(ops.find_peaks(x, **arguments), expected)
    assert_same(reference.find_peaks(x, **arguments), expected)


@given(seed=st.integers(0, 2**16), smooth=st.sampled_from([1, 3]), levels=st.integers(2, 40))
def test_wide_maps(seed, smooth, levels):
    # Wider than the native code works on at once.
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(levels, (2, 5, 1100), generator=generator) / levels
    for limit in (None, 9):
        arguments = {"threshold": 0.3, "smooth": smooth, "max_points": limit}
        assert_same(ops.find_peaks(x, **arguments), reference.find_peaks(x, **arguments))


def sparse_map(height, width, seed):
    """Bumps on a low, noisy background; a few pixels are NaN or infinite."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(2, height, width, generator=generator).sub(6).sigmoid()
    count = 1 + height * width // 200
    index = torch.randint(x.numel(), (count,), generator=generator)
    x.view(-1)[index] += torch.rand(count, generator=generator) * 4
    x.view(-1)[index[::7]] = torch.tensor([math.nan, math.inf, -math.inf])[index[::7] % 3]
    return x


@pytest.mark.usefixtures("instruction_set")
@pytest.mark.parametrize("smooth", [1, 3])
@pytest.mark.parametrize("size", [(1, 1), (3, 15), (8, 16), (9, 17), (17, 33), (40, 560), (9, 601)])
def test_every_instruction_set_equals_the_reference(size, smooth):
    dense = torch.rand(2, *size, generator=torch.Generator().manual_seed(5)).mul(40).round()
    for x, threshold in (
        (sparse_map(*size, seed=6), 0.1),
        (dense, 20.0),
        (dense - 30, -9.0),
        (dense * 1e-45, 2e-44),
        (dense * 8e36, 3e38),
        (sparse_map(*size, seed=7).transpose(1, 2), 0.3),
        (torch.zeros(1, *size), 0.0),
        (torch.full((1, *size), math.inf), 1.0),
    ):
        arguments = {"threshold": threshold, "smooth": smooth}
        assert_same(ops.find_peaks(x, **arguments), reference.find_peaks(x, **arguments))


@pytest.mark.parametrize("function", [ops.find_peaks, reference.find_peaks])
class TestEither:
    @pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1), (2, 2), (33, 600)])
    @pytest.mark.parametrize("smooth", [1, 3])
    def test_constant_map_is_one_plateau(self, function, size, smooth):
        points, scores, counts = function(torch.zeros(2, *size), threshold=0.0, smooth=smooth)
        assert points.tolist() == [[[0.5, 0.5]]] * 2
        assert scores.tolist() == [[0.0]] * 2
        assert counts.tolist() == [1, 1]

    def test_a_plateau_that_touches_higher_ground_far_away_is_no_peak(self, function):
        spiral = torch.tensor(
            [
                [1.0, 1, 1, 1, 1, 1],
                [0.0, 0, 0, 0, 0, 1],
                [1.0, 1, 1, 1, 0, 1],
                [1.0, 0, 0, 0, 0, 1],
                [1.0, 1, 1, 1, 1, 1],
            ]
        )
        assert function(spiral[None], threshold=0.5, smooth=1)[2].tolist() == [1]
        spiral[2, 3] = 2
        points, _, _ = function(spiral[None], threshold=0.5, smooth=1)
        assert points.tolist() == [[[3.5, 2.5]]]

    @pytest.mark.parametrize(
        ("y", "x", "score"),
        [(4, 5, 5 / 9), (0, 5, 4 / 6), (4, 8, 4 / 6), (0, 0, 3 / 4), (6, 8, 3 / 4)],
    )
    def test_a_cross_is_found_everywhere(self, function, y, x, score):
        cross = torch.zeros(1, 7, 9)
        for v, u in ((y, x), (y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if 0 <= v < 7 and 0 <= u < 9:
                cross[0, v, u] = 1
        points, scores, counts = function(cross, threshold=5 / 9)
        assert counts.tolist() == [1]
        assert points.tolist() == [[[x + 0.5, y + 0.5]]]
        torch.testing.assert_close(scores, torch.tensor([[score]]), rtol=0, atol=0)

    @pytest.mark.parametrize(("distance", "count"), [(1, 1), (2, 1), (3, 1), (4, 2), (7, 2)])
    def test_two_heads(self, function, distance, count):
        mask = torch.zeros(1, 9, 20)
        for x in (6, 6 + distance):
            mask[0, 4, x - 1 : x + 2] = 1
            mask[0, 3:6, x] = 1
        assert function(mask, threshold=0.5)[2].tolist() == [count]

    def test_nan_takes_away_the_peaks_of_its_windows(self, function):
        x = torch.zeros(1, 9, 30)
        x[0, 4, 3::6] = 1
        x[0, 4, 12] = math.nan
        assert function(x, threshold=0.5, smooth=1)[0][0, :, 0].tolist() == [
            3.5,
            9.5,
            15.5,
            21.5,
            27.5,
        ]
        x[0, 3, 4] = math.nan
        assert function(x, threshold=0.5, smooth=1)[2].tolist() == [4]
        assert function(torch.full((1, 4, 4), math.nan), threshold=-math.inf)[2].tolist() == [0]

    def test_max_points(self, function):
        x = torch.zeros(3, 5, 11)
        x[0, 2, 1::2] = torch.tensor([0.5, 0.9, 0.7, 0.9, 0.9])
        x[1, 2, 5] = 0.6
        points, scores, counts = function(x, threshold=0.1, smooth=1, max_points=2)
        assert points[:, :, 0].tolist() == [[3.5, 7.5], [5.5, -1], [-1, -1]]
        assert points[:, :, 1].tolist() == [[2.5, 2.5], [2.5, -1], [-1, -1]]
        assert scores.tolist() == torch.tensor([[0.9, 0.9], [0.6, 0], [0, 0]]).tolist()
        assert counts.tolist() == [5, 1, 0]

    @pytest.mark.parametrize("size", [(0, 4, 5), (2, 0, 5), (2, 5, 0), (0, 0, 0)])
    @pytest.mark.parametrize("limit", [None, 0, 3])
    def test_empty(self, function, size, limit):
        points, scores, counts = function(torch.zeros(size), threshold=0.0, max_points=limit)
        assert points.shape == (size[0], limit or 0, 2)
        assert scores.shape == (size[0], limit or 0)
        assert torch.equal(counts, torch.zeros(size[0], dtype=torch.int64))
        assert bool((points == -1).all())

    @pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
    def test_other_dtypes_are_computed_in_float32(self, function, dtype):
        x = torch.rand(2, 12, 15, generator=torch.Generator().manual_seed(0)).to(dtype)
        assert_same(function(x, threshold=0.4), function(x.float(), threshold=0.4))
        assert function(x, threshold=0.4)[1].dtype == torch.float32

    def test_strided_input(self, function):
        x = torch.rand(2, 20, 24, generator=torch.Generator().manual_seed(1))
        channels_last = (
            x[:, None].expand(2, 3, 20, 24).contiguous(memory_format=torch.channels_last)
        )
        for strided in (
            x.transpose(1, 2),
            x[:, ::2, 1::3],
            x[:1].expand(4, -1, -1),
            channels_last[:, 1],
        ):
            expected = function(strided.contiguous(), threshold=0.3)
            assert_same(function(strided, threshold=0.3), expected)


@pytest.mark.skipif(DEVICE != "cpu", reason="the CPU alone takes sides beyond 32 bits")
@pytest.mark.parametrize("size", [(1, 2**55, 0), (1, 0, 2**55), (0, 2**31, 2**31)])
@pytest.mark.parametrize("limit", [None, 2])
def test_a_map_without_pixels_takes_no_memory(size, limit):
    points, scores, counts = ops.find_peaks(torch.zeros(size), threshold=0.5, max_points=limit)
    assert points.tolist() == [[[-1, -1]] * (limit or 0)] * size[0]
    assert scores.tolist() == [[0] * (limit or 0)] * size[0]
    assert counts.tolist() == [0] * size[0]


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_threads_do_not_change_the_result(threads):
    x = torch.rand(3, 300, 700, generator=torch.Generator().manual_seed(2)).mul(9).round()
    before = torch.get_num_threads()
    try:
        for limit in (None, 100):
            arguments = {"threshold": 4.0, "max_points": limit}
            expected = reference.find_peaks(x, **arguments)
            torch.set_num_threads(threads)
            assert_same(ops.find_peaks(x, **arguments), expected)
            torch.set_num_threads(before)
    finally:
        torch.set_num_threads(before)


def test_scores_are_differentiable():
    x = torch.rand(2, 6, 7, dtype=torch.float32, requires_grad=True)
    points, scores, _ = ops.find_peaks(x, threshold=0.2)
    assert not points.requires_grad
    scores.sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad.sum(), (points[..., 0] > 0).sum().float())


def score_gradient(function, x, **arguments):
    """Return the scores and their gradient with weights 1, 2, 3, ..., each as bits."""
    x = x.clone().requires_grad_()
    _, scores, _ = function(x, **arguments)
    weights = torch.arange(1.0, scores.numel() + 1).reshape(scores.shape)
    (gradient,) = torch.autograd.grad((scores * weights).sum(), x)
    return scores.detach().view(torch.int32), gradient.view(torch.int32)


@given(x=maps, threshold=thresholds, smooth=st.sampled_from([1, 3]), limit=limits)
def test_scores_with_a_gradient_and_the_gradient_are_the_references(x, threshold, smooth, limit):
    x = torch.from_numpy(x)
    arguments = {"threshold": threshold, "smooth": smooth, "max_points": limit}
    expected = score_gradient(reference.find_peaks, x, **arguments)
    for ours, theirs in zip(score_gradient(ops.find_peaks, x, **arguments), expected, strict=True):
        assert torch.equal(ours, theirs)
    assert_same(
        ops.find_peaks(x.requires_grad_(), **arguments), naive(x.detach(), *arguments.values())
    )


@pytest.mark.slow
@pytest.mark.parametrize("smooth", [1, 3])
@pytest.mark.parametrize("upright", [False, True])
def test_a_gradient_of_a_side_whose_pixels_float32_does_not_tell(smooth, upright):
    x = torch.zeros(1, 1, 2**23 + 24)
    x[0, 0, 2**23 + 1], x[0, 0, 2**23 + 11] = 1, 2
    x = x.transpose(1, 2) if upright else x
    arguments = {"threshold": 0.3, "smooth": smooth}
    _, expected, _ = ops.find_peaks(x, **arguments)
    x.requires_grad_()
    _, scores, _ = ops.find_peaks(x, **arguments)
    assert torch.equal(scores, expected)
    (gradient,) = torch.autograd.grad(scores.sum(), x)
    # A plateau of means is one peak, at its first pixel.
    reached = [2**23 + pixel - i for pixel in (1, 11) for i in reversed(range(smooth))]
    assert gradient.flatten().nonzero().flatten().tolist() == reached


# torch's own: its first use of forward mode scripts some decompositions.
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning")  # since torch 2.14
@pytest.mark.parametrize("smooth", [1, 3])
def test_gradcheck(smooth):
    # Far apart, so that no step moves a peak; it may be large, scores being linear in the map.
    order = torch.randperm(2 * 7 * 8, generator=torch.Generator().manual_seed(3))
    x = order.reshape(2, 7, 8).double().mul(16).requires_grad_()

    def scores(x):
        return ops.find_peaks(x, threshold=9.0, smooth=smooth, max_points=5)[1].double()

    assert torch.autograd.gradcheck(scores, x, eps=0.5, atol=1e-3, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(lambda x: scores(x.sin()), x / 1e3, atol=1e-2, eps=1e-2)


def test_a_gradient_takes_the_native_kernel(monkeypatch):
    monkeypatch.delattr(reference, "find_peaks")
    x = torch.rand(2, 6, 7, requires_grad=True)
    assert ops.find_peaks(x, threshold=0.2)[1].requires_grad
    with torch.no_grad():
        assert not ops.find_peaks(x, threshold=0.2)[1].requires_grad


class Peaks(torch.nn.Module):
    """A model with weights to be trained."""

    def __init__(self, limit):
        super().__init__()
        self.head = torch.nn.Conv2d(1, 1, 3, padding=1)
        self.limit = limit

    def forward(self, image):
        return ops.find_peaks(self.head(image)[:, 0], threshold=-9.0, max_points=self.limit)


@pytest.mark.parametrize("limit", [None, 6])
@pytest.mark.parametrize("transform", ["compile", "export"])
def test_compile_and_export_of_trained_weights(transform, limit):
    model = Peaks(limit)
    image = torch.rand(2, 1, 12, 13)
    if transform == "compile":
        other = torch.compile(model, fullgraph=True, backend="aot_eager")
    else:
        other = torch.export.export(model, (image,)).module()
    (expected,) = torch.autograd.grad(model(image)[1].sum(), model.head.weight)
    points, scores, counts = other(image)
    assert_same((points, scores, counts), model(image))
    weight = model.head.weight if transform == "compile" else other.get_parameter("head.weight")
    assert torch.equal(torch.autograd.grad(scores.sum(), weight)[0], expected)


def test_export():
    class Points(torch.nn.Module):
        def forward(self, x):
            points, scores, _ = ops.find_peaks(x, threshold=0.3)
            return points[0][ops.point_nms(points[0], scores[0], 3.0)]

    x = torch.rand(1, 16, 16, generator=torch.Generator().manual_seed(4))
    exported = torch.export.export(Points(), (x,)).module()
    for other in (x, x.flip(1) * 0.7):  # another number of points than when it was exported
        assert torch.equal(exported(other), Points()(other))


def test_errors_name_the_argument():
    x = torch.zeros(1, 4, 4)
    with pytest.raises(ValueError, match=r"x has shape \[4, 4\]; it must be \[B, H, W\]"):
        ops.find_peaks(x[0], threshold=0.5)
    with pytest.raises(TypeError, match="x is a list"):
        ops.find_peaks([[1.0]], threshold=0.5)
    with pytest.raises(TypeError, match=r"x is torch\.int64"):
        ops.find_peaks(x.long(), threshold=0.5)
    with pytest.raises(ValueError, match="threshold is nan"):
        ops.find_peaks(x, threshold=math.nan)
    with pytest.raises(ValueError, match="smooth is 5; it must be 1 or 3"):
        ops.find_peaks(x, threshold=0.5, smooth=5)
    with pytest.raises(ValueError, match="max_points is -1"):
        ops.find_peaks(x, threshold=0.5, max_points=-1)


def test_native_backstop():
    for arguments in (
        (torch.zeros(4, 4), 0.5, 3, None),
        (torch.zeros(1, 4, 4), 0.5, 2, None),
    ):
        with pytest.raises(RuntimeError, match="raz: "):
            torch.ops.raz.find_peaks(*arguments)
