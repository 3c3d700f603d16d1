"""Arguments that no operator expects: errors name them, and nothing is rounded in silence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from raz import _native, ops, reference

POINTS = torch.tensor([[1.0, 2.0], [4.0, 3.0]])
MAP = torch.ones(1, 4, 4)
CALLS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "attention_map": (ops.attention_map, {"points": POINTS, "size": (8, 8)}),
    "congestion": (ops.congestion, {"points": POINTS}),
    "density_map": (ops.density_map, {"points": POINTS, "size": (8, 8)}),
    "find_peaks": (ops.find_peaks, {"x": MAP, "threshold": 0.5}),
    "integral_image": (ops.integral_image, {"x": MAP}),
    "match_points": (ops.match_points, {"pred": POINTS, "truth": POINTS, "radius": 1.0}),
    "point_nms": (ops.point_nms, {"points": POINTS, "scores": torch.ones(2), "radius": 1.0}),
    "propose_regions": (ops.propose_regions, {"attention": MAP}),
    "score_anchors": (ops.score_anchors, {"integral": MAP, "boxes": torch.ones(1, 1, 4)}),
}
WHOLE = [
    ("attention_map", "stride"),
    ("attention_map", "neighbours"),
    ("congestion", "neighbours"),
    ("density_map", "stride"),
    ("find_peaks", "smooth"),
    ("find_peaks", "max_points"),
    ("propose_regions", "num_points"),
    ("propose_regions", "max_regions"),
    ("propose_regions", "seed"),
]
REAL = [
    ("attention_map", "limit"),
    ("attention_map", "sigma"),
    ("density_map", "sigma"),
    ("find_peaks", "threshold"),
    ("point_nms", "radius"),
    ("propose_regions", "score_threshold"),
    ("propose_regions", "iou_threshold"),
]
NO_NUMBERS = [(1, 2), {}, b"1", len, 1j, np.zeros(2), torch.zeros(2, 0), torch.float32]


def called(op: str, **changed: Any) -> Any:
    function, arguments = CALLS[op]
    return function(**{**arguments, **changed})


@pytest.mark.parametrize(("op", "name"), WHOLE)
@pytest.mark.parametrize("value", [*NO_NUMBERS, "1", 1.5, np.float32(1.5)], ids=repr)
def test_what_is_no_whole_number_is_named(op: str, name: str, value: object) -> None:
    with pytest.raises(TypeError, match=f"^{name} is .*; it must be a whole number"):
        called(op, **{name: value})


@pytest.mark.parametrize(("op", "name"), WHOLE)
def test_a_whole_number_has_64_bits(op: str, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is 1000000000000000000000; it must be a signed"):
        called(op, **{name: 10**21})


@pytest.mark.parametrize(("op", "name"), REAL)
@pytest.mark.parametrize("value", NO_NUMBERS, ids=repr)
def test_what_is_no_number_is_named(op: str, name: str, value: object) -> None:
    with pytest.raises(TypeError, match=f"^{name} is .*; it must be a number"):
        called(op, **{name: value})


@pytest.mark.parametrize(("op", "name"), REAL)
def test_a_number_that_no_float_holds_is_named(op: str, name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} has 401 digits"):
        called(op, **{name: 10**400})


@pytest.mark.parametrize("kind", [np.int64, np.uint8, torch.tensor])
def test_whole_numbers_of_numpy_and_torch_are_taken(kind: Callable[[int], Any]) -> None:
    expected = called("congestion", neighbours=1)
    assert torch.equal(called("congestion", neighbours=kind(1)), expected)
    assert called("propose_regions", max_regions=kind(3))[0].shape == (1, 3, 4)


@pytest.mark.parametrize("name", ["scales", "ratios"])
def test_sequences_of_numbers_are_named(name: str) -> None:
    for value in (0.5, None, torch.tensor(0.5)):
        with pytest.raises(TypeError, match=f"{name} is .*; it must be a sequence of numbers"):
            called("propose_regions", **{name: value})
    with pytest.raises(TypeError, match=rf"{name}\[0\] is 'x'; it must be a number"):
        called("propose_regions", **{name: "x"})
    with pytest.raises(ValueError, match="has 4294967296 entries; it must have at most"):
        called("propose_regions", **{name: torch.ones(1).expand(2**32)})


def test_words_are_words() -> None:
    for op, name in (("match_points", "order"), ("score_anchors", "reduction")):
        with pytest.raises(ValueError, match=f"{name} is "):
            called(op, **{name: np.zeros(3)})
    with pytest.raises(TypeError, match="dtype is "):
        called("integral_image", dtype=np.zeros(3))


@pytest.mark.parametrize("op", ["point_map", "attention_map", "density_map", "congestion"])
def test_the_number_of_images_is_named(op: str) -> None:
    size = {} if op == "congestion" else {"size": (4, 4)}
    batch = torch.zeros(2, dtype=torch.int64)
    with pytest.raises(TypeError, match="batch_size is '2'; it must be a whole number"):
        getattr(ops, op)(POINTS, **size, batch=batch, batch_size="2")


@pytest.mark.parametrize(("op", "name"), [(op, next(iter(CALLS[op][1]))) for op in CALLS])
@pytest.mark.skipif(_native.load() is None, reason="asks the checks alone")
def test_what_is_not_dense_is_named(op: str, name: str) -> None:
    if op == "match_points":
        pytest.skip("takes arrays")
    value = CALLS[op][1][name]
    with pytest.raises(TypeError, match=f"{name} is sparse_coo; it must be a dense tensor"):
        called(op, **{name: value.to_sparse()})
    nested = torch.nested.nested_tensor([torch.ones(2)], layout=torch.jagged)
    with pytest.raises(TypeError, match=f"{name} is nested; it must be a dense tensor"):
        called(op, **{name: nested})


def test_a_tensor_that_is_no_array_is_named() -> None:
    for value in (POINTS.clone().requires_grad_(), POINTS.to_sparse()):
        with pytest.raises(TypeError, match="truth is not an array: "):
            ops.match_points(POINTS, value, 1.0)
        with pytest.raises(TypeError, match="pred is not an array: "):
            ops.count_matches(value, POINTS, [1.0])


def test_a_boolean_is_a_number_of_images_by_the_reference_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arguments = {"batch": torch.zeros(2, dtype=torch.int64), "batch_size": True}
    expected = ops.point_map(POINTS, (8, 8), **arguments)
    monkeypatch.setattr(_native, "serves", lambda *_: False)
    assert torch.equal(ops.point_map(POINTS, (8, 8), **arguments), expected)


def test_sides_are_whole_numbers_of_64_bits() -> None:
    for size in ((2**63, 1), ("2", 2), (np.zeros(2), 2), (None, 2), (2.5, 2)):
        with pytest.raises(ValueError, match="size is "):
            ops.point_map(POINTS, size)


@pytest.mark.parametrize("value", [0.5, "x", [0.5, "x"], [[1, 2], [3]], [None]], ids=repr)
def test_values_of_channels_are_named(value: object) -> None:
    boxes, batch = torch.ones(1, 4), torch.zeros(1, dtype=torch.int64)
    for name in ("mean", "std"):
        with pytest.raises((TypeError, ValueError), match=rf"{name}(\[\d\])? (is|has) "):
            ops.crop_and_resize(torch.ones(1, 2, 4, 4), boxes, batch, (2, 2), **{name: value})
    std = torch.ones(2).to_sparse()
    with pytest.raises(TypeError, match="std is sparse_coo"):
        ops.crop_and_resize(torch.ones(1, 2, 4, 4), boxes, batch, (2, 2), std=std)


def test_more_images_than_memory_are_refused_at_once() -> None:
    arguments = {"batch": torch.zeros(2, dtype=torch.int64), "batch_size": 2**62}
    with pytest.raises(RuntimeError, match=r"memory|[Ss]torage size|overflow"):
        reference.density_map(POINTS, (8, 8), **arguments)
    for op in ("attention_map", "density_map", "point_map"):
        with pytest.raises(ValueError, match="batch_size is 4611686018427387904; it must be at"):
            getattr(ops, op)(POINTS, (0, 8), **arguments)


def test_a_view_whose_sign_torch_turns_lazily() -> None:
    turned = torch.complex(POINTS.double(), -POINTS.double()).conj().imag
    assert turned.is_neg()
    expected = reference.attention_map(POINTS, (8, 8), neighbours=1)
    assert torch.equal(reference.attention_map(turned, (8, 8), neighbours=1), expected)
    assert torch.equal(ops.attention_map(turned, (8, 8), neighbours=1), expected)


@pytest.mark.skipif(_native.load() is None, reason="there is no kernel to ask")
def test_no_table_is_larger_than_any_number_tells() -> None:
    grad, boxes = torch.zeros(1, 4).double(), torch.zeros(1, 4, 4).double()
    for size in ((2**63 - 1, 0), (0, 2**63 - 1)):
        with pytest.raises(RuntimeError, match=r"size must be below 2\^63 - 1"):
            torch.ops.raz.score_anchors_backward_integral.default(grad, boxes, *size, False)
    with pytest.raises(RuntimeError, match=r"size must be below 2\^63 - 1"):
        ops.integral_image(torch.zeros(0, 1, 1).expand(0, 2**63 - 1, 1))


@pytest.mark.parametrize("op", ["attention_map", "density_map", "point_map"])
@pytest.mark.skipif(_native.load() is None, reason="there is no kernel to ask")
def test_sides_without_number_that_make_no_pixels_take_no_time(op: str) -> None:
    options = {} if op == "point_map" else {"stride": 1}
    for size in ((2**53 + 1, 0), (0, 2**53 + 1)):
        assert getattr(ops, op)(POINTS, size, **options).shape == size


def test_crops_of_no_channels_take_no_time() -> None:
    boxes, batch = torch.zeros(1, 4), torch.zeros(1, dtype=torch.int64)
    crops = ops.crop_and_resize(torch.zeros(1, 0, 4, 4), boxes, batch, (2**53 + 1, 1))
    assert crops.shape == (1, 0, 2**53 + 1, 1)
