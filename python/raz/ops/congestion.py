"""Congestion: how crowded every head is, in pixels."""

from __future__ import annotations

import torch
from torch import Tensor

from raz import _native, _registration, reference
from raz.ops import _check

MOST_NEIGHBOURS = 32


def congestion(
    points: Tensor,
    *,
    neighbours: int = 3,
    batch: Tensor | None = None,
    batch_size: int | None = None,
) -> Tensor:
    """Compute the mean distance of each head to its nearest neighbours (ours).

    The native code takes O(N log N) time on the CPU, however the heads are spread, and on CUDA
    O(n^2) for the n heads of an image (best where they stand together), with the same result.
    Elsewhere the reference runs on the tensor's device: O(N^2) time in chunks of bounded memory.

    Args:
        points: heads ``[N, 2]``, (x, y) in pixels; float32, float64, float16 or bfloat16. A head
            with a NaN or infinite coordinate is no neighbour, and its own congestion is infinite.
        neighbours: how many nearest heads to average over, in [1, 32].
        batch: image of every head, int64 ``[N]`` in ``[0, batch_size)``. Heads are neighbours
            within their image.
        batch_size: number of images B; goes with ``batch``.

    Returns:
        float64 ``[N]``, pixels; infinity where there are fewer than ``neighbours`` other heads. It
        has no gradient.

    Raises:
        TypeError: ``points`` or ``batch`` is not a tensor of these dtypes.
        ValueError: a shape, ``neighbours`` or ``batch`` out of its range.

    Example:
        >>> import torch
        >>> congestion(torch.tensor([[0.0, 0.0], [3.0, 4.0], [9.0, 12.0]]), neighbours=1)
        tensor([ 5.,  5., 10.], dtype=torch.float64)
    """
    _check.shape("points", points, "[N, 2]")
    _check.dtype("points", points, _check.FLOATS)
    neighbours = _check.whole("neighbours", neighbours)
    if not 1 <= neighbours <= MOST_NEIGHBOURS:
        raise ValueError(f"neighbours is {neighbours}; it must be in [1, {MOST_NEIGHBOURS}]")
    images = _check.optional_batch(batch, batch_size, points, most=_check.MOST_INTEGER)

    points = _native.constant(points)
    if not _native.serves("congestion", points, batch):
        return reference.congestion(
            points, neighbours=neighbours, batch=batch, batch_size=None if batch is None else images
        )
    result: Tensor = torch.ops.raz.congestion.default(points.double(), neighbours, batch)
    return result


@_registration.register_fake("congestion")
def _(points: Tensor, neighbours: int, batch: Tensor | None) -> Tensor:
    return points.new_empty((points.shape[0],))
