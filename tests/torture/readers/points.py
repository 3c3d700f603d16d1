"""Files of points: of every format that raz writes, and of annotation tools."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from raz.errors import InputError
from raz.io.annotations import ImagePoints, PointFile, distinct_keys, image_place, same_places
from raz.io.formats.nwpu import validate_nwpu
from raz.io.formats.shapes import HeadRule
from raz.io.georeference import Georeference
from raz.io.points import read_points, read_sizes
from raz.io.points.folder import is_of_points, labels_of_all
from raz.io.points.reading import looks_like_points
from raz.io.points.single import read_number_lines, read_single
from raz.io.points.writing import FORMS, write_points
from raz.io.zones import read_zones

from .reader import Reader, placed

EXPORTS = Path(__file__).parents[2] / "io" / "formats" / "exports"
UTM = Georeference(np.array([[0.5, 0, 399_000], [0, -0.5, 5_757_000]]), 32632)

HEADS = ImagePoints(
    name="a.jpg",
    points=np.array([[3.5, 4.25], [1.0, 2.0]]),
    scores=np.array([0.5, 0.25]),
    size=(30, 20),
)
NOBODY = ImagePoints(name="day/b.png", points=np.zeros((0, 2)), scores=np.zeros(0), size=(9, 8))
BOXED = ImagePoints(
    name="a.jpg", points=np.array([[3.0, 4.0]]), boxes=np.array([[1.0, 2.0, 5.0, 6.0]])
)


def read(suffix: str, data: bytes, folder: Path) -> None:
    """Read a file of points; what is read is written and read again."""
    path = placed(data, folder, f"in{suffix}")
    looks_like_points(path)
    for rule in ({}, {"anchor": "top", "labels": ["head"]}, {"georeference": UTM}):
        try:
            file = read_points(path, **rule)
        except InputError:
            if not rule:
                raise
            continue
        check_file(file)
        if not rule:
            check_written(file, folder)
            assert not {k: v for k, v in same_places(file, file).items() if k != v}


def check_file(file: PointFile) -> None:
    assert file.images or file.kind in ("coco", "raz"), "no image"
    assert not file.unnamed or len(file.images) == 1
    assert set(file.keys.values()) <= set(file.images)
    for key, image in file.images.items():
        assert isinstance(key, str)
        assert file.where(key).startswith(file.path)
        check_image(image)


def check_image(image: ImagePoints) -> None:
    number = len(image.points)
    for values, kind, shape in (
        (image.points, np.float64, (number, 2)),
        (image.scores, np.float64, (number,)),
        (image.boxes, np.float64, (number, 4)),
        (image.sigmas, np.float64, (number, 2)),
        (image.levels, np.int64, (number,)),
    ):
        if values is not None:
            assert values.dtype == kind, values.dtype
            assert values.shape == shape, values.shape
            assert np.isfinite(values).all()
    assert image.levels is None or ((image.levels >= 0) & (image.levels <= 5)).all()
    assert image.sigmas is None or (image.sigmas >= 0).all()
    assert image.head_labels is None or len(image.head_labels) == number
    assert image.count is None or np.isfinite(image.count)
    assert image.interval is None or np.isfinite(image.interval).all()
    assert image.size is None or all(isinstance(side, int) and side >= 1 for side in image.size)
    assert image.line is None or image.line >= 1


def check_written(file: PointFile, folder: Path) -> None:
    """What was read can be written, and read again as the same."""
    images = list(file.images.values())
    named = all(image.name.strip() for image in images)
    scored = len({image.scores is None for image in images}) == 1
    apart = len({image_place(image.name) for image in images}) == len(images)  # ids need not be
    if not (named and scored and apart and images):
        return
    for form in ("jsonl", "csv", "coco", "cvat"):
        path = folder / f"out{FORMS[form].suffix}"
        try:
            write_points(path, images, form)
            again = read_points(path)
        except InputError:
            # A name is no text; or two are one where XML cannot say in what they differ.
            assert form == "cvat" or not all(map(is_text, images)), form
            continue
        check_file(again)
        keys = list(again.images) if form == "cvat" else distinct(images)
        for old, key in zip(images, keys, strict=True):
            assert np.array_equal(old.points, again.images[key].points), (form, key)


def is_text(image: ImagePoints) -> bool:
    return not any("\ud800" <= each <= "\udfff" for each in image.name)


def distinct(images: list[ImagePoints]) -> list[str]:
    places = [image_place(image.name) for image in images]
    keys = distinct_keys(places)
    return [keys[place] for place in places]


def written(form: str, *images: ImagePoints) -> bytes:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"seed{FORMS[form].suffix}")
        write_points(path, images, form)
        return path.read_bytes()


def exported(*names: str) -> list[bytes]:
    return [(EXPORTS / name).read_bytes() for name in names]


def on_the_map() -> bytes:
    """QGIS's export without the heads that only a georeference places."""
    (text,) = exported("qgis.geojson")
    whole = json.loads(text)
    whole["features"] = [each for each in whole["features"] if each["properties"].get("x")]
    return document(whole)


