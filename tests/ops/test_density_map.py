from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from raz import _native, ops, reference

sizes = st.tuples(st.integers(0, 70), st.integers(0, 70))
strides = st.sampled_from([1, 3, 7, 8])
sigmas = st.sampled_from(["adaptive", 0.3, 4.0, 15.0, 1000.0])


def random_points(seed: int, count: int, size: tuple[int, int], margin: float = 0.0):
    """Heads over the image and a margin around it; every fourth on a whole pixel."""
    generator = torch.Generator().manual_seed(seed)
    extent = torch.tensor([size[1], size[0]]) + 2 * margin
    points = torch.rand(count, 2, generator=generator, dtype=torch.float64) * extent - margin
    points[::4] = points[::4].round()
    return points


def inside(points: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    return ((points >= 0) & (points <= torch.tensor([size[1], size[0]]))).all(1)


@given(
    size=sizes,
    stride=strides,
    sigma=sigmas,
    count=st.integers(0, 40),
    images=st.none() | st.integers(1, 3),
    seed=st.integers(0, 2**16),
)
@settings(max_examples=40)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_equals_reference(size, stride, sigma, count, images, seed, dtype):
    points = random_points(seed, count, size, margin=9.0).to(dtype)
    options = {"sigma": sigma, "stride": stride}
    if images is not None:
        generator = torch.Generator().manual_seed(seed)
        options["batch"] = torch.randint(images, (count,), generator=generator)
        options["batch_size"] = images
    result = ops.density_map(points, size, **options)
    expected = reference.density_map(points, size, **options)
    wanted = torch.float64 if dtype == torch.float64 else torch.float32
    assert result.dtype == expected.dtype == wanted
    # Summed in float64 on both sides; float32 results are rounded once.
    rounding = 1e-13 if wanted == torch.float64 else 2e-7
    torch.testing.assert_close(result, expected, rtol=rounding, atol=1e-14)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("size", [(50, 30), (300, 900)])  # the second in several bands
def test_narrow_points_give_the_float64_map_rounded_once(size, dtype):
    points = random_points(3, 80, size, margin=5.0).to(dtype)
    exact = ops.density_map(points.double(), size, stride=1)
    torch.testing.assert_close(
        ops.density_map(points, size, stride=1), exact.float(), rtol=0, atol=0
    )


@given(size=sizes, stride=strides, sigma=sigmas, seed=st.integers(0, 2**16))
def test_sums_to_the_heads_inside(size, stride, sigma, seed):
    points = random_points(seed, 25, size, margin=9.0)
    result = ops.density_map(points, size, sigma=sigma, stride=stride)
    assert result.shape == (math.ceil(size[0] / stride), math.ceil(size[1] / stride))
    expected = float(inside(points, size).sum()) if min(size) > 0 else 0.0
    assert float(result.sum()) == pytest.approx(expected, abs=1e-10)
    assert bool((result >= 0).all())


@pytest.mark.parametrize("sigma", ["adaptive", 1e-300, 1e-3, 1.0, 15.0, 1e9])
@pytest.mark.parametrize("stride", [1, 8, 11])
def test_corners_and_edges_count_one_each(sigma, stride):
    height, width = 40, 56
    points = torch.tensor(
        [[0, 0], [width, 0], [0, height], [width, height], [8, 8], [8, 0], [width, 13.7]],
        dtype=torch.float64,
    )
    result = ops.density_map(points, (height, width), sigma=sigma, stride=stride)
    assert float(result.sum()) == pytest.approx(len(points), abs=1e-12)
    for point in points:
        one = ops.density_map(point[None], (height, width), sigma=sigma, stride=stride)
        assert float(one.sum()) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("point", [[-0.01, 5], [5, -0.01], [20.01, 5], [5, 10.01], [1e30, 5]])
def test_heads_outside_are_dropped(point):
    points = torch.tensor([point])
    assert not ops.density_map(points, (10, 20), sigma=5.0, stride=3).any()


def test_a_head_far_from_borders_is_the_integral_of_a_gaussian():
    sigma = 3.0
    result = ops.density_map(
        torch.tensor([[50.5, 49.25]], dtype=torch.float64), (100, 100), sigma=sigma, stride=1
    )
    # A fine sum of the Gaussian over pixel (row 47, column 52), divided by its mass within 4 sigma.
    fine = (torch.arange(1000, dtype=torch.float64) + 0.5) / 1000
    x = torch.exp(-((52 + fine - 50.5) ** 2) / (2 * sigma**2)).mean()
    y = torch.exp(-((47 + fine - 49.25) ** 2) / (2 * sigma**2)).mean()
    mass = 2 * math.pi * sigma**2 * math.erf(4 / math.sqrt(2)) ** 2
    assert float(result[47, 52]) == pytest.approx(float(x * y) / mass, rel=1e-6)
    # Nothing beyond 4 sigma = 12 pixels from the head.
    columns = result.sum(0).nonzero()
    assert int(columns.min()) == 38
    assert int(columns.max()) == 62


@given(size=st.tuples(st.integers(1, 60), st.integers(1, 60)), stride=st.integers(2, 9))
def test_a_cell_is_the_sum_of_its_pixels(size, stride):
    points = random_points(size[0], 12, size)
    pixels = ops.density_map(points, size, sigma=4.0, stride=1)
    result = ops.density_map(points, size, sigma=4.0, stride=stride)
    height, width = result.shape
    padded = torch.zeros(height * stride, width * stride, dtype=torch.float64)
    padded[: size[0], : size[1]] = pixels
    sums = padded.reshape(height, stride, width, stride).sum((1, 3))
    torch.testing.assert_close(result, sums, rtol=0, atol=1e-13)


def test_adaptive_sigma_is_a_tenth_of_the_three_nearest_distances():
    # Distances from the first head: 30, 40, 50 and, not among the nearest, 60.
    points = torch.tensor([[100, 100], [130, 100], [100, 140], [50, 100], [100, 40.0]]).double()
    for head, others in ((0, [30, 40, 50]), (1, [30, 50, math.hypot(30, 60)])):
        expected = ops.density_map(points[head][None], (200, 200), sigma=0.1 * sum(others))
        rest = [n for n in range(5) if n != head]
        # The same head is left over when the adaptive maps of the others are taken away.
        everyone = ops.density_map(points, (200, 200))
        alone = [
            ops.density_map(points[n][None], (200, 200), sigma=nearest_sum(points, n)) for n in rest
        ]
        torch.testing.assert_close(everyone - sum(alone), expected, rtol=0, atol=1e-13)


def nearest_sum(points: torch.Tensor, head: int) -> float:
    distances = (points - points[head]).square().sum(1).sqrt().sort().values
    return min(max(0.1 * float(distances[1:4].sum()), 1.0), 50.0)


@pytest.mark.parametrize(
    ("points", "size", "sigma"),
    [
        ([[40, 50]], (80, 120), 25.0),  # alone: (80 + 120) / 8
        ([[40, 50], [41, 50], [40, 51]], (80, 120), 25.0),  # two neighbours: the same
        ([[4, 5]], (3, 4), 1.0),
        ([[40, 50]], (500, 500), 50.0),
        ([[9, 9]] * 4, (64, 64), 1.0),  # duplicates are neighbours at distance 0
        ([[0, 0], [900, 0], [0, 900], [900, 900]], (900, 900), 50.0),
    ],
)
def test_adaptive_sigma_is_clamped(points, size, sigma):
    points = torch.tensor(points, dtype=torch.float64)
    expected = ops.density_map(points, size, sigma=sigma)
    assert torch.equal(ops.density_map(points, size), expected)


@given(seed=st.integers(0, 2**16), layout=st.sampled_from(["column", "row", "clusters", "grid"]))
def test_adaptive_sigma_of_regular_crowds_equals_reference(seed, layout):
    points = random_points(seed, 60, (64, 64))
    if layout == "column":
        points[:, 0] = 20.0
    elif layout == "row":
        points[:, 1] = 20.0
    elif layout == "clusters":
        points = (points / 32).floor() * 32 + points % 1
    else:
        points = (points / 8).floor() * 8
    torch.testing.assert_close(
        ops.density_map(points, (64, 64)),
        reference.density_map(points, (64, 64)),
        rtol=1e-13,
        atol=1e-14,
    )


def test_heads_outside_are_neighbours_of_those_inside():
    points = torch.tensor([[2.0, 50], [-8, 50], [-18, 50], [-28, 50]])
    expected = ops.density_map(points[:1], (100, 100), sigma=0.1 * (10 + 20 + 30))
    torch.testing.assert_close(ops.density_map(points, (100, 100)), expected)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("twin", [ops.density_map, reference.density_map])
def test_heads_that_are_not_finite_are_dropped(bad, twin):
    points = random_points(0, 9, (64, 64))
    expected = twin(points, (64, 64))
    broken = torch.cat([torch.tensor([[bad, 5], [5, bad]]), points[:4], torch.full((3, 2), bad)])
    broken = torch.cat([broken, points[4:]])
    assert torch.equal(twin(broken, (64, 64)), expected)


def test_images_of_a_batch_are_independent():
    points = random_points(3, 50, (64, 48))
    batch = torch.randint(4, (50,), generator=torch.Generator().manual_seed(0))
    batch[batch == 2] = 0
    result = ops.density_map(points, (64, 48), batch=batch, batch_size=4)
    assert result.shape == (4, 8, 6)
    for image in range(4):
        alone = ops.density_map(points[batch == image], (64, 48))
        assert torch.equal(result[image], alone)
    assert not result[2].any()


def test_empty():
    nobody = torch.zeros(0, 2)
    nowhere = torch.zeros(0, dtype=torch.int64)
    for sigma in ("adaptive", 15.0):
        assert torch.equal(ops.density_map(nobody, (9, 17), sigma=sigma), torch.zeros(2, 3))
        options = {"sigma": sigma, "batch": nowhere}
        shape = ops.density_map(nobody, (9, 17), batch_size=0, **options).shape
        assert shape == (0, 2, 3)
        assert not ops.density_map(nobody, (9, 17), batch_size=2, **options).any()
    heads = torch.zeros(2, 2)
    assert ops.density_map(heads, (0, 0)).shape == (0, 0)
    assert ops.density_map(heads, (0, 5)).shape == (0, 1)
    assert float(ops.density_map(heads, (1, 1))) == 2.0


@pytest.mark.parametrize("module", [ops, reference])
@pytest.mark.parametrize("sigma", ["adaptive", 3.0])
def test_the_gradient_of_an_empty_map_is_zero(module, sigma):
    points = torch.tensor([[0.0, 5], [math.nan, 1]], requires_grad=True)
    (gradient,) = torch.autograd.grad(module.density_map(points, (0, 8), sigma=sigma).sum(), points)
    assert torch.equal(gradient, torch.zeros(2, 2))


def test_strided_points():
    points = random_points(0, 20, (64, 64))
    expected = ops.density_map(points[::2].clone(), (64, 64))
    assert torch.equal(ops.density_map(points[::2], (64, 64)), expected)
    assert torch.equal(ops.density_map(points[::2].T.contiguous().T, (64, 64)), expected)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_threads_do_not_change_bits(threads):
    points = random_points(0, 700, (300, 200))
    batch = torch.arange(700) % 3
    before = torch.get_num_threads()
    expected = ops.density_map(points, (300, 200), stride=2, batch=batch, batch_size=3)
    try:
        torch.set_num_threads(threads)
        result = ops.density_map(points, (300, 200), stride=2, batch=batch, batch_size=3)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(result, expected)


def test_instruction_sets_do_not_change_bits(instruction_set):
    points = random_points(0, 300, (301, 203))
    result = ops.density_map(points, (301, 203), stride=1)
    _native.load().set_instruction_set("baseline")
    assert torch.equal(result, ops.density_map(points, (301, 203), stride=1))


def test_meta():
    points = torch.zeros(5, 2, device="meta")
    assert ops.density_map(points, (9, 17)).shape == (2, 3)


def test_compiles_in_one_graph():
    points = random_points(0, 6, (20, 30)).float()
    compiled = torch.compile(ops.density_map, fullgraph=True, backend="eager")
    expected = ops.density_map(points, (20, 30), sigma=4.0)
    assert torch.equal(compiled(points, (20, 30), sigma=4.0), expected)


def test_gradient_reaches_the_points():
    points = random_points(1, 5, (20, 30)).requires_grad_()
    weights = torch.randn(7, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def loss(points):
        return ops.density_map(points, (20, 30), sigma=4.3, stride=3) * weights

    assert torch.autograd.gradcheck(loss, (points,))


def test_sigma_is_constant_under_autograd():
    points = random_points(1, 5, (64, 64)).requires_grad_()
    sigmas = [nearest_sum(points.detach(), n) for n in range(5)]
    everyone = ops.density_map(points, (64, 64))
    fixed = sum(ops.density_map(points[n][None], (64, 64), sigma=sigmas[n]) for n in range(5))
    (gradient,) = torch.autograd.grad(everyone.square().sum(), points)
    (expected,) = torch.autograd.grad(fixed.square().sum(), points)
    torch.testing.assert_close(gradient, expected)


@pytest.mark.parametrize("stride", [2**31, 2**60, 2**61, 2**62 + 1, 2**63 - 1])
def test_a_stride_beyond_all_images_gives_one_cell(stride):
    batch = torch.arange(6)
    arguments = {"sigma": 1.0, "stride": stride, "batch": batch, "batch_size": 6}
    assert torch.equal(ops.density_map(torch.ones(6, 2), (8, 8), **arguments), torch.ones(6, 1, 1))


def test_errors_name_the_argument():
    points = torch.zeros(3, 2)
    batch = torch.zeros(3, dtype=torch.int64)
    with pytest.raises(TypeError, match=r"points is a list; it must be a torch\.Tensor"):
        ops.density_map([[1.0, 2.0]], (5, 5))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"points has shape \[3, 3\]; it must be \[N, 2\]"):
        ops.density_map(torch.zeros(3, 3), (5, 5))
    with pytest.raises(TypeError, match=r"points is torch\.int64"):
        ops.density_map(points.long(), (5, 5))
    with pytest.raises(ValueError, match=r"size is \(-1, 5\)"):
        ops.density_map(points, (-1, 5))
    for sigma in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match=r"sigma is .*; it must be positive and finite"):
            ops.density_map(points, (5, 5), sigma=sigma)
    with pytest.raises(ValueError, match='sigma is None; it must be "adaptive" or pixels'):
        ops.density_map(points, (5, 5), sigma=None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="sigma is 'wide'"):
        ops.density_map(points, (5, 5), sigma="wide")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="stride is 0; it must be at least 1"):
        ops.density_map(points, (5, 5), stride=0)
    with pytest.raises(ValueError, match="batch_size is 2 without batch"):
        ops.density_map(points, (5, 5), batch_size=2)
    with pytest.raises(ValueError, match="batch_size is None; with batch"):
        ops.density_map(points, (5, 5), batch=batch)
    with pytest.raises(ValueError, match=r"batch holds 2; it must be in \[0, 2\)"):
        ops.density_map(points, (5, 5), batch=batch + 2, batch_size=2)
    with pytest.raises(TypeError, match=r"batch is torch\.float32"):
        ops.density_map(points, (5, 5), batch=batch.float(), batch_size=2)


