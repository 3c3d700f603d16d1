"""Where a GeoTIFF lies on the map, read by rasterio (the extra ``tiles``).

A TIFF counts as georeferenced if it has an EPSG code and one affine transform. Others, such as
rasters placed by many control points, count as plain images, and the log (level INFO) says why.
Without rasterio every TIFF is a plain image.
"""

from __future__ import annotations

import logging
import math
import os
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from raz.errors import installs
from raz.ground import Ground

from .opening import import_rasterio, quiet_decoders
from .tiff import choose_page, is_tiff, read_pages

__all__ = ["Georeference", "map_ground", "read_georeference"]

log = logging.getLogger(__name__)

Floats = npt.NDArray[np.float64]

_WEB_MERCATOR = 3857
_EQUATOR_RADIUS, _FLATTENING = 6_378_137.0, 1 / 298.257223563  # of WGS84


@dataclass(frozen=True, eq=False)
class Georeference:
    """An affine transform from an image into a reference system.

    Attributes:
        matrix: float64 [2, 3]; maps (x, y, 1) in pixels, where pixel j covers [j, j + 1), to
            easting and northing, or longitude and latitude, in that order.
        epsg: code of the reference system.

    Example:
        >>> half_metre = Georeference(np.array([[0.5, 0, 399000], [0, -0.5, 5757000]]), 32632)
        >>> half_metre.to_map([[10, 4]]).tolist()
        [[399005.0, 5756998.0]]
    """

    matrix: Floats
    epsg: int

    def to_map(self, points: npt.ArrayLike) -> Floats:
        """Map points [N, 2], (x, y) in pixels: float64 [N, 2]."""
        mapped: Floats = np.asarray(points, dtype=np.float64) @ self.matrix[:, :2].T
        return mapped + self.matrix[:, 2]


def read_georeference(path: str | os.PathLike[str]) -> Georeference | None:
    """Read where an image lies from its first page; nothing is decoded.

    Args:
        path: an image file of any format.

    Returns:
        None for a file that is no TIFF or is not georeferenced, and without rasterio.

    Example:
        >>> read_georeference("photo.jpg") is None
        True
    """
    name = os.fspath(path)
    if not is_tiff(name):
        return None
    try:
        return _georeference(name)
    except Exception as error:  # damaged metadata must not cost a good image
        log.info("%s: taken as not georeferenced: %s", name, error)
        return None


def map_ground(place: Georeference) -> Ground | None:
    """Make the ground of a georeferenced image.

    Map grids such as UTM differ from the ground by less than 0.2 % in area. For coordinates in
    degrees the lengths of a degree at the image's corner (0, 0) are taken, on WGS84's ellipsoid.

    Returns:
        None for Web Mercator, whose areas are not those of the ground, for units that are not
        known, and where rasterio, which knows the systems, is not installed.

    Example:
        >>> utm = Georeference(np.array([[0.5, 0, 399000], [0, -0.5, 5757000]]), 32632)
        >>> ground = map_ground(utm)
        >>> ground.area([(0, 0), (8, 0), (8, 4), (0, 4)]), ground.source
        (8.0, 'the georeference, EPSG:32632')
    """
    rasterio = import_rasterio()
    if rasterio is None or place.epsg == _WEB_MERCATOR:
        return None
    try:
        system = rasterio.crs.CRS.from_epsg(place.epsg)
        if system.is_geographic:
            lengths = _lengths_of_a_degree(float(place.matrix[1, 2]))
        else:
            lengths = (float(system.linear_units_factor[1]),) * 2
    except rasterio.errors.CRSError:
        return None
    # From the image's corner: coordinates of millions of metres would lose digits.
    linear = np.diag(lengths) @ place.matrix[:, :2]
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    return Ground(matrix, f"the georeference, EPSG:{place.epsg}")


def _lengths_of_a_degree(latitude: float) -> tuple[float, float]:
    """Metres of a degree of longitude and of latitude on the ellipsoid."""
    phi = math.radians(latitude)
    eccentricity = _FLATTENING * (2 - _FLATTENING)
    root = math.sqrt(1 - eccentricity * math.sin(phi) ** 2)
    east = _EQUATOR_RADIUS / root * math.cos(phi)
    north = _EQUATOR_RADIUS * (1 - eccentricity) / root**3
    return math.radians(east), math.radians(north)


def _georeference(name: str) -> Georeference | None:
    """Raises ValueError for what is not known here."""
    with open(name, "rb") as tiff:
        pages = read_pages(tiff)
    if not pages or not pages[0].located:
        return None
    if not choose_page(pages)[0].first:
        raise ValueError("the image is not its first directory")
    if (pages[0].orientation or 1) != 1:
        raise ValueError("it is turned by its orientation tag")
    with quiet_decoders():
        rasterio = import_rasterio()
        if rasterio is None:
            raise ValueError(f"reading where it lies needs rasterio ({installs('tiles')})")
        with (
            # The horizontal system alone: its code names it even where heights have one, too.
            rasterio.Env(GTIFF_REPORT_COMPD_CS="NO"),
            rasterio.open(os.path.abspath(name), driver="GTiff") as file,
        ):
            epsg = None if file.crs is None else file.crs.to_epsg(confidence_threshold=100)
            transform = file.transform
    if transform.is_identity:  # also what rasterio gives where there is none
        raise ValueError("it is not placed by one affine transform")
    matrix = np.array(transform[:6], dtype=np.float64).reshape(2, 3)
    if not np.isfinite(matrix).all() or np.linalg.det(matrix[:, :2]) == 0:
        raise ValueError("its transform is not invertible")
    if epsg is None:
        raise ValueError("no EPSG code names its reference system")
    return Georeference(matrix, epsg)
