from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from raz import ops, reference
from raz.reference.propose_regions import anchor_boxes, random_points

from .devices import DEVICE

sizes = st.tuples(st.integers(0, 3), st.integers(0, 12), st.integers(0, 12))
options = st.fixed_dictionaries(
    {
        "num_points": st.integers(0, 40),
        "scales": st.lists(st.floats(0.05, 2), max_size=3).map(tuple),
        "ratios": st.lists(st.floats(0.1, 10), max_size=3).map(tuple),
        "score_threshold": st.sampled_from([-1.0, 0.0, 0.01, 0.5]),
        "iou_threshold": st.sampled_from([0.0, 0.3, 0.5, 1.0]),
        "max_regions": st.integers(0, 12),
        "seed": st.integers(-(2**63), 2**63 - 1),
    }
)


def random_map(*size: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(size, generator=torch.Generator().manual_seed(seed))


def assert_same(one: tuple[torch.Tensor, ...], other: tuple[torch.Tensor, ...]) -> None:
    """Assert equal bits, dtypes included."""
    for a, b in zip(one, other, strict=True):
        assert a.dtype == b.dtype
        assert torch.equal(a, b)


def bits_of_split_mix_64(seed: int, index: int) -> int:
    """Draw as documented, in Python's unbounded integers."""

    def mix(z: int) -> int:
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        return z ^ (z >> 31)

    return mix((mix(seed % 2**64) + (index + 1) * 0x9E3779B97F4A7C15) % 2**64)


@given(size=sizes, kind=st.sampled_from(["smooth", "few values", "constant"]), options=options)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_same_bits_as_reference(size, kind, options, dtype):
    attention = random_map(*size) - 0.1
    if kind == "few values":
        attention = (attention * 3).round() / 3
    elif kind == "constant":
        attention = torch.full(size, 0.3)
    attention = attention.to(dtype)
    assert_same(
        ops.propose_regions(attention, **options), reference.propose_regions(attention, **options)
    )


@pytest.mark.parametrize("seed", range(3))
def test_same_bits_as_reference_on_maps_of_real_size(seed):
    attention = random_map(2, 96, 128, seed=seed) ** 8
    assert_same(
        ops.propose_regions(attention, seed=seed), reference.propose_regions(attention, seed=seed)
    )


@pytest.mark.skipif(DEVICE != "cpu", reason="other devices may sum in another order")
def test_same_bits_as_reference_where_the_order_of_sums_shows_in_a_score():
    noise = torch.randn(1, 96, 128, generator=torch.Generator().manual_seed(364))
    options = {"num_points": 300, "scales": (0.02, 0.05), "max_regions": 1800, "seed": 364}
    options |= {"score_threshold": 0.0, "iou_threshold": 1.0}
    attention = torch.sigmoid(6 * noise - 4)
    assert_same(
        ops.propose_regions(attention, **options), reference.propose_regions(attention, **options)
    )


def test_first_draw_is_the_published_one():
    # SplitMix64 from state 0, which seed 0 is, begins with this word.
    assert bits_of_split_mix_64(0, 0) == 0xE220A8397B1DCDAF
    x, y = random_points(0, 1, height=1, width=1)[0].tolist()
    assert (x, y) == (0xE220A8 / 2**24, 0x397B1D / 2**24)


@given(seed=st.integers(-(2**63), 2**63 - 1))
def test_points_follow_the_documented_hash(seed):
    points = random_points(seed, 5, height=3, width=7)
    for index, (x, y) in enumerate(points.tolist()):
        bits = bits_of_split_mix_64(seed, index)
        assert x == 7 * ((bits >> 40) / 2**24)
        assert y == 3 * ((bits >> 16) % 2**24 / 2**24)


def test_points_are_uniform():
    points = random_points(3, 40_000, height=8, width=8)
    cells = points.floor().long()
    counts = torch.bincount(cells[:, 1] * 8 + cells[:, 0], minlength=64)
    # Each is binomial with mean 625 and deviation 25.
    assert (counts - 625).abs().max() < 5 * 25
    correlation = torch.corrcoef(points.T)[0, 1]
    assert abs(correlation) < 5 / math.sqrt(len(points))


def test_the_six_anchors_of_a_point():
    # Shorter edge 48: sides 16 and 32. sqrt(1/4) and sqrt(4) are exact, so is every edge.
    centre = torch.tensor([[50.0, 20.0]], dtype=torch.float64)
    anchors = anchor_boxes(centre, 48, 100, scales=(1 / 3, 2 / 3), ratios=(0.25, 1.0, 4.0))
    assert anchors.tolist() == [
        [46, 4, 54, 36],  # 8 x 32
        [42, 12, 58, 28],  # 16 x 16
        [34, 16, 66, 24],  # 32 x 8
        [42, 0, 58, 48],  # 16 x 64, clipped above and below
        [34, 4, 66, 36],  # 32 x 32
        [18, 12, 82, 28],  # 64 x 16
    ]


def test_default_anchors_of_one_scale_have_equal_area():
    centre = torch.tensor([[150.0, 150.0]], dtype=torch.float64)
    boxes = anchor_boxes(centre, 300, 300, (1 / 3,), (0.5, 1.0, 2.0)).double()
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    # Rounding an edge below 256 to float32 moves it by 2^-17 at most, on sides of at least 70.
    rounding = 2 * (2 * 2**-17) / 70
    torch.testing.assert_close(
        width * height, torch.full((3,), 1e4, dtype=torch.float64), rtol=rounding, atol=0
    )
    torch.testing.assert_close(
        width / height, torch.tensor((0.5, 1, 2), dtype=torch.float64), rtol=rounding, atol=0
    )


def iou(a: torch.Tensor, b: torch.Tensor) -> float:
    sides = (torch.minimum(a[2:], b[2:]) - torch.maximum(a[:2], b[:2])).clamp(min=0)
    areas = (a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod()
    return float(sides.prod() / (areas - sides.prod()))


@given(size=sizes, options=options, seed=st.integers(0, 2**16))
def test_what_is_returned_keeps_its_promises(size, options, seed):
    attention = random_map(*size, seed=seed)
    boxes, scores, counts = ops.propose_regions(attention, **options)
    means = ops.score_anchors(ops.integral_image(attention), boxes).float()
    for b, count in enumerate(counts.tolist()):
        assert 0 <= count <= options["max_regions"]
        assert not boxes[b, count:].any()
        assert not scores[b, count:].any()
        assert torch.equal(scores[b, :count], means[b, :count])
        assert torch.equal(scores[b, :count], scores[b, :count].sort(descending=True).values)
        assert (scores[b, :count] >= options["score_threshold"]).all()
        kept = boxes[b, :count].double()
        assert (kept[:, :2] >= 0).all()
        assert (kept[:, 2] <= size[2]).all()
        assert (kept[:, 3] <= size[1]).all()
        assert (kept[:, :2] < kept[:, 2:]).all()
        for i in range(count):
            assert all(iou(kept[i], kept[j]) <= options["iou_threshold"] for j in range(i))


def greedy_by_definition(
    anchors: torch.Tensor, means: list[float], threshold: float, overlap: float
) -> list[int]:
    """Return the anchors kept when they are visited by score, one after another."""
    kept: list[int] = []
    for n in sorted(range(len(means)), key=lambda n: (-means[n], n)):
        alone = all(iou(anchors[n], anchors[m]) <= overlap for m in kept)
        if means[n] >= threshold and alone:
            kept.append(n)
    return kept


@pytest.mark.parametrize("overlap", [0.0, 0.3, 0.6, 1.0])
def test_is_greedy_non_maximum_suppression(overlap):
    attention = random_map(1, 12, 16)
    points = random_points(5, 20, 12, 16)
    anchors = anchor_boxes(points, 12, 16, (1 / 3, 2 / 3), (0.5, 1.0, 2.0))
    table = ops.integral_image(attention)
    means = ops.score_anchors(table, anchors[None]).float()[0].tolist()
    kept = greedy_by_definition(anchors.double(), means, 0.5, overlap)
    boxes, _, counts = ops.propose_regions(
        attention,
        num_points=20,
        seed=5,
        score_threshold=0.5,
        iou_threshold=overlap,
        max_regions=200,
    )
    assert counts.item() == len(kept) > 0
    assert torch.equal(boxes[0, : len(kept)], anchors[kept])


def test_ties_go_to_the_lower_anchor():
    # The mean of a constant map is the constant, whatever rounding does to the sums.
    attention = torch.full((1, 40, 60), 0.3)
    boxes, scores, counts = ops.propose_regions(attention, iou_threshold=1.0, max_regions=30)
    anchors = anchor_boxes(random_points(0, 5, 40, 60), 40, 60, (1 / 3, 2 / 3), (0.5, 1.0, 2.0))
    assert counts.item() == 30
    assert torch.equal(boxes[0], anchors)
    assert (scores == attention[0, 0, 0]).all()


def test_the_threshold_itself_passes():
    attention = torch.full((1, 30, 30), 0.01)  # less than the double 0.01
    assert ops.propose_regions(attention, score_threshold=0.01)[2].item() == 10
    assert ops.propose_regions(attention, score_threshold=0.0101)[2].item() == 0


def test_regions_lie_where_the_attention_is():
    attention = torch.zeros(1, 60, 90)
    attention[:, 5:20, 60:80] = 1
    boxes, scores, counts = ops.propose_regions(attention, max_regions=1)
    x1, y1, x2, y2 = boxes[0, 0].tolist()
    assert counts.item() == 1
    assert scores.item() > 0.5
    assert 60 <= (x1 + x2) / 2 <= 80
    assert 5 <= (y1 + y2) / 2 <= 20


def test_images_of_a_batch_do_not_meet():
    attention = random_map(3, 20, 30)
    together = ops.propose_regions(attention, num_points=50)
    for b in range(3):
        alone = ops.propose_regions(attention[b : b + 1], num_points=50)
        assert_same(tuple(output[b : b + 1] for output in together), alone)


def test_nan_scores_are_dropped():
    attention = torch.ones(2, 30, 30)
    attention[0, 0, 0] = torch.nan  # poisons every box
    attention[1, 15, 15] = torch.nan  # and here those that end below and right
    boxes, scores, counts = ops.propose_regions(attention)
    assert_same((boxes, scores, counts), reference.propose_regions(attention))
    assert counts[0] == 0
    assert counts[1] > 0
    assert (scores[1, : counts[1]] == 1).all()
    kept = boxes[1, : counts[1]]
    assert ((kept[:, 2] <= 15) | (kept[:, 3] <= 15)).all()


@pytest.mark.parametrize("size", [(0, 5, 5), (2, 0, 5), (2, 5, 0), (2, 0, 0)])
def test_nothing_to_propose(size):
    boxes, scores, counts = ops.propose_regions(torch.zeros(size), score_threshold=-1.0)
    assert boxes.shape == (size[0], 10, 4)
    assert scores.shape == (size[0], 10)
    assert not boxes.any()
    assert not scores.any()
    assert torch.equal(counts, torch.zeros(size[0], dtype=torch.int64))


def test_one_pixel():
    boxes, scores, counts = ops.propose_regions(torch.ones(1, 1, 1), max_regions=2)
    assert counts.item() == 2
    assert scores.tolist() == [[1, 1]]
    assert (boxes[0, :, :2] < boxes[0, :, 2:]).all()


def test_strided_input():
    attention = random_map(2, 18, 24)
    for strided in (attention.transpose(1, 2), attention[:, ::2, 1::3], attention.flip(-1)):
        expected = ops.propose_regions(strided.contiguous(), num_points=20)
        assert_same(ops.propose_regions(strided, num_points=20), expected)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_threads_do_not_change_bits(threads):
    attention = random_map(3, 33, 47)
    expected = reference.propose_regions(attention)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        assert_same(ops.propose_regions(attention), expected)
    finally:
        torch.set_num_threads(before)


def test_no_gradient_flows():
    attention = random_map(1, 9, 9).requires_grad_()
    boxes, scores, _ = ops.propose_regions(attention)
    assert not boxes.requires_grad
    assert not scores.requires_grad


def test_errors_name_the_argument():
    attention = torch.zeros(1, 4, 4)
    with pytest.raises(ValueError, match=r"attention has shape \[4, 4\]; it must be \[B, H, W\]"):
        ops.propose_regions(attention[0])
    with pytest.raises(TypeError, match=r"attention is torch\.uint8"):
        ops.propose_regions(attention.byte())
    with pytest.raises(ValueError, match=r"scales is \(0\.5, 0\.0\); every entry must be positive"):
        ops.propose_regions(attention, scales=(0.5, 0.0))
    for name, value in [
        ("num_points", -1),
        ("num_points", 10**8),  # would take half an hour
        ("max_regions", -1),
        ("ratios", (math.nan,)),
        ("score_threshold", math.nan),
        ("iou_threshold", 1.5),
        ("iou_threshold", math.nan),
        ("seed", 2**63),
    ]:
        with pytest.raises(ValueError, match=f"{name} is "):
            ops.propose_regions(attention, **{name: value})
