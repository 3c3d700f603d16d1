"""What every operator with CUDA kernels owes to streams, devices and graphs.

That it gives the CPU's results is held elsewhere; here it is held to itself, alone on the device.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from raz import _native, ops

from . import test_transforms
from .test_transforms import CALLS, TABLE, assert_same, tensors

WAITS = ("point_nms",)  # for the device, since its result has a size that depends on data
CAPTURED = [op for op in TABLE if TABLE[op]["CUDA graph"] != "-"]

Tensors = tuple[torch.Tensor, ...]
Placed = Callable[[str, str], tuple[Callable[..., Any], Tensors]]

pytestmark = pytest.mark.cuda
every_operator = pytest.mark.parametrize("op", TABLE)


@pytest.fixture
def placed(monkeypatch: pytest.MonkeyPatch) -> Placed:
    """Return what puts an operator's call and its tensors on a device, if it has kernels there."""
    heads, image_of = dict(test_transforms.HEADS), test_transforms.IMAGE_OF

    def place(op: str, device: str) -> tuple[Callable[..., Any], Tensors]:
        if not _native._look_up(op, "cuda"):
            pytest.skip(f"{op} has no CUDA kernel in this build")
        monkeypatch.setitem(test_transforms.HEADS, "batch", heads["batch"].to(device))
        monkeypatch.setattr(test_transforms, "IMAGE_OF", image_of.to(device))
        call, inputs = CALLS[op]
        return call, tuple(value.to(device) for value in inputs)

    return place


def changed(inputs: Tensors, step: int) -> Tensors:
    """Return other inputs of the same sizes."""
    return tuple(value.flip(0) * (1 - 0.1 * step) for value in inputs)


def copies(result: Any) -> list[torch.Tensor]:
    return [value.clone() for value in tensors(result)]


def capture(call: Callable[..., Any], inputs: Tensors) -> tuple[torch.cuda.CUDAGraph, Any]:
    """Capture a call after warming up, as torch asks for: on a stream of its own."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(2):
            call(*inputs)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = call(*inputs)
    return graph, result


@every_operator
def test_runs_are_equal_to_the_bit(op: str, placed: Placed) -> None:
    call, inputs = placed(op, "cuda")
    expected = call(*inputs)
    for _ in range(5):
        assert_same(call(*inputs), expected)


@pytest.mark.filterwarnings("ignore:Synchronization debug mode")  # torch's, of a prototype
@every_operator
def test_the_device_is_not_waited_for(op: str, placed: Placed) -> None:
    call, inputs = placed(op, "cuda")
    call(*inputs)
    torch.cuda.set_sync_debug_mode("error")
    try:
        if op in WAITS:
            with pytest.raises(RuntimeError, match=r"synchronizing|aoti_torch_item"):
                call(*inputs)
        else:
            call(*inputs)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@every_operator
def test_the_current_stream_is_used(op: str, placed: Placed) -> None:
    """On a stream that is kept busy, a call must see what the stream writes to its inputs first."""
    call, inputs = placed(op, "cuda")
    after = changed(inputs, 1)
    expected = copies(call(*after))
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        torch.cuda._sleep(50_000_000)  # cycles
        for value, new in zip(inputs, after, strict=True):
            value.copy_(new)
        result = call(*inputs)
    stream.synchronize()
    assert_same(tensors(result), expected)


@every_operator
def test_streams_run_side_by_side(op: str, placed: Placed) -> None:
    call, inputs = placed(op, "cuda")
    many = [changed(inputs, step) for step in range(4)]
    expected = [copies(call(*each)) for each in many]
    streams = [torch.cuda.Stream() for _ in many]
    torch.cuda.synchronize()
    found: list[list[Any]] = [[] for _ in many]
    for _ in range(10):
        for stream, each, results in zip(streams, many, found, strict=True):
            with torch.cuda.stream(stream):
                results.append(call(*each))
    torch.cuda.synchronize()
    for results, wanted in zip(found, expected, strict=True):
        for result in results:
            assert_same(tensors(result), wanted)


@pytest.mark.cuda(devices=2)
@every_operator
def test_the_tensors_device_is_used_whichever_is_current(op: str, placed: Placed) -> None:
    call, inputs = placed(op, "cuda:0")
    expected = [value.cpu() for value in tensors(call(*inputs))]
    call, inputs = placed(op, "cuda:1")
    with torch.cuda.device(0):
        result = tensors(call(*inputs))
        assert torch.cuda.current_device() == 0
    assert all(value.device == torch.device("cuda:1") for value in result)
    assert_same([value.cpu() for value in result], expected)


def test_a_side_whose_last_tile_would_end_beyond_32_bits_is_refused() -> None:
    if not _native._look_up("density_map", "cuda"):
        pytest.skip("density_map has no CUDA kernel in this build")
    side = 2**31 - 255
    message = f"raz: sides must be at most {side - 1}, got {side}"
    with pytest.raises(RuntimeError, match=message):
        ops.density_map(torch.zeros(1, 2, device="cuda"), (1, side), sigma=1.0, stride=1)
    grad = torch.zeros(1, 1, 1, 1, device="cuda")
    boxes = torch.zeros(1, 4, dtype=torch.float64, device="cuda")
    batch = torch.zeros(1, dtype=torch.int64, device="cuda")
    with pytest.raises(RuntimeError, match=message):
        torch.ops.raz.crop_and_resize_backward_images(grad, boxes, batch, 1, 1, side, None)


@pytest.mark.parametrize("op", CAPTURED)
def test_graph_replays_on_new_inputs(op: str, placed: Placed) -> None:
    call, inputs = placed(op, "cuda")
    graph, result = capture(call, inputs)
    for step in (1, 2):
        new = changed(inputs, step)
        for value, other in zip(inputs, new, strict=True):
            value.copy_(other)
        graph.replay()
        assert_same(tensors(result), tensors(call(*new)))


@pytest.mark.parametrize("op", CAPTURED)
def test_graph_keeps_its_memory(op: str, placed: Placed) -> None:
    """A replay neither uses memory that others have by now, nor needs what others wrote to its."""
    call, inputs = placed(op, "cuda")
    expected = copies(call(*inputs))
    graph, result = capture(call, inputs)
    others = [torch.full((1 << k,), torch.nan, device="cuda") for k in range(5, 22)]
    for _ in range(3):
        graph.replay()
        call(*changed(inputs, 1))  # takes and leaves memory between replays
        assert_same(tensors(result), expected)
    assert all(bool(other.isnan().all()) for other in others)
