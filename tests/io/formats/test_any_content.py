"""Whatever a file of an annotation tool holds, reading gives points or an InputError."""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.test_labelme import SHAPES as LABELME_SHAPES
from formats.test_labelme import document as labelme
from formats.test_via import POINT, SHAPES, files, project, regions, table, version_1, version_3
from raz.errors import InputError
from raz.io.annotations import PointFile
from raz.io.points import read_points

COCO = {
    "images": [{"id": 5, "file_name": "a.jpg", "width": 9, "height": 8}, {"id": 6}],
    "categories": [{"id": 1, "name": "person", "keypoints": ["head"]}, {"id": 2, "name": "dog"}],
    "annotations": [
        {"image_id": 5, "category_id": 1, "keypoints": [1, 2, 2], "bbox": [1, 2, 3, 4]},
        {"image_id": 6, "category_id": 2, "bbox": [1, 2, 3, 4], "iscrowd": 1, "score": 0.5},
    ],
}
DOCUMENTS = {
    "labelme": labelme(*LABELME_SHAPES),
    "via 1": version_1(regions(SHAPES)),
    "via 2": files(regions(SHAPES, kind={"head": True})),
    "via project": project(regions([POINT])),
    "via 3": version_3(regions(SHAPES)),
    "coco": COCO,
    "coco results": COCO["annotations"],
}

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value in a document."""
    found = [path]
    inner = node.items() if isinstance(node, dict) else ()
    for key, value in enumerate(node) if isinstance(node, list) else inner:
        found += places(value, (*path, key))
    return found


def changed(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    document = copy.deepcopy(document)
    node = document
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return document


def read(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    with suppress(InputError):
        assert isinstance(read_points(path), PointFile)


@pytest.mark.parametrize("form", DOCUMENTS)
@settings(max_examples=40)
@given(data=st.data(), value=ANYTHING)
def test_a_document_with_anything_in_it(form, data, value, tmp_path_factory):
    document = DOCUMENTS[form]
    path = data.draw(st.sampled_from(places(document)))
    text = json.dumps(changed(document, path, value))
    read(tmp_path_factory.getbasetemp() / "any.json", text)


CELLS = st.sampled_from(["head", "1", "-3", "nan", "", "a.jpg", "640", "{}", '"', "x", "\t"])


@settings(max_examples=40)
@given(
    first=st.sampled_from(["head,12,30,a.jpg,640,480\n", table(regions([POINT])), "image,x,y\n"]),
    rows=st.lists(st.lists(CELLS, max_size=9).map(",".join), max_size=4),
)
def test_a_table_with_anything_in_it(first, rows, tmp_path_factory):
    read(tmp_path_factory.getbasetemp() / "any.csv", first + "\n".join(rows))
