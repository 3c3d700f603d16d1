"""Speed of enlarging regions, against OpenCV and torch crop by crop.

Every contender allocates its result, 126 MB, in every call. It lies in fresh pages, as usual, or,
where the note says "pages kept", in memory that the allocator has kept from the call before.
"""

from __future__ import annotations

import ctypes

import cv2
import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from raz import ops

REGIONS, SIDE, CROP = 10, 512, 1024
HEIGHT, WIDTH = 1080, 1920
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of glibc's mallopt


@pytest.fixture(params=["fresh pages", "pages kept"])
def memory(request):
    if request.param == "fresh pages":
        yield request.param
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        pytest.skip("glibc alone has mallopt")
    mallopt(M_MMAP_MAX, 0)
    mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
    yield request.param
    mallopt(M_MMAP_MAX, 65536)
    mallopt(M_TRIM_THRESHOLD, 1 << 17)


def photograph(dtype, layout):
    """Return noise, [1, 3, HEIGHT, WIDTH]; channels-last is a decoder's [H, W, 3], permuted."""
    pixels = torch.from_numpy(
        np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    )
    if dtype == torch.float32:
        pixels = pixels.float() / 255
    image = pixels.permute(2, 0, 1)[None]
    return image.contiguous() if layout == "planar" else image


def corners():
    generator = np.random.default_rng(1)
    x = generator.integers(0, WIDTH - SIDE, REGIONS).tolist()
    y = generator.integers(0, HEIGHT - SIDE, REGIONS).tolist()
    return list(zip(x, y, strict=True))


def by_raz(image):
    boxes = torch.tensor([[x, y, x + SIDE, y + SIDE] for x, y in corners()]).float()
    batch = torch.zeros(REGIONS, dtype=torch.int64)
    return ops.crop_and_resize(image, boxes, batch, (CROP, CROP), mean=MEAN, std=STD)


def slices(image):
    """Yield each region as float32 planes, [3, SIDE, SIDE] in [0, 1]."""
    for x, y in corners():
        part = image[0, :, y : y + SIDE, x : x + SIDE]
        yield part.float().div_(255) if image.dtype == torch.uint8 else part


def by_opencv(image):
    """Resize planes into the result, and normalise them there in place."""
    result = torch.empty(REGIONS, 3, CROP, CROP)
    for crop, part in zip(result.numpy(), slices(image), strict=True):
        for plane, source, mean, std in zip(crop, part.numpy(), MEAN, STD, strict=True):
            cv2.resize(np.ascontiguousarray(source), (CROP, CROP), dst=plane)
            cv2.subtract(plane, mean, dst=plane)
            cv2.multiply(plane, 1 / std, dst=plane)
    return result


def by_opencv_normalised_first(image):
    """Normalise before resizing, as raz does: that is a quarter of the pixels."""
    result = torch.empty(REGIONS, 3, CROP, CROP)
    for crop, part in zip(result.numpy(), slices(image), strict=True):
        for plane, source, mean, std in zip(crop, part.numpy(), MEAN, STD, strict=True):
            source = cv2.multiply(cv2.subtract(source, mean), 1 / std)
            cv2.resize(source, (CROP, CROP), dst=plane)
    return result


def by_opencv_in_bytes(image):
    """Resize as uint8, which rounds every value to 1/255."""
    result = torch.empty(REGIONS, 3, CROP, CROP)
    pixels = np.ascontiguousarray(image[0].permute(1, 2, 0).numpy())
    for crop, (x, y) in zip(result.numpy(), corners(), strict=True):
        resized = cv2.resize(pixels[y : y + SIDE, x : x + SIDE], (CROP, CROP))
        for plane, source, mean, std in zip(crop, cv2.split(resized), MEAN, STD, strict=True):
            np.multiply(source, np.float32(1 / (255 * std)), out=plane)
            cv2.subtract(plane, mean / std, dst=plane)
    return result


def by_torch(image):
    result = torch.empty(REGIONS, 3, CROP, CROP)
    mean, std = torch.tensor(MEAN)[:, None, None], torch.tensor(STD)[:, None, None]
    for crop, part in zip(result, slices(image), strict=True):
        resized = interpolate(part[None], (CROP, CROP), mode="bilinear")[0]
        torch.div(resized.sub_(mean), std, out=crop)
    return result


CONTENDERS = {
    "raz": (by_raz, None),
    "opencv": (by_opencv, 2),
    "opencv normalised first": (by_opencv_normalised_first, None),
    "opencv rounding to bytes": (by_opencv_in_bytes, None),
    "torch": (by_torch, 8),
}


@pytest.mark.parametrize("contender", CONTENDERS)
@pytest.mark.parametrize("layout", ["planar", "channels-last"])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32], ids=["uint8", "float32"])
def test_crop_and_resize(compare, contender, layout, dtype, memory):
    call, target = CONTENDERS[contender]
    if contender == "opencv rounding to bytes" and dtype != torch.uint8:
        pytest.skip("rounds to bytes")
    image = photograph(dtype, layout)
    with torch.inference_mode():
        result = compare(
            call,
            image,
            op="crop_and_resize",
            size=f"{REGIONS}x{SIDE}->{CROP}",
            bytes=REGIONS * 3 * (SIDE**2 * image.element_size() + CROP**2 * 4),
            target=target,
            note=f"{str(dtype).removeprefix('torch.')} {layout}, {memory}",
            rounds=7,
        )
        expected = by_raz(image)
    # OpenCV and torch see nothing outside a region, raz its neighbours.
    inside = (..., slice(2, -2), slice(2, -2))
    rounding = 0.02 if contender == "opencv rounding to bytes" else 1e-4
    torch.testing.assert_close(result[inside], expected[inside], rtol=0, atol=rounding)
