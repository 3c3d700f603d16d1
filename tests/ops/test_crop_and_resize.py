from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from raz import ops, reference

dtypes = [torch.uint8, torch.float32, torch.float64, torch.float16, torch.bfloat16]
shapes = st.tuples(
    st.integers(1, 3), st.sampled_from([1, 3, 4]), st.integers(1, 12), st.integers(1, 12)
)
crop_sizes = st.tuples(st.integers(0, 9), st.integers(0, 9))


def random_images(shape: tuple[int, ...], dtype: torch.dtype, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    if dtype == torch.uint8:
        return torch.randint(256, shape, generator=generator, dtype=torch.uint8)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)


def random_boxes(count: int, seed: int = 0) -> torch.Tensor:
    """Boxes inside, outside, empty and inverted; every other on whole pixels."""
    generator = torch.Generator().manual_seed(seed)
    boxes = torch.rand(count, 4, generator=generator, dtype=torch.float64) * 24 - 6
    boxes[::2] = boxes[::2].round()
    return boxes


def whole(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Box of every image as a whole."""
    height, width = images.shape[2:]
    count = len(images)
    return torch.tensor([[0.0, 0.0, width, height]]).expand(count, 4), torch.arange(count)


@given(
    shape=shapes,
    size=crop_sizes,
    count=st.integers(0, 5),
    normalize=st.booleans(),
    seed=st.integers(0, 2**16),
)
@settings(max_examples=40)
@pytest.mark.parametrize("dtype", dtypes)
def test_equals_reference(shape, size, count, normalize, seed, dtype):
    images = random_images(shape, dtype, seed)
    boxes = random_boxes(count, seed).float()
    batch = torch.randint(shape[0], (count,), generator=torch.Generator().manual_seed(seed))
    sums = torch.float64 if dtype == torch.float64 else torch.float32
    channels = torch.arange(shape[1], dtype=sums)
    mean, std = (0.25 + channels, 0.5 + channels) if normalize else (None, None)
    result = ops.crop_and_resize(images, boxes, batch, size, mean=mean, std=std)
    expected = reference.crop_and_resize(images, boxes, batch, size, mean=mean, std=std)
    wanted = torch.float32 if dtype == torch.uint8 else dtype
    assert result.dtype == expected.dtype == wanted
    assert result.shape == expected.shape == (count, shape[1], *size)
    assert torch.equal(result, expected)


@pytest.mark.usefixtures("instruction_set")
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float64])
@pytest.mark.parametrize("size", [(3, 16), (5, 200), (9, 1100)])
def test_every_instruction_set_equals_the_reference(size, dtype):
    images = random_images((2, 3, 30, 1500), dtype)
    boxes = torch.tensor(
        [
            [0.0, 0, 1500, 30],
            [700, 3, 1250, 20],
            [40, 2, 60, 9],
            [1480.3, 20, 1509.1, 33],
            [60, 9, 40, 2],
            [-4000, 1, 4000, 1],
        ]
    )
    batch = torch.tensor([0, 1, 0, 1, 0, 1])
    options = {"mean": torch.tensor([0.4, 0.5, 0.6]), "std": torch.tensor([0.2, 0.3, 0.7])}
    if dtype == torch.float64:
        options = {name: value.double() for name, value in options.items()}
    for arguments in ({}, options):
        result = ops.crop_and_resize(images, boxes, batch, size, **arguments)
        assert torch.equal(
            result, reference.crop_and_resize(images, boxes, batch, size, **arguments)
        )


@pytest.mark.usefixtures("instruction_set")
def test_a_result_larger_than_the_caches_has_the_same_bits():
    images = random_images((1, 3, 40, 50), torch.uint8)
    boxes = torch.tensor([[3.0, 5, 20, 31], [0, 0, 50, 40], [40, 3, 9, 30]])
    batch = torch.zeros(3, dtype=torch.int64)
    size = (970, 1003)  # 3 x 3 x 970 x 1003 floats: 35 MB; rows begin anywhere in a vector
    crops = ops.crop_and_resize(images, boxes, batch, size)
    for k in range(3):
        assert torch.equal(
            crops[k], ops.crop_and_resize(images, boxes[k : k + 1], batch[:1], size)[0]
        )


@given(shape=shapes, seed=st.integers(0, 2**16))
@pytest.mark.parametrize("dtype", dtypes)
def test_the_whole_image_at_its_size_is_the_image(shape, seed, dtype):
    images = random_images(shape, dtype, seed)
    crops = ops.crop_and_resize(images, *whole(images), shape[2:])
    expected = images / 255 if dtype == torch.uint8 else images
    assert torch.equal(crops, expected)


def test_a_box_on_whole_pixels_at_its_size_is_a_slice():
    images = random_images((2, 3, 40, 50), torch.float32)
    boxes = torch.tensor([[3.0, 5, 20, 31], [49, 39, 50, 40]])
    crop = ops.crop_and_resize(images, boxes[:1], torch.tensor([1]), (26, 17))
    assert torch.equal(crop[0], images[1, :, 5:31, 3:20])
    corner = ops.crop_and_resize(images, boxes[1:], torch.tensor([0]), (1, 1))
    assert torch.equal(corner[0], images[0, :, 39:, 49:])


@given(shape=shapes, size=st.tuples(st.integers(1, 20), st.integers(1, 20)))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_whole_image_equals_interpolate(shape, size, dtype):
    images = random_images(shape, dtype)
    crops = ops.crop_and_resize(images, *whole(images), size)
    expected = torch.nn.functional.interpolate(images, size, mode="bilinear", align_corners=False)
    rounding = 1e-12 if dtype == torch.float64 else 1e-5
    torch.testing.assert_close(crops, expected, rtol=rounding, atol=rounding)


def test_twice_a_region_equals_interpolate_inside_and_sees_its_neighbours():
    images = random_images((1, 3, 40, 50), torch.float32)
    twice = torch.nn.functional.interpolate(images, scale_factor=2, mode="bilinear")
    box = torch.tensor([[10.0, 8, 31, 24]])
    crop = ops.crop_and_resize(images, box, torch.tensor([0]), (32, 42))
    torch.testing.assert_close(crop, twice[:, :, 16:48, 20:62], rtol=1e-6, atol=1e-6)


def test_what_lies_outside_repeats_the_border():
    image = torch.arange(12.0).reshape(1, 1, 3, 4)
    boxes = torch.tensor([[-9.0, -9, -2, -2], [4, 3, 9, 9], [-4, 1, 8, 2]])
    crops = ops.crop_and_resize(image, boxes, torch.zeros(3, dtype=torch.int64), (1, 12))
    assert torch.equal(crops[0], torch.zeros(1, 1, 12))
    assert torch.equal(crops[1], torch.full((1, 1, 12), 11.0))
    row = torch.tensor([4.0] * 4 + [4, 5, 6, 7] + [7.0] * 4)
    assert torch.equal(crops[2, 0, 0], row)


def test_an_inverted_box_mirrors_and_an_empty_one_is_constant():
    images = random_images((1, 2, 6, 8), torch.float64)
    boxes = torch.tensor([[0.0, 0, 8, 6], [8, 6, 0, 0], [2.5, 1.5, 2.5, 1.5]])
    crops = ops.crop_and_resize(images, boxes, torch.zeros(3, dtype=torch.int64), (6, 8))
    assert torch.equal(crops[1], crops[0].flip(1, 2))
    assert torch.equal(crops[2], images[0, :, 1:2, 2:3].expand(2, 6, 8))


@pytest.mark.parametrize("twin", [ops.crop_and_resize, reference.crop_and_resize])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("edge", range(4))
def test_a_box_that_is_not_finite_gives_zeros(twin, bad, edge):
    images = torch.ones(1, 1, 6, 8)
    boxes = torch.tensor([[0.0, 0, 8, 6], [0, 0, 8, 6]])
    boxes[0, edge] = bad
    mean = torch.tensor([3.0])
    crops = twin(images, boxes, torch.zeros(2, dtype=torch.int64), (2, 3), mean=mean, std=mean)
    assert not crops[0].any()
    torch.testing.assert_close(crops[1], torch.full((1, 2, 3), -2 / 3))


def test_enormous_boxes_repeat_the_border():
    images = random_images((1, 1, 6, 8), torch.float64)
    huge = 1.7e308
    boxes = torch.tensor([[-huge, -huge, huge, huge], [huge] * 4], dtype=torch.float64)
    batch = torch.zeros(2, dtype=torch.int64)
    crops = ops.crop_and_resize(images, boxes, batch, (2, 2))
    assert torch.equal(crops, reference.crop_and_resize(images, boxes, batch, (2, 2)))
    assert bool((crops[1] == images[0, 0, 5, 7]).all())


def test_mean_and_std_are_subtracted_and_divided_per_channel():
    images = random_images((2, 3, 5, 7), torch.uint8)
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    crops = ops.crop_and_resize(images, *whole(images), (5, 7), mean=mean, std=std)
    expected = (images / 255 - torch.tensor(mean).reshape(3, 1, 1)) / torch.tensor(std).reshape(
        3, 1, 1
    )
    assert torch.equal(crops, expected)
    tensors = {"mean": torch.tensor(mean), "std": torch.tensor(std)}
    assert torch.equal(ops.crop_and_resize(images, *whole(images), (5, 7), **tensors), crops)
    only = ops.crop_and_resize(images, *whole(images), (5, 7), std=std)
    assert torch.equal(only, images / 255 / torch.tensor(std).reshape(3, 1, 1))


def test_strided_images_and_boxes():
    images = random_images((2, 3, 20, 24), torch.float32)
    boxes = random_boxes(6).float()
    batch = torch.tensor([0, 1] * 3)
    layouts = (
        images.to(memory_format=torch.channels_last),
        images[:, :, ::2, 1::3],
        images.transpose(2, 3),
        images.flip(-1),
        images[:1].expand(2, 3, 20, 24),
        images[:, 1:2],
    )
    for strided in layouts:
        expected = ops.crop_and_resize(strided.contiguous(), boxes, batch, (7, 9))
        assert torch.equal(ops.crop_and_resize(strided, boxes, batch, (7, 9)), expected)
        assert expected.is_contiguous()
    expected = ops.crop_and_resize(images, boxes[::2].clone(), batch[::2].clone(), (7, 9))
    assert torch.equal(ops.crop_and_resize(images, boxes[::2], batch[::2], (7, 9)), expected)


@pytest.mark.parametrize("twin", [ops.crop_and_resize, reference.crop_and_resize])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_empty(twin, dtype):
    box = torch.tensor([[0.0, 0, 4, 4]])
    first = torch.zeros(1, dtype=torch.int64)
    images = torch.ones(2, 3, 5, 6, dtype=dtype)
    assert twin(images, box[:0], first[:0], (4, 5)).shape == (0, 3, 4, 5)
    assert twin(images[:0], box[:0], first[:0], (4, 5)).shape == (0, 3, 4, 5)
    assert twin(images[:, :0], box, first, (4, 5)).shape == (1, 0, 4, 5)
    assert twin(images, box, first, (0, 5)).shape == (1, 3, 0, 5)
    assert twin(images, box, first, (4, 0)).shape == (1, 3, 4, 0)
    for nothing in (images[:, :, :0], images[:, :, :, :0]):
        assert torch.equal(twin(nothing, box, first, (4, 5)), torch.zeros(1, 3, 4, 5))


@pytest.mark.parametrize("module", [ops, reference])
@pytest.mark.parametrize("size", [(2, 3, 0, 6), (2, 3, 5, 0), (0, 3, 5, 6), (2, 0, 5, 6)])
def test_gradients_of_nothing_are_zeros(module, size):
    images, boxes = torch.ones(size), torch.full((1 if size[0] else 0, 4), math.nan)
    mean, std = torch.zeros(size[1]), torch.ones(size[1])
    values = [value.requires_grad_() for value in (images, boxes, mean, std)]
    batch = torch.zeros(len(boxes), dtype=torch.int64)
    crops = module.crop_and_resize(images, boxes, batch, (4, 5), mean=mean, std=std)
    for value, gradient in zip(values, torch.autograd.grad(crops.sum(), values), strict=True):
        assert torch.equal(gradient, torch.zeros_like(value))
    crops = module.crop_and_resize(images, boxes, batch, (4, 5))  # by the native kernels
    for value, gradient in zip(values, torch.autograd.grad(crops.sum(), values[:2]), strict=False):
        assert torch.equal(gradient, torch.zeros_like(value))


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_threads_do_not_change_bits(threads):
    images = random_images((2, 3, 40, 50), torch.uint8)
    boxes = random_boxes(7).float()
    batch = torch.tensor([0, 1, 0, 1, 0, 1, 0])
    before = torch.get_num_threads()
    expected = ops.crop_and_resize(images, boxes, batch, (90, 300))
    try:
        torch.set_num_threads(threads)
        result = ops.crop_and_resize(images, boxes, batch, (90, 300))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(result, expected)


def test_gradient_reaches_images_boxes_and_normalization():
    images = random_images((2, 2, 5, 6), torch.float64).requires_grad_()
    # Generic: no sample on a pixel centre, where bilinear interpolation has a kink.
    boxes = torch.tensor([[0.31, 0.47, 5.13, 4.21], [-1.37, 1.19, 7.71, 3.83]]).double()
    boxes.requires_grad_()
    batch = torch.tensor([1, 0])
    mean = torch.tensor([0.1, 0.2], dtype=torch.float64, requires_grad=True)
    std = torch.tensor([0.5, 0.7], dtype=torch.float64, requires_grad=True)

    def crops(images, boxes, mean, std):
        return ops.crop_and_resize(images, boxes, batch, (3, 4), mean=mean, std=std)

    assert torch.autograd.gradcheck(crops, (images, boxes, mean, std))


def test_a_nan_box_has_no_gradient():
    images = torch.ones(1, 1, 4, 4, requires_grad=True)
    boxes = torch.tensor([[0.0, 0, math.nan, 4]], requires_grad=True)
    ops.crop_and_resize(images, boxes, torch.tensor([0]), (2, 2)).sum().backward()
    assert not images.grad.any()
    assert not boxes.grad.any()


@pytest.mark.parametrize("dtype", dtypes)
def test_meta(dtype):
    images = torch.zeros(2, 3, 5, 6, dtype=dtype, device="meta")
    boxes = torch.zeros(4, 4, device="meta")
    batch = torch.zeros(4, dtype=torch.int64, device="meta")
    crops = ops.crop_and_resize(images, boxes, batch, (7, 8), mean=[0.5] * 3)
    assert crops.shape == (4, 3, 7, 8)
    assert crops.dtype == (torch.float32 if dtype == torch.uint8 else dtype)


def test_compiles_in_one_graph():
    images = random_images((2, 3, 5, 6), torch.uint8)
    boxes, batch = random_boxes(3), torch.tensor([0, 1, 1])
    compiled = torch.compile(ops.crop_and_resize, fullgraph=True, backend="eager")
    options = {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.2, 0.3]}
    expected = ops.crop_and_resize(images, boxes, batch, (4, 4), **options)
    assert torch.equal(compiled(images, boxes, batch, (4, 4), **options), expected)


def test_errors_name_the_argument():
    images = torch.zeros(2, 3, 5, 6)
    boxes = torch.zeros(4, 4)
    batch = torch.zeros(4, dtype=torch.int64)
    size = (4, 4)
    with pytest.raises(ValueError, match=r"images has shape \[3, 5, 6\]; it must be \[B, C, H, W"):
        ops.crop_and_resize(images[0], boxes, batch, size)
    with pytest.raises(TypeError, match=r"images is torch\.int32"):
        ops.crop_and_resize(images.int(), boxes, batch, size)
    with pytest.raises(ValueError, match=r"boxes has shape \[4, 2\]; it must be \[K, 4\]"):
        ops.crop_and_resize(images, boxes[:, :2], batch, size)
    with pytest.raises(TypeError, match=r"boxes is torch\.int64"):
        ops.crop_and_resize(images, boxes.long(), batch, size)
    with pytest.raises(ValueError, match=r"boxes is on meta; it must be on cpu, like images"):
        ops.crop_and_resize(images, boxes.to("meta"), batch, size)
    with pytest.raises(ValueError, match=r"batch holds 2; it must be in \[0, 2\)"):
        ops.crop_and_resize(images, boxes, batch + 2, size)
    with pytest.raises(ValueError, match="batch has 3 rows; it must have 4"):
        ops.crop_and_resize(images, boxes, batch[:3], size)
    with pytest.raises(TypeError, match=r"batch is torch\.int32"):
        ops.crop_and_resize(images, boxes, batch.int(), size)
    with pytest.raises(ValueError, match=r"size is \(4, -1\)"):
        ops.crop_and_resize(images, boxes, batch, (4, -1))
    with pytest.raises(ValueError, match="mean has 2 values; it must have 3, one per channel"):
        ops.crop_and_resize(images, boxes, batch, size, mean=[0.0, 1.0])
    with pytest.raises(ValueError, match=r"std has shape \[1, 3\]; it must be \[C\]"):
        ops.crop_and_resize(images, boxes, batch, size, std=torch.ones(1, 3))
    for std in ([1.0, 0.0, 1.0], [1.0, math.nan, 1.0]):
        with pytest.raises(ValueError, match=r"std is .*; it must be positive"):
            ops.crop_and_resize(images, boxes, batch, size, std=std)


def test_boxes_of_no_image_give_zeros_to_direct_callers():
    images = torch.ones(2, 3, 5, 6)
    boxes = torch.tensor([[0.0, 0, 4, 4]], dtype=torch.float64).expand(4, 4)
    batch = torch.tensor([-1, 0, 2, 2**62])
    crops = torch.ops.raz.crop_and_resize(images, boxes, batch, 2, 2, None, None)
    assert torch.equal(crops[1], torch.ones(3, 2, 2))
    assert not crops[[0, 2, 3]].any()
    assert torch.equal(reference.crop_and_resize(images, boxes, batch, (2, 2)), crops)


def test_direct_callers_are_kept_from_bad_memory():
    images = torch.ones(2, 3, 5, 6)
    boxes = torch.zeros(4, 4, dtype=torch.float64)
    batch = torch.zeros(4, dtype=torch.int64)
    for arguments in (
        (images.half(), boxes, batch, 2, 2, None, None),
        (images[0], boxes, batch, 2, 2, None, None),
        (images, boxes.float(), batch, 2, 2, None, None),
        (images, boxes[:, :3], batch, 2, 2, None, None),
        (images, boxes, batch[:3], 2, 2, None, None),
        (images, boxes, batch, -1, 2, None, None),
        (images, boxes, batch, 2, 2, torch.zeros(2), None),
        (images, boxes, batch, 2, 2, None, torch.ones(3).double()),
    ):
        with pytest.raises(RuntimeError, match="raz: "):
            torch.ops.raz.crop_and_resize(*arguments)
