"""Small whole files of points in every format that raz reads, and what breaks them."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

_SIZE = {"width": 64, "height": 48}
_POINT = {
    "shape_attributes": {"name": "point", "cx": 3, "cy": 4},
    "region_attributes": {"k": "head"},
}
_FILES = {"a.png5": {"filename": "a.png", "size": 5, "regions": [_POINT], "file_attributes": {}}}

DOCUMENTS: dict[str, Any] = {
    "COCO": {
        "images": [{"id": 5, "file_name": "a.png", **_SIZE}],
        "categories": [{"id": 1, "name": "head", "keypoints": ["head"]}],
        "annotations": [
            {"id": 1, "image_id": 5, "category_id": 1, "keypoints": [1, 2, 2], "bbox": [1, 2, 3, 4]}
        ],
    },
    "COCO of boxes": {
        "images": [{"id": 5, "file_name": "a.png", **_SIZE}],
        "categories": [{"id": 1, "name": "person"}],
        "annotations": [
            {"id": 1, "image_id": 5, "category_id": 1, "bbox": [1, 2, 3, 4], "iscrowd": 0}
        ],
    },
    "COCO results": [{"image_id": 5, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}],
    "raz": {
        "path": "a.png",
        "count": 1.0,
        "image_size": [64, 48],
        "points": [[3.5, 4.25, 0.5]],
    },
    "raz array": [{"path": "a.png", "points": [[3.5, 4.25]]}],
    "labelme": {
        "version": "5.5.0",
        "flags": {},
        "imagePath": "a.png",
        "imageData": None,
        "imageHeight": 48,
        "imageWidth": 64,
        "shapes": [
            {
                "label": "head",
                "points": [[3, 4]],
                "group_id": None,
                "shape_type": "point",
                "flags": {},
            },
            {"label": "head", "points": [[3, 4], [9, 9]], "shape_type": "rectangle", "flags": {}},
        ],
    },
    "VIA": _FILES,
    "VIA project": {
        "_via_settings": {"ui": {}},
        "_via_img_metadata": _FILES,
        "_via_attributes": {"region": {}, "file": {}},
        "_via_data_format_version": "2.0.10",
    },
    "VIA 3": {
        "project": {"pname": "p"},
        "config": {},
        "attribute": {"1": {"aname": "kind"}},
        "file": {"1": {"fid": "1", "fname": "a.png"}},
        "view": {"1": {"fid_list": [1]}},
        "metadata": {"1_0": {"vid": "1", "flg": 0, "z": [], "xy": [1, 3, 4], "av": {"1": "head"}}},
    },
    "Label Studio": [
        {
            "id": 1,
            "data": {"image": "/data/upload/1/1a2b3c4d-a.png"},
            "annotations": [
                {
                    "id": 3,
                    "was_cancelled": False,
                    "result": [
                        {
                            "original_width": 64,
                            "original_height": 48,
                            "image_rotation": 0,
                            "value": {
                                "x": 50.0,
                                "y": 25.0,
                                "width": 0.5,
                                "keypointlabels": ["head"],
                            },
                            "type": "keypointlabels",
                            "from_name": "label",
                            "to_name": "image",
                        }
                    ],
                }
            ],
        }
    ],
    "GeoJSON": {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"score": 0.5, "x": 3.5, "y": 4.25},
                "geometry": {"type": "Point", "coordinates": [3.5, -4.25]},
            }
        ],
    },
}
"""Documents of one image called a.png, by their formats."""

ZONES: dict[str, Any] = {
    "type": "FeatureCollection",
    "image_size": [64, 48],
    "features": [
        {
            "type": "Feature",
            "properties": {"name": "door"},
            "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [9, 0], [9, 9], [0, 0]]]},
        },
        {
            "type": "Feature",
            "properties": {"name": "hall"},
            "geometry": {
                "type": "MultiPolygon",
                "coordinates": [[[[20, 0], [30, 0], [30, 9], [20, 0]]]],
            },
        },
    ],
}
"""A file for --zones."""

_DEEP: Any = []
for _ in range(500):
    _DEEP = [_DEEP]

_GONE = object()
STRANGE: dict[str, Any] = {
    "missing": _GONE,
    "null": None,
    "true": True,
    "-1": -1,
    "0": 0,
    "1.5": 1.5,
    "NaN": math.nan,
    "infinity": math.inf,
    "2^80": 2**80,
    "10^400": 10**400,
    "1e308": 1e308,
    "an empty text": "",
    "a text of 100,000": "x" * 100_000,
    "a path": "../../../etc/passwd",
    "NUL": "a\0.png",
    "half a character": "\ud800",
    "an escape": "\x1b[2J\u202e",
    "an empty list": [],
    "an empty object": {},
    "a list of itself": [[1, 2], [1, 2]],
    "500 lists": _DEEP,
    "100,000 numbers": [1] * 100_000,
}
"""What a value of a document becomes."""


def changes(document: Any) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Every value of a document, each with a few strange ones: what was done, and the JSON."""
    kinds = list(STRANGE.items())
    for number, place in enumerate(_places(document)):
        for turn in range(6):
            # In steps that share no factor with the number of kinds, so that all have their turn.
            name, value = kinds[(number * 6 + turn) * 5 % len(kinds)]
            where = ".".join(map(str, place)) or "the document"
            yield f"{where} is {name}", partial(_json, document, place, value)


def _json(document: Any, place: tuple[Any, ...], value: Any) -> bytes:
    return json.dumps(_changed(document, place, value)).encode()


def _places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    inner = node.items() if isinstance(node, dict) else ()
    for key, value in enumerate(node) if isinstance(node, list) else inner:
        found += _places(value, (*path, key))
    return found


def _changed(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return None if value is _GONE else value
    document = copy.deepcopy(document)
    node = document
    for key in path[:-1]:
        node = node[key]
    if value is _GONE:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return document
