"""Named zones of an image: polygons and masks by name, and GeoJSON files of polygons in pixels.

A file is a FeatureCollection, or one Feature, of Polygons and MultiPolygons (RFC 7946) whose
coordinates are pixels of the upright image, y downwards, and whose property "name" is the zone's
name. A member "image_size", [width, height], says which images the zones belong to; without it
they are laid over images of any size. What lies outside the image adds nothing.

A zone of several rings becomes one polygon whose path goes from ring to ring and back. By the
even-odd rule of :mod:`raz.areas` the ways between them enclose nothing, and holes are holes.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from raz.areas import points_inside, shares_inside
from raz.errors import InputError

from .text import (
    checked_list,
    checked_object,
    clipped,
    image_size,
    number_rows,
    parse_json,
    read_text,
)

if TYPE_CHECKING:
    from raz.areas import Area

__all__ = ["ZoneCount", "Zones", "as_zones", "read_zones"]

log = logging.getLogger(__name__)

Floats = npt.NDArray[np.float64]

_CORNERS = 10_000
"""Corners that a zone may have: where edges cross, memory and time grow with their square."""

_OVERLAP = 1e-6
"""Share of a zone's area that may be lost to rings that cross, before a warning says so."""


@dataclass(frozen=True)
class ZoneCount:
    """How many persons are in one zone of one image.

    Attributes:
        points: located heads inside it.
        density: persons inside it by the density map; slightly negative where that is.
        low: lower end of the interval around ``density``; None where the weights tell none.
        high: its upper end.

    Example:
        >>> ZoneCount(points=3, density=3.25, low=1.0, high=6.5).points
        3
    """

    points: int
    density: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Zones(Mapping[str, Any]):
    """Areas by name, in the order in which they were given.

    Attributes:
        areas: polygons [M, 2] and masks, as :meth:`raz.Result.count_in` takes them.
        image_size: (width, height) of the images that they belong to; None for any.

    Raises:
        ValueError: a name is empty, or an area is none.

    Example:
        >>> zones = Zones({"door": [(0, 0), (8, 0), (8, 8)]}, image_size=(16, 8))
        >>> list(zones), zones.notes((16, 8)), zones.notes((16, 8), offset=(-50, 0))
        (['door'], (), ("zone 'door' lies outside of the image (16 x 8 pixels)",))
    """

    areas: Mapping[str, Area] = field(default_factory=dict)
    image_size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        for name, area in self.areas.items():
            if not isinstance(name, str) or not name.strip():
                raise ValueError(f"a zone has the name {name!r}; it must be a text")
            if _is_mask(area):
                if np.ndim(area) != 2:
                    raise ValueError(f"zone {name!r} has shape {np.shape(area)}; it must be [H, W]")
            else:
                try:
                    points_inside(area, np.zeros((0, 2)), (1, 1))
                except ValueError as error:
                    raise ValueError(f"zone {name!r}: {error}") from None

    def __getitem__(self, name: str) -> Area:
        return self.areas[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.areas)

    def __len__(self) -> int:
        return len(self.areas)

    def check(self, size: tuple[int, int]) -> None:
        """Check that the zones belong to images of a size.

        Args:
            size: (width, height) of the image.

        Raises:
            InputError: they belong to another size.

        Example:
            >>> Zones(image_size=(16, 8)).check((32, 16))
            Traceback (most recent call last):
            raz.errors.InputError: has 32 x 16 pixels; the zones are of images of 16 x 8 pixels
        """
        wrong = None if self.image_size == size else self.image_size
        for mask in filter(_is_mask, self.areas.values()):
            height, width = np.shape(mask)
            if (width, height) != size:
                wrong = (width, height)
        if wrong is not None:
            raise InputError(
                f"has {size[0]} x {size[1]} pixels; the zones are of images of "
                f"{wrong[0]} x {wrong[1]} pixels"
            )

    def notes(
        self, size: tuple[int, int], *, offset: tuple[float, float] = (0, 0)
    ) -> tuple[str, ...]:
        """Say which zones lie wholly outside of an image.

        Args:
            size: (width, height) of the image.
            offset: (x, y) that is added to polygons first.

        Returns:
            a line for each such zone.
        """
        return tuple(
            f"zone {name!r} lies outside of the image ({size[0]} x {size[1]} pixels)"
            for name, area in self.areas.items()
            if not _is_mask(area)
            and not shares_inside(np.asarray(area) + offset, size, max(1, *size)).any()
        )


def as_zones(zones: Any) -> Zones:
    """Return zones, from a file of :func:`read_zones` or a mapping of names to areas.

    Raises:
        InputError: the file cannot be read.
        TypeError, ValueError: they are something else.

    Example:
        >>> len(as_zones({"door": [(0, 0), (8, 0), (8, 8)]})), len(as_zones(None))
        (1, 0)
    """
    if isinstance(zones, Zones):
        return zones
    if isinstance(zones, (str, os.PathLike)):
        return read_zones(zones)
    if zones is None or isinstance(zones, Mapping):
        return Zones(dict(zones or {}))
    raise TypeError(
        f"zones is {type(zones).__name__}; it must be the path of a GeoJSON file, "
        "or a mapping of names to polygons and masks"
    )


