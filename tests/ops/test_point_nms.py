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
radii = st.sampled_from([0.0, 1e-25, 0.1, 0.3, 0.5, 1.0, 3.0, 5.0, 100.0, 1e18])


@st.composite
def problems(draw):
    coordinate = draw(st.sampled_from([coordinates, coordinates, coordinates | special]))
    rows = draw(
        st.lists(st.tuples(coordinate, coordinate, scores, st.integers(-1, 2)), max_size=14)
    )
    table = torch.tensor(rows, dtype=torch.float32).reshape(-1, 4)
    batch = table[:, 3].long() if draw(st.booleans()) else None
    return table[:, :2], table[:, 2], draw(radii), batch


@np.errstate(all="ignore")
def naive(points, scores, radius, batch):
    """The definition: every point, best first, against every kept one of its image."""
    xy, score = points.numpy(), scores.tolist()
    image = [0] * len(score) if batch is None else batch.tolist()
    limit = np.float32(radius) * np.float32(radius)
    usable = [i for i in range(len(score)) if not math.isnan(score[i])]
    keep: list[int] = []
    for i in sorted(usable, key=lambda i: (-score[i], i)):
        dx, dy = (xy[i] - xy[[j for j in keep if image[j] == image[i]]]).T
        if not (dx * dx + dy * dy <= limit).any():
            keep.append(i)
    return torch.tensor(keep, dtype=torch.int64)


@given(problem=problems())
def test_native_reference_and_definition_agree(problem):
    points, scores, radius, batch = problem
    expected = naive(points, scores, radius, batch)
    mask = torch.zeros(len(points), dtype=torch.bool)
    mask[expected] = True
    for module in (ops, reference):
        assert torch.equal(module.point_nms(points, scores, radius, batch=batch), expected)
        assert torch.equal(module.point_nms_mask(points, scores, radius, batch=batch), mask)


@given(
    seed=st.integers(0, 2**16),
    radius=st.sampled_from([0.0, 0.7, 3.0, 20.0, 1000.0]),
    spread=st.sampled_from([1.0, 100.0, 1e6]),
    grid=st.booleans(),
)
def test_many_points(seed, radius, spread, grid):
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(150, 2, generator=generator) * spread
    points = points.round() if grid else points
    scores = torch.randint(20, (150,), generator=generator).float()
    batch = torch.randint(-1, 3, (150,), generator=generator)
    keep = ops.point_nms(points, scores, radius, batch=batch)
    assert torch.equal(keep, reference.point_nms(points, scores, radius, batch=batch))
    assert torch.equal(keep, naive(points, scores, radius, batch))


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

    def test_nan(self, module):
        points = torch.tensor([[0.0, 0.0], [0.0, 0.0], [math.nan, 0.0], [math.inf, 0.0]])
        scores = torch.tensor([math.nan, 0.1, 0.9, 0.5])
        assert module.point_nms(points, scores, 1e18).tolist() == [2, 3, 1]
        assert module.point_nms_mask(points, scores, 1.0).tolist() == [False, True, True, True]

    def test_empty(self, module):
        keep = module.point_nms(torch.zeros(0, 2), torch.zeros(0), 1.0)
        assert keep.shape == (0,)
        assert keep.dtype == torch.int64
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

    def test_strided_input(self, module):
        generator = torch.Generator().manual_seed(1)
        points = torch.rand(2, 120, generator=generator).mul(20).T[::2]
        scores = torch.rand(60, 3, generator=generator)[:, 1]
        batch = torch.arange(60).remainder(2).repeat_interleave(2)[::2]
        assert not any(tensor.is_contiguous() for tensor in (points, scores, batch))
        keep = module.point_nms(points, scores, 2.0, batch=batch)
        assert torch.equal(keep, naive(points, scores, 2.0, batch))


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
    assert not ops.point_nms(points, torch.rand(5, requires_grad=True), 0.1).requires_grad


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
    for radius in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match=f"radius is {radius}; it must be in"):
            function(points, scores, radius)


@pytest.mark.parametrize("op", ["point_nms", "point_nms_mask"])
def test_native_backstop(op):
    function = getattr(torch.ops.raz, op)
    points, scores = torch.zeros(3, 2), torch.zeros(3)
    for arguments in (
        (points[:, :1], scores, 1.0, None),
        (points[0], scores, 1.0, None),
        (points, scores[:2], 1.0, None),
        (points, scores.double(), 1.0, None),
        (points, scores, 1.0, torch.zeros(2, dtype=torch.int64)),
        (points, scores, math.nan, None),
        (points, scores, math.inf, None),
    ):
        with pytest.raises(RuntimeError, match="raz: "):
            function(*arguments)
