from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raz import ops, reference

# Few distinct values, so that ties of scores and distances equal to the radius are common.
coordinates = st.sampled_from([0.0, 0.1, 0.3, 0.4, 1.0, 3.0, 4.0, 7.0, -2.0])
special = st.sampled_from([0.0, -0.0, 1.0, 1e-30, 1e30, -3e38, 3e38, math.nan, math.inf, -math.inf])
scores = st.sampled_from([0.5, 0.5, 0.7, 0.9, -1.0, 0.0, -0.0, math.nan, math.inf, -math.inf])
bounds = st.sampled_from([0.0, 1e-25, 0.1, 0.3, 0.5, 1.0, 3.0, 5.0, 100.0, 1e18])
own_radii = bounds | st.sampled_from([-0.0, -1e-30, -2.0, 1e30, math.nan, math.inf, -math.inf])


@st.composite
def problems(draw):
    coordinate = draw(st.sampled_from([coordinates, coordinates, coordinates | special]))
    row = st.tuples(coordinate, coordinate, scores, st.integers(-1, 2), own_radii)
    rows = draw(st.lists(row, max_size=14))
    table = torch.tensor(rows, dtype=torch.float32).reshape(-1, 5)
    batch = table[:, 3].long() if draw(st.booleans()) else None
    radii = table[:, 4] if draw(st.booleans()) else None
    return table[:, :2], table[:, 2], draw(bounds), batch, radii


@np.errstate(all="ignore")
def naive(points, scores, radius, batch, radii=None):
    """The definition: every point, best first, against every kept one of its image."""
    xy, score = points.numpy(), scores.tolist()
    image = [0] * len(score) if batch is None else batch.tolist()
    bound = np.float32(radius)
    own = np.full(len(score), bound) if radii is None else radii.float().numpy()
    usable = [i for i in range(len(score)) if not math.isnan(score[i])]
    keep: list[int] = []
    for i in sorted(usable, key=lambda i: (-score[i], i)):
        dx, dy = (xy[i] - xy[[j for j in keep if image[j] == image[i]]]).T
        limit = min(own[i], bound) * min(own[i], bound)
        if not (own[i] >= 0 and (dx * dx + dy * dy <= limit).any()):
            keep.append(i)
    return torch.tensor(keep, dtype=torch.int64)


@given(problem=problems())
def test_native_reference_and_definition_agree(problem):
    points, scores, radius, batch, radii = problem
    expected = naive(points, scores, radius, batch, radii)
    mask = torch.zeros(len(points), dtype=torch.bool)
    mask[expected] = True
    given = {"batch": batch, "radii": radii}
    for module in (ops, reference):
        assert torch.equal(module.point_nms(points, scores, radius, **given), expected)
        assert torch.equal(module.point_nms_mask(points, scores, radius, **given), mask)


@given(problem=problems(), above=st.sampled_from([1.0, 2.0, math.inf]))
def test_radii_equal_to_the_radius_or_above_change_nothing(problem, above):
    points, scores, radius, batch, _ = problem
    radii = torch.full((len(points),), radius).mul(above).nan_to_num(nan=0.0, posinf=math.inf)
    for function in (ops.point_nms, ops.point_nms_mask):
        without = function(points, scores, radius, batch=batch)
        assert torch.equal(function(points, scores, radius, batch=batch, radii=radii), without)


@given(problem=problems(), data=st.data())
def test_leaving_out_the_lowest_scores_changes_nothing_of_the_rest(problem, data):
    points, scores, radius, batch, radii = problem
    least = data.draw(st.sampled_from([-1.0, 0.0, 0.5, 0.7, 0.9, math.inf]))
    rest = (scores >= least).nonzero().flatten()
    keep = ops.point_nms(points, scores, radius, batch=batch, radii=radii)
    of_rest = ops.point_nms(
        points[rest],
        scores[rest],
        radius,
        batch=None if batch is None else batch[rest],
        radii=None if radii is None else radii[rest],
    )
    assert torch.equal(rest[of_rest], keep[scores[keep] >= least])


