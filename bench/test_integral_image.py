"""Speed of integral images. Tables are written to memory used before, or freshly mapped."""

from __future__ import annotations

import ctypes

import cv2
import numpy as np
import pytest
import torch

from raz import ops

SIZES = {
    "640x480": (1, 480, 640),
    "1920x1080": (1, 1080, 1920),
    "3840x2160": (1, 2160, 3840),
    "8x640x480": (8, 480, 640),
    "8x1920x1080": (8, 1080, 1920),
}
DEPTHS = {torch.float32: cv2.CV_32F, torch.float64: cv2.CV_64F, torch.int64: cv2.CV_64F}
MOST_INT = 2**31 - 1
MEGABYTE = 1 << 20


@pytest.fixture(params=["memory reused", "fresh memory"])
def memory(request):
    """Take large results from memory that the process holds, or from newly mapped pages.

    The C library's allocator serves torch and NumPy, and so OpenCV. It is told never to give memory
    back to the system, or to map every block of 1 MB and more anew. Blocks that were freed before
    would serve first, so those are held.
    """
    library = ctypes.CDLL(None)
    mallopt = getattr(library, "mallopt", None)
    if mallopt is None:
        pytest.skip("the allocator has no mallopt")
    trim_threshold, mmap_threshold, mmap_max = -1, -3, -4
    reused = request.param == "memory reused"
    mallopt(mmap_threshold, MEGABYTE)
    mallopt(mmap_max, 0 if reused else 65536)
    mallopt(trim_threshold, MOST_INT if reused else 1 << 17)
    held = [] if reused else hold_freed(library)
    yield request.param
    for block in held:
        library.free(ctypes.c_void_p(block))
    mallopt(mmap_max, 65536)


def hold_freed(library: ctypes.CDLL) -> list[int]:
    """Take blocks of 1 MB until the allocator has to map one; return their addresses."""
    library.malloc.restype = ctypes.c_void_p
    held = [library.malloc(ctypes.c_size_t(MEGABYTE))]
    while not is_mapped(held[-1]):
        held.append(library.malloc(ctypes.c_size_t(MEGABYTE)))
    return held


def is_mapped(block: int) -> bool:
    """Read from the header of a block whether it has a mapping of its own (glibc)."""
    return bool(ctypes.c_size_t.from_address(block - ctypes.sizeof(ctypes.c_size_t)).value & 2)


def sparse_peaks(*size: int) -> torch.Tensor:
    """Return a map as a branch gives it: peaks some pixels wide, almost nothing between."""
    generator = torch.Generator().manual_seed(0)
    peaks = (torch.rand(size, generator=generator) < 0.002).float()
    blurred = torch.nn.functional.avg_pool2d(peaks, 5, stride=1, padding=2)
    return blurred + 1e-4 * torch.rand(size, generator=generator)


def raz(x, dtype):
    return ops.integral_image(x, dtype=dtype)


def opencv(x, dtype):
    return [cv2.integral(image, sdepth=DEPTHS[dtype]) for image in x.numpy()]


def torch_cumsum(x, dtype):
    """Sum without the row and the column of zeros, and in place where that is faster."""
    table = torch.cumsum(x, -1, dtype=dtype)
    return torch.cumsum(table, -2, out=table)


CONTENDERS = {"raz": raz, "cv2.integral": opencv, "torch cumsum cumsum": torch_cumsum}
TARGETS = {
    (torch.float64, "cv2.integral"): 3,
    (torch.float32, "cv2.integral"): 1.3,
    (torch.float64, "torch cumsum cumsum"): 15,
    (torch.float32, "torch cumsum cumsum"): 15,
}


def run(compare, x, dtype, contender, **names):
    entries = len(x) * (x.shape[1] + 1) * (x.shape[2] + 1)
    with torch.inference_mode():
        table = compare(
            CONTENDERS[contender],
            x,
            dtype,
            op="integral_image",
            bytes=x.nbytes + entries * dtype.itemsize,
            **names,
        )
    np.testing.assert_allclose(float(table[-1][-1, -1]), float(x[-1].double().sum()), rtol=1e-5)


@pytest.mark.parametrize("contender", CONTENDERS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("size", SIZES)
def test_integral_image(compare, size, dtype, memory, contender):
    table = str(dtype).removeprefix("torch.")
    run(
        compare,
        sparse_peaks(*SIZES[size]),
        dtype,
        contender,
        size=size,
        note=f"{table} table, {memory}",
        target=TARGETS.get((dtype, contender)) if size == "1920x1080" else None,
    )


@pytest.mark.parametrize("contender", CONTENDERS)
@pytest.mark.parametrize("threads", [1], indirect=True)
def test_bytes(compare, contender):
    x = (sparse_peaks(1, 1080, 1920) * 255).byte()
    run(compare, x, torch.int64, contender, size="1920x1080", note="uint8 pixels, exact table")


@pytest.mark.parametrize("contender", CONTENDERS)
@pytest.mark.parametrize("threads", [1], indirect=True)
def test_small(compare, contender):
    run(compare, sparse_peaks(1, 32, 32), torch.float64, contender, size="32x32")