def document(value: object) -> bytes:
    return json.dumps(value).encode()


COCO = {
    "images": [
        {"id": 5, "file_name": "a.jpg", "width": 9, "height": 8},
        {"id": 6, "file_name": "b"},
    ],
    "categories": [{"id": 1, "name": "person", "keypoints": ["head"]}, {"id": 2, "name": "dog"}],
    "annotations": [
        {"image_id": 5, "category_id": 1, "keypoints": [1, 2, 2], "bbox": [1, 2, 3, 4], "area": 12},
        {"image_id": 6, "category_id": 1, "keypoints": [1, 2, 0], "bbox": [1, 2, 3, 4], "score": 1},
    ],
}
RESULTS = [
    {"image_id": 5, "category_id": 1, "keypoints": [1, 2, 2], "score": 0.5},
    {"image_id": "6", "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.25},
]
LABELME = {
    "version": "5.5.0", "flags": {}, "imagePath": "a.jpg", "imageData": None,
    "imageHeight": 20, "imageWidth": 30,
    "shapes": [
        {"label": "head", "shape_type": "point", "points": [[3.5, 4.25]], "group_id": None},
        {"label": "head", "shape_type": "rectangle", "points": [[1, 2], [5, 6]]},
        {"label": "head", "shape_type": "circle", "points": [[12, 11], [12, 15]]},
        {"label": "person", "shape_type": "polygon", "points": [[1, 1], [9, 1], [5, 9]]},
    ],
}  # fmt: skip
SHAPES = [
    {"name": "point", "cx": 3, "cy": 4},
    {"name": "rect", "x": 1, "y": 2, "width": 4, "height": 4},
    {"name": "circle", "cx": 12, "cy": 11, "r": 5},
    {"name": "ellipse", "cx": 12, "cy": 11, "rx": 5, "ry": 2, "theta": 0.5},
    {"name": "polygon", "all_points_x": [1, 9, 5], "all_points_y": [1, 1, 9]},
]
REGIONS = [{"shape_attributes": s, "region_attributes": {"kind": "head"}} for s in SHAPES]
VIA = {"a.jpg12": {"filename": "a.jpg", "size": 12, "regions": REGIONS, "file_attributes": {}}}
VIA_1 = {
    "a.jpg12": {
        "filename": "a.jpg",
        "size": 12,
        "regions": {str(i): r for i, r in enumerate(REGIONS)},
    }
}
VIA_3 = {
    "project": {"pid": "x"}, "config": {}, "attribute": {"1": {"aname": "kind"}},
    "file": {"1": {"fid": "1", "fname": "a.jpg", "type": 2}},
    "view": {"1": {"fid_list": ["1"]}},
    "metadata": {"1_A": {"vid": "1", "xy": [1, 3, 4], "av": {"1": "head"}},
                 "1_B": {"vid": "1", "xy": [2, 1, 2, 4, 4], "av": {"1": "head"}}},
}  # fmt: skip
VIA_TABLE = (
    "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,"
    'region_attributes\na.jpg,12,{},1,0,"{""name"":""point"",""cx"":3,""cy"":4}",'
    '"{""kind"":""head""}"\nb.jpg,9,{},0,0,{},{}\n'
)
FEATURE = {
    "type": "Feature",
    "properties": {"name": "door", "x": 3.5, "y": 4.25, "score": 0.5},
    "geometry": {"type": "Point", "coordinates": [3.5, 4.25]},
}
GEOJSON = {
    "type": "FeatureCollection",
    "path": "a.jpg",
    "image_size": [30, 20],
    "features": [FEATURE],
}
RING = [[0, 0], [8, 0], [8, 8], [0, 0]]
HOLE = [[4, 1], [6, 1], [6, 3], [4, 1]]
ZONES = {
    "type": "FeatureCollection",
    "image_size": [30, 20],
    "features": [
        {"type": "Feature", "properties": {"name": "door"},
         "geometry": {"type": "Polygon", "coordinates": [RING, HOLE]}},
        {"type": "Feature", "properties": {"name": "gate"},
         "geometry": {"type": "MultiPolygon", "coordinates": [[RING], [HOLE]]}},
    ],
}  # fmt: skip
OBJECT = {
    "path": "a.jpg", "points": [[3.5, 4.25, 0.5]], "count": 1.5, "image_size": [30, 20],
    "count_low": 1.0, "count_high": 2.0, "human_num": 1,
}  # fmt: skip


def of(
    name: str,
    suffix: str,
    seeds: Callable[[], list[bytes]],
    language: str,
    *words: str,
) -> Reader:
    """A reader of files of points, of one format."""
    read_it = partial(read, suffix)
    return Reader(
        f"points.{name}", read_it, seeds, language=language, words=words, named=f"FOLDER/in{suffix}"
    )


def read_table_of_sizes(data: bytes, folder: Path) -> None:
    sizes = read_sizes(placed(data, folder, "in.csv"))
    for key, (width, height) in sizes.items():
        assert isinstance(key, str)
        assert width >= 1
        assert height >= 1


def read_lines(data: bytes, folder: Path) -> None:
    path = placed(data, folder, "in.txt")
    is_of_points(path)
    check_image(read_single(path))
    rows = read_number_lines(str(path), (2,))
    assert np.isfinite(rows).all()


def read_one(data: bytes, folder: Path) -> None:
    path = placed(data, folder, "in.json")
    is_of_points(path)
    labels_of_all([str(path)], HeadRule(labels=["head"]), str(path))
    check_image(read_single(path))


def read_submission(data: bytes, folder: Path) -> None:
    path = placed(data, folder, "in.txt")
    found = validate_nwpu(path, images=["3110", "3111"], sizes={"3110": (30, 20)})
    assert found.images >= 0
    assert found.points >= 0 or found.problems
    assert all(problem.message for problem in found.problems)
    if found.valid:
        check_file(read_points(path))


def read_areas(data: bytes, folder: Path) -> None:
    path = placed(data, folder, "in.geojson")
    zones = read_zones(path)
    assert len(zones)
    for name in zones:
        assert name.strip()
        corners = np.asarray(zones[name])
        assert corners.ndim == 2
        assert corners.shape[1] == 2
        assert np.isfinite(corners).all()
    zones.notes((30, 20))


READERS = (
    of("csv", ".csv",
       lambda: [written("csv", HEADS, NOBODY), b"x,y\n1,2\n", b"path,x,y\n./=a,1,2\n"],
       "lines", "image", "path", "x", "y", "score", "./=a.jpg", "day/a.jpg"),
    of("nwpu", ".txt", lambda: [b"3110 1 10 20\n3111 0\n", b"a 1 10 20 3 5 1\nb 0\n"], "lines"),
    of("coco", ".json", lambda: [written("coco", HEADS, NOBODY), document(COCO)],
       "json", "head", "person", "keypoints", "bbox", "iscrowd", "area", "score", "categories"),
    of("coco-results", ".json", lambda: [document(RESULTS)], "json", "keypoints", "bbox", "score"),
    of("raz", ".json", lambda: [document(OBJECT), document([OBJECT, {**OBJECT, "path": "b"}]),
                                document(OBJECT) + b"\n" + document({**OBJECT, "path": "b"})],
       "json", "path", "points", "count", "image_size", "count_low", "count_high", "time"),
    of("jsonl", ".jsonl", lambda: [written("jsonl", HEADS, NOBODY)], "json", "path", "points"),
    of("cvat", ".xml", lambda: [written("cvat", HEADS, NOBODY), *exported("cvat_task.xml")],
       "xml", "head", "person", "points", "box", "ellipse", "label", "image", "annotations"),
    of("labelme", ".json", lambda: [document(LABELME)], "json", "head", "person", "point", "circle",
       "rectangle", "line", "polygon", "shapes", "imagePath"),
    of("via", ".json", lambda: [document(VIA), document(VIA_1),
                                document({"_via_img_metadata": VIA}),
                                document(VIA_3)],
       "json", "head", "point", "rect", "circle", "ellipse", "polyline", "cx", "cy", "r",
       "all_points_x"),
    of("via-table", ".csv", lambda: [VIA_TABLE.encode()], "lines", "{}", '"{""name"":""point""}"'),
    of("makesense", ".csv", lambda: [b"head,12,30,a.jpg,640,480\nhead,50,60,b.PNG,640,480\n",
                                     b"head,1,2,5,6,a.jpg,640,480\n"], "lines", "head", "a.jpg"),
    of("label-studio", ".json", lambda: [written("label-studio", HEADS, NOBODY),
                                         *exported("label_studio.json", "label_studio_min.json")],
       "json", "keypointlabels", "rectanglelabels", "head", "value", "result", "data", "image",
       "/data/local-files/?d=a.jpg", "http://[", "s3://a/b.jpg", "original_width", "rotation"),
    of("geojson", ".geojson", lambda: [document(GEOJSON), on_the_map()], "json", "Point",
       "MultiPoint", "Polygon", "crs", "properties", "geometry", "coordinates", "x", "y", "score"),
    Reader("points.number-lines", read_lines, lambda: [b"1 2\n3.5,4.25\n", b""], language="lines",
           named="FOLDER/in.txt"),
    Reader("points.one-image", read_one, lambda: [document(OBJECT), document(LABELME)],
           language="json", words=("points", "shapes", "imagePath"), named="FOLDER/in.json"),
    Reader("points.submission", read_submission, lambda: [b"3110 1 10 20\n3111 0\n"],
           language="lines", words=("3110", "3111"), named="FOLDER/in.txt"),
    Reader("points.sizes", read_table_of_sizes, lambda: [b"image,width,height\na.jpg,640,480\n"],
           language="lines", words=("image", "width", "height"), named="FOLDER/in.csv"),
    Reader("points.zones", read_areas, lambda: [document(ZONES), document(ZONES["features"][0])],
           language="json", words=("Polygon", "MultiPolygon", "name", "coordinates", "crs"),
           named="FOLDER/in.geojson"),
)  # fmt: skip