def read_zones(path: str | os.PathLike[str]) -> Zones:
    """Read named polygons from a GeoJSON file; the module says what it must hold.

    A warning says so where rings of a zone cross or overlap.

    Raises:
        InputError: the file cannot be read, holds no zone or something else than zones, or a name
            is missing or there twice; the message names the place.

    Example:
        >>> import json, tempfile
        >>> ring = [[0, 0], [8, 0], [8, 8], [0, 0]]
        >>> zone = {"type": "Feature", "properties": {"name": "door"}}
        >>> zone["geometry"] = {"type": "Polygon", "coordinates": [ring]}
        >>> with tempfile.NamedTemporaryFile("w", suffix=".geojson") as file:
        ...     json.dump({"type": "FeatureCollection", "features": [zone]}, file)
        ...     file.flush()
        ...     read_zones(file.name)["door"].tolist()
        [[0.0, 0.0], [8.0, 0.0], [8.0, 8.0], [0.0, 0.0]]
    """
    path = os.fspath(path)
    document = checked_object(parse_json(read_text(path), path), path)
    if document.get("type") not in ("FeatureCollection", "Feature"):
        raise InputError(f"{path}: is no FeatureCollection of GeoJSON")
    if "crs" in document:
        raise InputError(f"{path}: has map coordinates (crs); zones must be in pixels of the image")
    alone = document["type"] == "Feature"
    features = [document] if alone else checked_list(document.get("features"), f"{path}: features")
    if not features:
        raise InputError(f"{path}: holds no zone")
    areas: dict[str, Area] = {}
    places: dict[str, str] = {}
    for index, feature in enumerate(features):
        where = f"{path}: features[{index}]"
        feature = checked_object(feature, where)
        name = _name(feature, where)
        if name in places:
            first = places[name]
            raise InputError(f"{where}: the name {clipped(name)!r} is there twice (first {first})")
        places[name] = f"features[{index}]"
        areas[name] = _polygon(feature, where, name)
    return Zones(areas, image_size(document.get("image_size"), f"{path}: image_size"))


def _name(feature: dict[str, Any], where: str) -> str:
    name = checked_object(feature.get("properties") or {}, f"{where}.properties").get("name")
    if not isinstance(name, str) or not name.strip():
        raise InputError(f"{where}: has no name; each zone needs a text as properties.name")
    return name


def _polygon(feature: dict[str, Any], where: str, name: str) -> Floats:
    """The rings of a feature as one path, and a warning where they overlap."""
    geometry = checked_object(feature.get("geometry") or {}, f"{where}.geometry")
    kind, called = geometry.get("type", "nothing"), clipped(name)
    if kind not in ("Polygon", "MultiPolygon"):
        raise InputError(
            f"{where}: zone {called!r} is {clipped(kind)}; it must be a Polygon or MultiPolygon"
        )
    where = f"{where}.geometry.coordinates"
    coordinates = checked_list(geometry.get("coordinates"), where)
    polygons = [coordinates] if kind == "Polygon" else coordinates
    rings: list[Floats] = []
    enclosed = 0.0
    for number, polygon in enumerate(polygons):
        place = f"{where}[{number}]" if kind == "MultiPolygon" else where
        for depth, ring in enumerate(checked_list(polygon, place)):
            rings.append(_ring(ring, f"{place}[{depth}]"))
            enclosed += _surface(rings[-1]) * (-1 if depth else 1)
    if not rings:
        raise InputError(f"{where}: zone {called!r} has no ring")
    corners = sum(map(len, rings))
    if corners > _CORNERS:
        raise InputError(
            f"{where}: zone {called!r} has {corners:,} corners; it may have {_CORNERS:,}"
        )
    path = np.concatenate([part for ring in rings for part in (ring, rings[0][:1])])
    path = path if len(rings) > 1 else rings[0]
    if abs(_even_odd_surface(path) - enclosed) > _OVERLAP * max(1.0, enclosed):
        log.warning(
            "%s: rings of zone %r cross or overlap; inside is what an odd number of them encloses",
            where, called,
        )  # fmt: skip
    return path


def _ring(ring: Any, where: str) -> Floats:
    corners = number_rows(ring, (2, 3), where)[:, :2]  # a third number is the height
    if len(np.unique(corners, axis=0)) < 3:
        raise InputError(f"{where}: has {len(corners)} corners; it must have at least 3 apart")
    if (np.abs(corners) > 1e9).any():
        raise InputError(f"{where}: has a corner more than 1e9 pixels from 0")
    closed = (corners[0] == corners[-1]).all()
    return corners if closed else np.concatenate([corners, corners[:1]])


def _surface(ring: Floats) -> float:
    """Square pixels within a closed ring that does not cross itself."""
    x, y = (ring - ring[0]).T
    return abs(float(x[:-1] @ y[1:] - x[1:] @ y[:-1])) / 2


def _even_odd_surface(path: Floats) -> float:
    corner = path.min(axis=0)
    width, height = (max(1, int(side)) for side in np.ceil(path.max(axis=0) - corner))
    share = shares_inside(path - corner, (width, height), max(width, height))
    return float(share.sum()) * width * height


def _is_mask(area: Any) -> bool:
    return str(getattr(area, "dtype", "")) in ("bool", "torch.bool")