def test_direct_callers_are_kept_from_bad_memory():
    points = torch.zeros(3, 2, dtype=torch.float64)
    batch = torch.tensor([-1, 2, 0])
    operator = torch.ops.raz.density_map
    assert float(operator(points, 8, 8, 1.0, 8, batch, 2).sum()) == pytest.approx(1.0)
    for arguments in (
        (points.half(), 8, 8, None, 8, None, 1),
        (points, -8, 8, None, 8, None, 1),
        (points, 8, 8, None, 0, None, 1),
        (points, 8, 8, math.nan, 8, None, 1),
        (points, 8, 8, None, 8, batch[:2], 2),
        (points, 8, 8, None, 8, batch.int(), 2),
    ):
        with pytest.raises(RuntimeError, match="raz: "):
            operator(*arguments)


def per_head_recipe(points: np.ndarray, size: tuple[int, int], sigmas: np.ndarray) -> np.ndarray:
    """As data sets are usually prepared: a full-size map of one head, filtered, summed."""
    total = np.zeros(size)
    for (x, y), sigma in zip(points, sigmas, strict=True):
        alone = np.zeros(size)
        alone[int(y), int(x)] = 1
        total += gaussian_filter(alone, sigma, mode="constant", truncate=4)
    return total


@pytest.mark.parametrize("sigma", [2.0, 4.0, 15.0])
def test_equals_scipys_gaussian_filter_away_from_borders(sigma):
    """Scipy samples at pixel centres, ours is the integral over the pixel.

    A Gaussian's mean over a pixel differs from its value at the centre by 1/24 of its Laplacian, at
    most 1 / (12 sigma^2) of its peak. The windows' edges add e^-8 of the peak.
    """
    expected = per_head_recipe(np.array([[80, 70]]), (150, 160), np.array([sigma]))
    head = torch.tensor([[80.5, 70.5]], dtype=torch.float64)
    found = ops.density_map(head, (150, 160), sigma=sigma, stride=1).numpy()
    tolerance = expected.max() * (1 / (12 * sigma**2) + 1e-3)
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


def test_equals_the_usual_recipe_away_from_borders():
    """Sigmas of a KD-tree, 7 to 16 px here; within 0.3 % of the greatest density."""
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(np.arange(6), np.arange(5)), axis=-1).reshape(-1, 2)
    points = np.floor(72 + 36 * grid + rng.uniform(-9, 9, (30, 2)))
    size = (304, 340)
    distances, _ = cKDTree(points).query(points, k=4)
    sigmas = 0.1 * distances[:, 1:].sum(1)
    expected = per_head_recipe(points, size, sigmas)
    found = ops.density_map(torch.tensor(points + 0.5), size, stride=1).numpy()
    assert sigmas.min() > 7
    assert sigmas.max() < 16
    np.testing.assert_allclose(found, expected, rtol=0, atol=3e-3 * expected.max())
    assert found.sum() == pytest.approx(expected.sum(), rel=1e-6)