@given(seed=st.integers(0, 2**16))
def test_the_order_of_the_points_does_not_matter(seed):
    generator = torch.Generator().manual_seed(seed)
    points = torch.rand(200, 2, generator=generator) * 60
    order = torch.randperm(200, generator=generator)
    scores = torch.randperm(200, generator=generator).float()
    batch = torch.randint(2, (200,), generator=generator)
    radii = torch.rand(200, generator=generator) * 12 - 1
    keep = ops.point_nms(points, scores, 8.0, batch=batch, radii=radii)
    again = ops.point_nms(points[order], scores[order], 8.0, batch=batch[order], radii=radii[order])
    assert torch.equal(order[again], keep)


@given(
    seed=st.integers(0, 2**16),
    radius=st.sampled_from([0.0, 0.7, 3.0, 20.0, 1000.0]),
    spread=st.sampled_from([1.0, 100.0, 1e6]),
    grid=st.booleans(),
    own=st.sampled_from([None, 0.1, 1.0, 3.0]),
)
def test_many_points(seed, radius, spread, grid, own):
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(150, 2, generator=generator) * spread
    points = points.round() if grid else points
    scores = torch.randint(20, (150,), generator=generator).float()
    batch = torch.randint(-1, 3, (150,), generator=generator)
    radii = None if own is None else torch.randn(150, generator=generator).add(0.5) * radius * own
    keep = ops.point_nms(points, scores, radius, batch=batch, radii=radii)
    assert torch.equal(keep, reference.point_nms(points, scores, radius, batch=batch, radii=radii))
    assert torch.equal(keep, naive(points, scores, radius, batch, radii))


