"""raz's own JSON, an object an image: the one text that holds all of a Result but the density."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from raz.io.formats.result_format import Collection, Format
from raz.io.formats.values import dumps, located, number

if TYPE_CHECKING:
    from raz.result import Region, Result, SkippedRegion

__all__ = ["FORMAT", "LINES", "json_text"]


def json_text(result: Result) -> str:
    """Return the result as one JSON object; see :meth:`raz.Result.to_json`."""
    from raz import __version__

    rows = np.column_stack(located(result))
    return dumps(
        {
            "path": result.path,
            "time": result.time,
            "image_size": list(result.image_size),
            "count": number(result.count),
            "count_density": number(result.count_density),
            "count_points": result.count_points,
            "points": [[number(v) for v in row] for row in rows.tolist()],
            "regions": [_region_object(region) for region in result.regions],
            "skipped": [_skipped_object(region) for region in result.skipped],
            "model": result.model,
            "raz_version": __version__,
        }
    )


def _region_object(region: Region) -> dict[str, Any]:
    return {
        "box": [number(edge) for edge in region.box],
        "score": number(region.score),
        "depth": region.depth,
        "scale": number(region.scale),
        "points_before": region.points_before,
        "points_after": region.points_after,
        "seconds": number(region.seconds),
        "children": [_region_object(child) for child in region.children],
    }


def _skipped_object(region: SkippedRegion) -> dict[str, Any]:
    return {
        "box": [number(edge) for edge in region.box],
        "score": number(region.score),
        "depth": region.depth,
        "reason": region.reason,
    }


def _line(result: Result) -> str:
    return json_text(result) + "\n"


FORMAT = Format(
    name="raz",
    suffixes=(".json",),
    text=_line,
    collection=partial(Collection, json_text, "[\n", ",\n", lambda: "\n]\n"),
)
"""An object; of several results an array, a line each."""

LINES = Format(
    name="jsonl", suffixes=(".jsonl",), text=_line, collection=partial(Collection, _line)
)
"""An object a line, for streams."""
