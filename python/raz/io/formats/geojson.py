"""GeoJSON points: in pixels, or on the map where the image is a georeferenced TIFF."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raz.io.formats.result_format import Format
from raz.io.formats.values import dumps, located, number

if TYPE_CHECKING:
    from raz.result import Result

__all__ = ["FORMAT", "geojson_text"]

_WGS84 = 4326


def geojson_text(result: Result, *, pixels: bool = False) -> str:
    """Return GeoJSON points; see :meth:`raz.Result.to_geojson`."""
    located_at, scores = located(result)
    rows = zip(located_at.tolist(), map(number, scores.tolist()), strict=True)
    collection: dict[str, Any] = {"type": "FeatureCollection"}
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
            for on_map, ((x, y), score) in zip(place.to_map(located_at).tolist(), rows, strict=True)
        ]
    return dumps({**collection, "features": features})


def _feature(coordinates: list[float], properties: dict[str, Any]) -> dict[str, Any]:
    geometry = {"type": "Point", "coordinates": coordinates}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


FORMAT = Format(
    name="geojson",
    suffixes=(".geojson",),
    text=lambda result: geojson_text(result) + "\n",
)