@given(seed=st.integers(0, 2**16), radius=st.sampled_from([0.3, 1.0, 4.0, 1000.0]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_crowds_where_cells_are_near_their_limits(instruction_set, seed, radius):
    generator = torch.Generator().manual_seed(seed)
    # Whole multiples of the cells' side, and of the radius, along with their neighbours in float32.
    steps = torch.randint(-30, 30, (400, 2), generator=generator)
    points = steps * (radius / 2**0.5 if seed % 2 else radius)
    points = torch.where(torch.rand(400, 2, generator=generator) < 0.3, points * (1 + 2e-7), points)
    scores = torch.randint(50, (400,), generator=generator).float()
    batch = torch.randint(3, (400,), generator=generator) if seed % 3 else None
    keep = ops.point_nms(points, scores, radius, batch=batch)
    assert torch.equal(keep, naive(points, scores, radius, batch))


@given(seed=st.integers(0, 2**16), radius=st.sampled_from([0.3, 1.0, 4.0, 1000.0]))
def test_radii_where_cells_are_near_their_limits(seed, radius):
    generator = torch.Generator().manual_seed(seed)
    # Whole multiples of the side of the cells, along with their neighbours in float32.
    points = torch.randint(-12, 12, (120, 2), generator=generator) * radius
    points = torch.where(torch.rand(120, 2, generator=generator) < 0.3, points * (1 + 2e-7), points)
    scores = torch.randint(50, (120,), generator=generator).float()
    radii = torch.randint(1, 3, (120,), generator=generator) * (radius / 2)
    for bound in (radius, 3 * radius):
        keep = ops.point_nms(points, scores, bound, radii=radii)
        assert torch.equal(keep, naive(points, scores, bound, None, radii))


@st.composite
def labels(draw):
    """Image labels of 14 points: any int64, most of them neighbours of one far from zero."""
    start = draw(st.sampled_from([-(2**63), -(2**62), -(2**53), 0, 2**53, 2**62, 2**63 - 600]))
    near = st.integers(0, 599).map(lambda offset: start + offset)
    anywhere = st.integers(-(2**63), 2**63 - 1)
    label = draw(st.sampled_from([near, near, near | anywhere]))
    return draw(st.lists(label, min_size=14, max_size=14))


@given(problem=problems(), labels=labels())
def test_labels_are_any_integers(problem, labels):
    points, scores, radius, _, radii = problem
    batch = torch.tensor(labels, dtype=torch.int64)[: len(points)]
    expected = naive(points, scores, radius, batch, radii)
    # The same images, numbered from 0: a label is a name, nothing is counted with it.
    _, renamed = batch.unique(return_inverse=True)
    assert torch.equal(naive(points, scores, radius, renamed, radii), expected)
    for module in (ops, reference):
        for images in (batch, renamed):
            keep = module.point_nms(points, scores, radius, batch=images, radii=radii)
            assert torch.equal(keep, expected)


@pytest.mark.parametrize("start", [-(2**63), -(2**60), 2**53, 2**60, 2**62, 2**63 - 500])
def test_neighbouring_labels_far_from_zero_are_different_images(instruction_set, start):
    points = torch.zeros(500, 2)
    points[:, 0] = torch.arange(500) % 3
    batch = torch.arange(500) + start
    keep = ops.point_nms(points, torch.ones(500), 1.0, batch=batch)
    assert torch.equal(keep, torch.arange(500))
    pairs = batch.div(2, rounding_mode="floor")
    keep = ops.point_nms(torch.zeros(500, 2), torch.ones(500), 1.0, batch=pairs)
    assert torch.equal(keep, torch.arange(0, 500, 2))


@pytest.mark.parametrize("module", [ops, reference])
class TestEither:
    def test_a_suppressed_point_suppresses_nothing(self, module):
        points = torch.tensor([[0.0, 0.0], [2.0, 0.0], [4.0, 0.0]])
        keep = module.point_nms(points, torch.tensor([0.9, 0.8, 0.7]), 2.0)
        assert keep.tolist() == [0, 2]

    def test_the_radius_itself_suppresses(self, module):
        points = torch.tensor([[0.0, 0.0], [0.3, 0.0], [10.0, 10.0], [13.0, 14.0]])
        scores = torch.tensor([0.5, 0.6, 0.6, 0.6])
        assert module.point_nms(points, scores, 0.3).tolist() == [1, 2, 3]
        assert module.point_nms(points, scores, 5.0).tolist() == [1, 2]
        assert module.point_nms(points, scores, math.nextafter(5.0, 0)).tolist() == [1, 2]
        assert module.point_nms(points, scores, 4.9999995).tolist() == [1, 2, 3]

    def test_radius_zero_removes_duplicates(self, module):
        points = torch.tensor([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0000002], [-0.0, 0.0], [0.0, 0.0]])
        scores = torch.tensor([0.1, 0.2, 0.3, 0.3, 0.3])
        assert module.point_nms(points, scores, 0.0).tolist() == [2, 3, 1]

    def test_images_do_not_meet(self, module):
        points = torch.zeros(4, 2)
        batch = torch.tensor([7, -1, 7, 2**40])
        keep = module.point_nms(points, torch.tensor([0.1, 0.2, 0.3, 0.2]), 1.0, batch=batch)
        assert keep.tolist() == [2, 1, 3]
        radii = torch.tensor([-1.0, 1.0, 1.0, 1.0])
        scores = torch.tensor([0.1, 0.2, 0.3, 0.2])
        keep = module.point_nms(points, scores, 1.0, batch=batch, radii=radii)
        assert keep.tolist() == [2, 1, 3, 0]

    def test_the_radius_is_that_of_the_worse_point(self, module):
        points = torch.tensor([[0.0, 0.0], [3.0, 0.0]])
        scores = torch.tensor([0.9, 0.5])
        for radii, kept in (([3.0, 2.9], [0, 1]), ([0.0, 3.0], [0]), ([-1.0, 3.5], [0])):
            assert module.point_nms(points, scores, 4.0, radii=torch.tensor(radii)).tolist() == kept
            flipped = module.point_nms(points, scores.flip(0), 4.0, radii=torch.tensor(radii[::-1]))
            assert flipped.tolist() == [1 - index for index in kept]

    def test_radii_are_bounded_by_the_radius(self, module):
        points = torch.tensor([[0.0, 0.0], [3.0, 0.0], [7.0, 0.0]])
        scores, radii = torch.tensor([0.9, 0.8, 0.7]), torch.tensor([9.0, 9.0, math.inf])
        assert module.point_nms(points, scores, 4.0, radii=radii).tolist() == [0, 2]
        assert module.point_nms(points, scores, 2.0, radii=radii).tolist() == [0, 1, 2]

    def test_points_of_negative_and_nan_radii_stay_and_suppress(self, module):
        points = torch.zeros(5, 2)
        scores = torch.tensor([0.9, 0.8, 0.7, 0.6, 0.5])
        radii = torch.tensor([math.nan, -1.0, -0.0, 1.0, -math.inf])
        assert module.point_nms(points, scores, 1.0, radii=radii).tolist() == [0, 1, 4]
        mask = module.point_nms_mask(points, scores, 1.0, radii=radii)
        assert mask.tolist() == [True, True, False, False, True]
        scores[4] = math.nan
        assert module.point_nms(points, scores, 1.0, radii=radii).tolist() == [0, 1]

    def test_nan(self, module):
        points = torch.tensor([[0.0, 0.0], [0.0, 0.0], [math.nan, 0.0], [math.inf, 0.0]])
        scores = torch.tensor([math.nan, 0.1, 0.9, 0.5])
        assert module.point_nms(points, scores, 1e18).tolist() == [2, 3, 1]
        assert module.point_nms_mask(points, scores, 1.0).tolist() == [False, True, True, True]

    def test_empty(self, module):
        keep = module.point_nms(torch.zeros(0, 2), torch.zeros(0), 1.0)
        assert keep.shape == (0,)
        assert keep.dtype == torch.int64
        keep = module.point_nms(torch.zeros(0, 2), torch.zeros(0), 1.0, radii=torch.zeros(0))
        assert keep.shape == (0,)
        mask = module.point_nms_mask(torch.zeros(0, 2), torch.zeros(0), 1.0)
        assert mask.shape == (0,)
        assert mask.dtype == torch.bool

    @pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
    def test_other_dtypes_are_taken_as_float32(self, module, dtype):
        generator = torch.Generator().manual_seed(0)
        points = torch.rand(60, 2, generator=generator).mul(20).to(dtype)
        scores = torch.rand(60, generator=generator).to(dtype)
        keep = module.point_nms(points, scores, 2.0)
        assert 0 < len(keep) < 60
        assert torch.equal(keep, module.point_nms(points.float(), scores.float(), 2.0))
        radii = torch.rand(60, generator=generator).mul(4).to(dtype)
        keep = module.point_nms(points, scores, 3.0, radii=radii)
        assert 0 < len(keep) < 60
        single = (value.float() for value in (points, scores))
        assert torch.equal(keep, module.point_nms(*single, 3.0, radii=radii.float()))

    def test_strided_input(self, module):
        generator = torch.Generator().manual_seed(1)
        points = torch.rand(2, 120, generator=generator).mul(20).T[::2]
        scores = torch.rand(60, 3, generator=generator)[:, 1]
        batch = torch.arange(60).remainder(2).repeat_interleave(2)[::2]
        assert not any(tensor.is_contiguous() for tensor in (points, scores, batch))
        keep = module.point_nms(points, scores, 2.0, batch=batch)
        assert torch.equal(keep, naive(points, scores, 2.0, batch))
        radii = torch.rand(60, 2, generator=generator)[:, 0] * 4
        keep = module.point_nms(points, scores, 3.0, batch=batch, radii=radii)
        assert torch.equal(keep, naive(points, scores, 3.0, batch, radii))


@given(seed=st.integers(0, 2**16), radius=st.floats(0.5, 30))
def test_what_is_kept_is_sparse_and_covers_the_rest(seed, radius):
    generator = torch.Generator().manual_seed(seed)
    points = torch.rand(200, 2, generator=generator) * 100
    scores = torch.rand(200, generator=generator)
    keep = ops.point_nms(points, scores, radius)
    distance = torch.cdist(points.double(), points[keep].double())
    assert bool((distance[keep] + torch.eye(len(keep)) * 1000 > radius - 1e-4).all())
    assert bool((distance.min(1).values <= radius + 1e-4).all())
    assert bool((scores[keep].diff() <= 0).all())


@given(seed=st.integers(0, 2**16), radius=st.floats(0.5, 30))
def test_radii_keep_the_sparse_and_cover_the_rest(seed, radius):
    generator = torch.Generator().manual_seed(seed)
    points = torch.rand(200, 2, generator=generator) * 100
    scores = torch.rand(200, generator=generator).sort(descending=True, stable=True).values
    radii = torch.rand(200, generator=generator) * radius
    mask = ops.point_nms_mask(points, scores, radius, radii=radii)
    better = torch.ones(200, 200, dtype=torch.bool).tril(-1) & mask
    distance = torch.cdist(points.double(), points.double()).where(better, math.inf).min(1).values
    assert bool((distance[mask] > radii[mask] - 1e-4).all())
    assert bool((distance[~mask] <= radii[~mask] + 1e-4).all())


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_threads_do_not_change_the_result(threads):
    generator = torch.Generator().manual_seed(3)
    points = torch.rand(5000, 2, generator=generator) * 200
    scores = torch.randint(500, (5000,), generator=generator).float()
    batch = torch.randint(3, (5000,), generator=generator)
    expected = reference.point_nms(points, scores, 3.0, batch=batch)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        keep = ops.point_nms(points, scores, 3.0, batch=batch)
        mask = ops.point_nms_mask(points, scores, 3.0, batch=batch)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(keep, expected)
    assert torch.equal(mask.nonzero()[:, 0], expected.sort().values)


def test_gradients_are_ignored():
    points = torch.rand(5, 2, requires_grad=True)
    scores, radii = torch.rand(5, requires_grad=True), torch.rand(5, requires_grad=True)
    assert not ops.point_nms(points, scores, 0.1).requires_grad
    assert not ops.point_nms(points, scores, 0.1, radii=radii).requires_grad
    assert not ops.point_nms_mask(points.detach(), scores.detach(), 0.1, radii=radii).requires_grad


@pytest.mark.parametrize("function", [ops.point_nms, ops.point_nms_mask])
def test_errors_name_the_argument(function):
    points, scores = torch.zeros(3, 2), torch.zeros(3)
    with pytest.raises(ValueError, match=r"points has shape \[3, 3\]; it must be \[N, 2\]"):
        function(torch.zeros(3, 3), scores, 1.0)
    with pytest.raises(TypeError, match=r"points is torch\.int64"):
        function(points.long(), scores, 1.0)
    with pytest.raises(ValueError, match=r"scores has 2 rows; it must have 3"):
        function(points, scores[:2], 1.0)
    with pytest.raises(TypeError, match="scores is a list"):
        function(points, [0.0, 0.0, 0.0], 1.0)
    with pytest.raises(TypeError, match=r"batch is torch\.int32"):
        function(points, scores, 1.0, batch=torch.zeros(3, dtype=torch.int32))
    with pytest.raises(ValueError, match="batch has 2 rows"):
        function(points, scores, 1.0, batch=torch.zeros(2, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"radii has shape \[3, 1\]; it must be \[N\]"):
        function(points, scores, 1.0, radii=torch.zeros(3, 1))
    with pytest.raises(ValueError, match=r"radii has 2 rows; it must have 3, like points"):
        function(points, scores, 1.0, radii=torch.zeros(2))
    with pytest.raises(TypeError, match=r"radii is torch\.int64"):
        function(points, scores, 1.0, radii=torch.zeros(3, dtype=torch.int64))
    with pytest.raises(TypeError, match=r"radii is a float"):
        function(points, scores, 1.0, radii=1.0)
    with pytest.raises(ValueError, match=r"radii is on meta; it must be on cpu, like points"):
        function(points, scores, 1.0, radii=torch.zeros(3, device="meta"))
    for radius in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match=f"radius is {radius}; it must be in"):
            function(points, scores, radius)


@pytest.mark.parametrize("op", ["point_nms", "point_nms_mask"])
def test_native_backstop(op):
    function = getattr(torch.ops.raz, op)
    points, scores = torch.zeros(3, 2), torch.zeros(3)
    for arguments in (
        (points[:, :1], scores, 1.0, None, None),
        (points[0], scores, 1.0, None, None),
        (points, scores[:2], 1.0, None, None),
        (points, scores.double(), 1.0, None, None),
        (points, scores, 1.0, torch.zeros(2, dtype=torch.int64), None),
        (points, scores, math.nan, None, None),
        (points, scores, math.inf, None, None),
        (points, scores, 1.0, None, scores[:2]),
        (points, scores, 1.0, None, points),
        (points, scores, 1.0, None, scores.double()),
    ):
        with pytest.raises(RuntimeError, match="raz: "):
            function(*arguments)
