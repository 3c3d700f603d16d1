"""NumPy's own files: all arrays of a Result, or its density map alone."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from raz.files import atomic_file
from raz.io.formats.format import Format

if TYPE_CHECKING:
    from raz.result import Result

__all__ = ["ARRAYS", "DENSITY"]


def _write_arrays(result: Result, path: Path) -> None:
    archive = BytesIO()  # an archive that breaks off would be ended again, and fail again
    np.savez(
        archive,
        points=result.points.detach().cpu().numpy(),
        scores=result.scores.detach().cpu().numpy(),
        density=result.density.detach().cpu().numpy(),
        count=np.float64(result.count),
        count_density=np.float64(result.count_density),
        image_size=np.array(result.image_size, dtype=np.int64),
    )
    with atomic_file(path, "wb") as file:
        file.write(archive.getbuffer())


def _write_density(result: Result, path: Path) -> None:
    array = BytesIO()  # NumPy would hide why a file cannot be written
    np.save(array, result.density.detach().cpu().numpy(), allow_pickle=False)
    with atomic_file(path, "wb") as file:
        file.write(array.getbuffer())


ARRAYS = Format(name="npz", suffixes=(".npz",), write=_write_arrays)
"""points float32 [N, 2], scores float32 [N], density float32 [ceil(H / stride), ceil(W / stride)],
count and count_density float64 [], image_size int64 [2] (width, height)."""

DENSITY = Format(name="density", suffixes=(".density.npy",), write=_write_density)
"""float32 [ceil(H / stride), ceil(W / stride)], persons per cell; stride is that of the Result."""
