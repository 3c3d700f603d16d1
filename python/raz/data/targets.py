"""Crowding of the heads of a sample. The maps that nets learn are operators on its points."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["congestion"]


def congestion(points: Any, neighbours: int = 3) -> npt.NDArray[np.float64]:
    """Compute the mean distance of each head to its nearest: `raz.ops.congestion` for arrays.

    Args:
        points: ``[N, 2]``, (x, y) in pixels; an array or a CPU tensor.
        neighbours: number of nearest heads to average over, in [1, 32].

    Returns:
        float64 ``[N]``, pixels; infinity where there are not ``neighbours`` other heads.

    Raises:
        ValueError: ``points`` is not [N, 2], or ``neighbours`` is out of its range.

    Example:
        >>> from raz.data import congestion
        >>> congestion([(0, 0), (3, 0), (0, 4)], neighbours=1).tolist()
        [3.0, 3.0, 4.0]
    """
    import torch  # only here: readers of data sets import this module

    from raz import ops
    from raz.metrics.arguments import as_floats

    # A copy, because arrays of samples may be read-only.
    xy = torch.tensor(as_floats("points", points))
    found: npt.NDArray[np.float64] = ops.congestion(xy, neighbours=neighbours).numpy()
    return found
