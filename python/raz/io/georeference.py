"""Where a GeoTIFF lies on the map: OGC GeoTIFF 1.1 (19-008r4), read from its tags.

Known are rasters placed by one affine map (a transformation, or a pixel scale and a tie point) in a
reference system that an EPSG code names. Others, such as rasters placed by many control points, are
taken as not georeferenced, and the log (level INFO) says why.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL.TiffImagePlugin import ImageFileDirectory_v2

__all__ = ["Georeference", "read_georeference"]

log = logging.getLogger(__name__)

Floats = npt.NDArray[np.float64]

_ORIENTATION = 274
_PIXEL_SCALE, _TIE_POINTS, _TRANSFORMATION, _KEYS = 33550, 33922, 34264, 34735  # section 7.3

_RASTER_TYPE, _GEODETIC_SYSTEM, _PROJECTED_SYSTEM = 1025, 2048, 3072  # section 7.5
_PIXEL_IS_POINT = 2
_EPSG_CODES = range(1024, 32767)  # 0 is undefined, 32767 defined by the file itself

_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0")
_BIG = b"II+\0"  # BigTIFF; Pillow does not read one with the other order of bytes


@dataclass(frozen=True, eq=False)
class Georeference:
    """An affine map from an image into a reference system.

    Attributes:
        matrix: float64 [2, 3]; (x, y, 1) in pixels, where pixel j covers [j, j + 1), to easting
            and northing, or longitude and latitude, in that order.
        epsg: code of the reference system.
    """

    matrix: Floats
    epsg: int

    def to_map(self, points: npt.ArrayLike) -> Floats:
        """Map points [N, 2], (x, y) in pixels: float64 [N, 2]."""
        mapped: Floats = np.asarray(points, dtype=np.float64) @ self.matrix[:, :2].T
        return mapped + self.matrix[:, 2]


def read_georeference(path: str | os.PathLike[str]) -> Georeference | None:
    """Read where an image lies from the tags of its first page; nothing is decoded.

    Returns:
        None for a file that is no TIFF, is not georeferenced, or only in a way that is not known
        here.
    """
    name = os.fspath(path)
    try:
        tags = _read_tags(name)
        return _georeference(tags) if tags is not None and _KEYS in tags else None
    except Exception as error:  # damaged metadata must not cost a good image
        log.info("%s: taken as not georeferenced: %s", name, error)
        return None


def _read_tags(name: str) -> ImageFileDirectory_v2 | None:
    with open(name, "rb") as file:
        header = file.read(8)
        if header[:4] not in _SIGNATURES:
            return None
        if header[:4] == _BIG:
            header += file.read(8)
        tags = ImageFileDirectory_v2(header)
        file.seek(tags.next)
        tags.load(file)
        return tags


def _georeference(tags: Mapping[int, Any]) -> Georeference:
    """Raises ValueError for what is not known here."""
    if tags.get(_ORIENTATION, 1) != 1:
        raise ValueError("it is turned by its orientation tag")
    keys = _inline_keys(tags[_KEYS])
    epsg = keys.get(_PROJECTED_SYSTEM, keys.get(_GEODETIC_SYSTEM, 0))
    if epsg not in _EPSG_CODES:
        raise ValueError("no EPSG code names its reference system")
    matrix = _matrix(tags)
    if keys.get(_RASTER_TYPE) == _PIXEL_IS_POINT:  # its origin is the middle of the first pixel
        matrix[:, 2] -= matrix[:, :2] @ (0.5, 0.5)
    if not np.isfinite(matrix).all() or np.linalg.det(matrix[:, :2]) == 0:
        raise ValueError("its transformation is not invertible")
    return Georeference(matrix, epsg)


def _inline_keys(directory: tuple[int, ...]) -> dict[int, int]:
    """The keys that are one short integer: four numbers each after four of the header."""
    rows = [directory[start : start + 4] for start in range(4, 4 + 4 * directory[3], 4)]
    return {key: value for key, location, count, value in rows if location == 0 and count == 1}


def _matrix(tags: Mapping[int, Any]) -> Floats:
    if _TRANSFORMATION in tags:
        whole = np.array(tags[_TRANSFORMATION], dtype=np.float64).reshape(4, 4)
        return whole[np.ix_((0, 1), (0, 1, 3))]
    if _PIXEL_SCALE not in tags or len(tags.get(_TIE_POINTS, ())) != 6:
        raise ValueError("it is not placed by one affine map")
    column, row, _, x, y, _ = tags[_TIE_POINTS]
    across, down, *_ = tags[_PIXEL_SCALE]
    return np.array([[across, 0, x - column * across], [0, -down, y + row * down]])
