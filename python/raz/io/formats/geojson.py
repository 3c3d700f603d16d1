"""GeoJSON points: in pixels, or on the map where the image is a georeferenced TIFF.

The writer adds the members "image" (the image's path) and "image_size", which other programs
ignore. On the map, the properties "x" and "y" of a feature are its pixels.

The reader takes the Points and MultiPoints of one image. Other geometries are skipped with a
warning.

* In pixels: the coordinates are read bit for bit.
* On the map, without the image's georeference: the properties "x" and "y" are read bit for bit. A
  feature without them is an error. A file is on the map if it has a "crs", or any feature has "x"
  and "y": WGS84 needs no "crs".
* On the map, with the image's georeference: the same, if "x" and "y" still lie where the geometry
  does, to a thousandth of a pixel. Other features were added or moved on the map: their geometry is
  converted to pixels, with an error of about 1e-8.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from raz.errors import InputError
from raz.io.annotations import ImagePoints, PointFile, image_key
from raz.io.formats.format import Format
from raz.io.formats.shapes import unnamed_key
from raz.io.formats.values import Floats, dumps, number, recorded
from raz.io.text import checked_list, checked_object, clipped, image_size, number_rows
from raz.io.text import number as read_number

if TYPE_CHECKING:
    from raz.io.georeference import Georeference
    from raz.result import Result

__all__ = ["geojson_text", "read_geojson"]

log = logging.getLogger(__name__)

_WGS84 = 4326
_SAME_PLACE = 1e-3
"""Pixels by which a geometry and the pixels of its properties may differ."""


def geojson_text(result: Result, *, pixels: bool = False) -> str:
    """Return GeoJSON points; see :meth:`raz.Result.to_geojson`.

    Example:
        >>> import json
        >>> from types import SimpleNamespace
        >>> import torch
        >>> head = dict(points=torch.tensor([[3.5, 4.25]]), scores=torch.tensor([0.5]))
        >>> place = dict(path="a.jpg", image_size=(9, 9), georeference=None, count=1.0)
        >>> feature = json.loads(geojson_text(SimpleNamespace(**head, **place)))["features"][0]
        >>> feature["geometry"]["coordinates"], feature["properties"]
        ([3.5, 4.25], {'score': 0.5})
    """
    image = recorded(result, finite=True)
    assert image.scores is not None, "a Result has scores"
    rows = zip(image.points.tolist(), map(number, image.scores.tolist()), strict=True)
    collection: dict[str, Any] = {
        "type": "FeatureCollection",
        "image": result.path,
        "image_size": list(result.image_size),
    }
    place = None if pixels else result.georeference
    if place is None:
        features = [_feature(point, {"score": score}) for point, score in rows]
    else:
        # RFC 7946 knows WGS84 alone. Other systems are named as in the GeoJSON of 2008, which is
        # what GDAL writes and reads.
        if place.epsg != _WGS84:
            name = f"urn:ogc:def:crs:EPSG::{place.epsg}"
            collection["crs"] = {"type": "name", "properties": {"name": name}}
        features = [
            _feature(on_map, {"score": score, "x": x, "y": y})
            for on_map, ((x, y), score) in zip(
                place.to_map(image.points).tolist(), rows, strict=True
            )
        ]
    return dumps({**collection, "features": features})


def read_geojson(
    document: dict[str, Any], path: str, georeference: Georeference | None = None
) -> PointFile:
    """Read the points of one image; see the module for pixels and the map.

    Args:
        document: a FeatureCollection or a Feature.
        path: the file, for messages, and for the name of an image that the document does not name.
        georeference: where the image lies on the map; coordinates are then those of its system.

    Raises:
        InputError: it is something else, or a feature has no pixels.

    Example:
        >>> feature = {"type": "Feature", "properties": {"score": 0.5}}
        >>> feature["geometry"] = {"type": "Point", "coordinates": [3.5, 4.25]}
        >>> read_geojson(feature, "a.geojson").images["a"].points.tolist()
        [[3.5, 4.25]]
    """
    alone = document.get("type") == "Feature"
    features = [document] if alone else checked_list(document.get("features"), f"{path}: features")
    located = [
        (where, coordinates, _pixels(properties, where), properties)
        for where, coordinates, properties in _located_features(features, path)
    ]
    on_map = "crs" in document or any(pixels is not None for _, _, pixels, _ in located)
    points: list[list[float]] = []
    scores: list[float | None] = []
    for where, coordinates, pixels, properties in located:
        if pixels is not None and georeference is not None:
            shifted = np.abs(_to_pixels(georeference, coordinates) - pixels)
            pixels = pixels if (shifted <= _SAME_PLACE).all() else None
        if pixels is not None:
            points.append(pixels)
        elif georeference is not None:
            points.append(_to_pixels(georeference, coordinates).tolist())
        elif on_map:
            raise InputError(
                f"{where}: has map coordinates but no x and y; pass the image's georeference"
            )
        else:
            points.append(coordinates)
        score = properties.get("score")
        scores.append(None if score is None else read_number(score, f"{where}.properties.score"))
    name = document.get("image")
    name = name if isinstance(name, str) else ""
    scored = bool(scores) and None not in scores
    image = ImagePoints(
        name=name,
        points=np.array(points, dtype=np.float64).reshape(-1, 2),
        scores=np.array(scores, dtype=np.float64) if scored else None,
        size=image_size(document.get("image_size"), f"{path}: image_size"),
    )
    key = image_key(name) if name else unnamed_key(path)
    return PointFile(path=path, kind="geojson", images={key: image}, unnamed=not name)


def _located_features(
    features: list[Any], path: str
) -> Iterator[tuple[str, list[float], dict[str, Any]]]:
    """Place, coordinates and properties of each point."""
    other: Counter[str] = Counter()
    for index, feature in enumerate(features):
        where = f"{path}: features[{index}]"
        feature = checked_object(feature, where)
        geometry = checked_object(feature.get("geometry") or {}, f"{where}.geometry")
        properties = checked_object(feature.get("properties") or {}, f"{where}.properties")
        kind = str(geometry.get("type", "without geometry"))
        if kind not in ("Point", "MultiPoint"):
            other[kind] += 1
            continue
        coordinates = geometry.get("coordinates")
        rows = [coordinates] if kind == "Point" else coordinates
        # A third number is the height.
        found = number_rows(rows, (2, 3), f"{where}.geometry.coordinates")[:, :2].tolist()
        if len(found) > 1:  # pixels in properties are those of one point
            properties = {key: properties[key] for key in properties if key not in ("x", "y")}
        for row in found:
            yield where, row, properties
    if other:
        shapes = ", ".join(f"{number} {clipped(kind)}" for kind, number in sorted(other.items()))
        log.warning("%s: features not read as heads: %s", path, shapes)


def _pixels(properties: dict[str, Any], where: str) -> list[float] | None:
    if properties.get("x") is None or properties.get("y") is None:
        return None
    return [read_number(properties[side], f"{where}.properties.{side}") for side in ("x", "y")]


def _to_pixels(georeference: Georeference, coordinates: list[float]) -> Floats:
    matrix = np.asarray(georeference.matrix)
    shifted = np.asarray(coordinates) - matrix[:, 2]
    return np.linalg.solve(matrix[:, :2], shifted).astype(np.float64)


def _feature(coordinates: list[float], properties: dict[str, Any]) -> dict[str, Any]:
    geometry = {"type": "Point", "coordinates": coordinates}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


FORMAT = Format(
    name="geojson",
    suffixes=(".geojson",),
    text=lambda result: geojson_text(result) + "\n",
)
