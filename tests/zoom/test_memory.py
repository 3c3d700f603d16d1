from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from raz.errors import ResourceError
from raz.zoom import MAX_BATCH_PIXELS, Budget, memory

CPU = torch.device("cpu")
sides = st.integers(1, 5000)


@given(height=sides, width=sides, depth=st.integers(1, 4))
def test_grows_with_depth_and_size(height, width, depth):
    needed = memory.required_bytes(300, (height, width), budget=Budget(depth))
    assert needed >= 300 * height * width
    assert memory.required_bytes(300, (height, width), budget=Budget(depth + 1)) >= needed
    assert memory.required_bytes(300, (height + 1, width), budget=Budget(depth)) > needed


def test_a_square_picture_by_hand():
    # Depth 2: a region of 2/3 of 300 px, twice enlarged, with 2 x 32 px of context on either side.
    assert (
        memory.required_bytes(1, (300, 300), budget=Budget(max_regions=1))
        == (400 + 128) ** 2 + 3 * 300**2
    )
    assert memory.required_bytes(1, (300, 300), budget=Budget(max_regions=0)) == 300**2 + 3 * 300**2


def test_many_small_crops_fill_a_batch():
    needed = memory.required_bytes(1, (300, 300), budget=Budget(max_regions=10))
    assert needed == 10 * (400 + 128) ** 2 + 3 * 300**2
    assert (
        memory.required_bytes(1, (300, 300), budget=Budget(max_regions=1000))
        == MAX_BATCH_PIXELS + 3 * 300**2
    )


def test_a_budget_of_zooming_bounds_the_largest_crop():
    whole = 300**2 + 3 * 300**2
    assert memory.required_bytes(1, (300, 300), budget=Budget(max_seconds=0)) == whole
    assert memory.required_bytes(1, (300, 300), budget=Budget(max_zoom_pixels=1000)) == whole
    needed = memory.required_bytes(1, (300, 300), budget=Budget(max_zoom_pixels=200_000))
    assert needed == 200_000 + 3 * 300**2


def test_refuses_what_does_not_fit(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda device: 10**9)
    memory.check_memory(300, (1000, 1000), CPU, budget=Budget(depth=1))
    with pytest.raises(ResourceError, match=r"2000 x 2000 pixels at depth 1 need about 1\.2 GB"):
        memory.check_memory(300, (2000, 2000), CPU, budget=Budget(depth=1))


def test_where_nothing_tells_nothing_is_refused(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda device: None)
    memory.check_memory(300, (10**5, 10**5), CPU)


def test_memory_that_torch_keeps_for_reuse_is_available(monkeypatch):
    for name, value in (("memory_reserved", 700), ("memory_allocated", 300)):
        monkeypatch.setattr(torch.cuda, name, lambda device, value=value: value)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1000, 5000))
    assert memory.available_bytes(torch.device("cuda")) == 1400


def test_available_memory_is_plausible():
    available = memory.available_bytes(CPU)
    assert available is None or available > 2**20
