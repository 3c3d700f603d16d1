"""Operators whose output has a size of their own, in graphs that leave that size open."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from raz import ops

CALLS: dict[str, Callable[[Tensor, tuple[int, int]], Tensor]] = {
    "attention_map": lambda points, size: ops.attention_map(points, size),
    "crop_and_resize": lambda points, size: ops.crop_and_resize(
        torch.ones(1, 1, 4, 4), points.repeat(1, 2), points.new_zeros(2, dtype=torch.int64), size
    ),
    "density_map": lambda points, size: ops.density_map(points, size),
    "point_map": lambda points, size: ops.point_map(points, size),
}


class _OfTheSize(torch.nn.Module):
    """Calls an operator for the size of an image."""

    def __init__(self, op: str) -> None:
        super().__init__()
        self.call = CALLS[op]

    def forward(self, image: Tensor, points: Tensor) -> Tensor:
        return self.call(points, (image.shape[0], image.shape[1]))


@pytest.mark.parametrize("op", CALLS)
def test_an_exported_program_serves_other_sizes(op: str) -> None:
    points = torch.tensor([[1.0, 2.0], [9.5, 3.0]])
    height, width = (torch.export.Dim(name, min=9, max=99) for name in ("height", "width"))
    program = torch.export.export(
        _OfTheSize(op),
        (torch.zeros(20, 30), points),
        dynamic_shapes={"image": {0: height, 1: width}, "points": None},
    )
    for size in ((20, 30), (33, 50)):
        found = program.module()(torch.zeros(size), points)
        assert torch.equal(found, CALLS[op](points, size))


@pytest.mark.parametrize("op", CALLS)
def test_compiled_once_for_all_sizes(op: str) -> None:
    graphs = 0

    def backend(graph: torch.fx.GraphModule, inputs: list[Tensor]) -> Callable[..., object]:
        nonlocal graphs
        graphs += 1
        return graph.forward

    torch._dynamo.reset()
    compiled = torch.compile(_OfTheSize(op), fullgraph=True, dynamic=True, backend=backend)
    points = torch.tensor([[1.0, 2.0], [9.5, 3.0]])
    for size in ((20, 30), (33, 50), (17, 70)):
        assert torch.equal(compiled(torch.zeros(size), points), CALLS[op](points, size))
    assert graphs == 1
