"""Labels of images are integers: operators compare them, whatever their size, and never round."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from raz import ops, reference

FAR = [-(2**63), -(2**62) - 1, -1, 2, 3, 2**31, 2**32, 2**53 + 1, 2**62, 2**63 - 1]


@given(
    seed=st.integers(0, 2**16),
    start=st.sampled_from([0, 2**31, 2**53, 2**62, 2**63 - 100]),
    most=st.integers(1, 90),
)
@pytest.mark.parametrize("module", [ops, reference])
def test_congestion_knows_images_that_are_one_as_floats(module, seed, start, most):
    generator = torch.Generator().manual_seed(seed)
    points = torch.rand(40, 2, generator=generator) * 30
    image = torch.randint(most, (40,), generator=generator)
    near = module.congestion(points, batch=image, batch_size=most)
    far = module.congestion(points, batch=image + start, batch_size=2**63 - 1)
    assert torch.equal(far, near)


# Called as torch.ops.raz, past the checks of raz.ops: (operator, of the reference).
POINTS = torch.rand(len(FAR) + 2, 2, generator=torch.Generator().manual_seed(0)) * 16
BATCH = torch.tensor([0, *FAR, 1])
MAPS = {
    "point_map": lambda: torch.ops.raz.point_map(POINTS, 16, 16, BATCH, 2),
    "density_map": lambda: torch.ops.raz.density_map(POINTS.double(), 16, 16, 3.0, 4, BATCH, 2),
    "attention_map": lambda: torch.ops.raz.attention_map(
        POINTS.double(), 16, 16, 4, 99.0, 2.0, 0, BATCH, 2
    ),
}


@pytest.mark.parametrize("op", MAPS)
def test_heads_of_no_image_of_the_batch_mark_nothing(op):
    options = {"density_map": {"sigma": 3.0, "stride": 4}, "point_map": {}}.get(
        op, {"sigma": 2.0, "stride": 4, "neighbours": 0, "limit": 99.0}
    )
    own = POINTS[[0, -1]]
    expected = getattr(ops, op)(own, (16, 16), batch=torch.tensor([0, 1]), batch_size=2, **options)
    torch.testing.assert_close(MAPS[op]().float(), expected)
    of_reference = getattr(reference, op)(POINTS, (16, 16), batch=BATCH, batch_size=2, **options)
    torch.testing.assert_close(of_reference, expected)


def test_gradients_of_heads_of_no_image_of_the_batch_are_zero():
    grad = torch.rand(2, 4, 4, dtype=torch.float64)
    found = torch.ops.raz.density_map_backward(grad, POINTS.double(), 16, 16, 3.0, 4, BATCH)
    assert (found[1:-1] == 0).all()
    assert (found[[0, -1]] != 0).all()


def test_boxes_of_no_image_of_the_batch_give_zeros():
    images = torch.rand(2, 3, 8, 8)
    boxes = torch.tensor([[0.0, 0.0, 8.0, 8.0]]).repeat(len(BATCH), 1)
    crops = torch.ops.raz.crop_and_resize(images, boxes.double(), BATCH, 8, 8, None, None)
    assert torch.equal(crops[[0, -1]], images)
    assert (crops[1:-1] == 0).all()
    assert torch.equal(reference.crop_and_resize(images, boxes, BATCH, (8, 8)), crops)
    back = torch.ops.raz.crop_and_resize_backward_images(
        torch.ones_like(crops), boxes.double(), BATCH, 2, 8, 8, None
    )
    assert torch.equal(back, torch.ones(2, 3, 8, 8))
    of_boxes = torch.ops.raz.crop_and_resize_backward_boxes(
        torch.ones_like(crops), images, boxes.double(), BATCH, None
    )
    assert (of_boxes[1:-1] == 0).all()


@pytest.mark.parametrize("seed", [-(2**63), 2**53 + 1, 2**62 + 1, 2**63 - 1])
def test_seeds_are_integers_too(seed):
    attention = torch.rand(1, 30, 40, generator=torch.Generator().manual_seed(1))
    neighbour = seed - 1 if seed > 0 else seed + 1
    native, expected, other = (
        module.propose_regions(attention, seed=value)
        for module, value in ((ops, seed), (reference, seed), (ops, neighbour))
    )
    assert all(map(torch.equal, native, expected))
    assert not torch.equal(native[0], other[0])
