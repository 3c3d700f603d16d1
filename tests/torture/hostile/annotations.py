"""Every hostile file of points, zones or settings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from hostile.case import BAD, EITHER, Hostile, holding
from hostile.documents import DOCUMENTS, ZONES, changes
from hostile.matlab import matlab

CVAT = """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta/>
<image id="0" name="a.png" width="64" height="48">
<points label="head" points="3.5,4.25" occluded="0"><attribute name="score">0.5</attribute></points>
<box label="head" xtl="1" ytl="2" xbr="4" ybr="6"/>
<ellipse label="head" cx="20" cy="20" rx="3" ry="4"/>
</image></annotations>
"""
CSV = "image,x,y,score\na.png,3.5,4.25,0.5\na.png,9,9,0.25\n"
NWPU = "1 2 3 4 9 9\n"


@cache
def points() -> tuple[Hostile, ...]:
    """Files of points, each called points.SUFFIX or, of MATLAB, a.mat."""
    found = (*_documents(), *_texts(), *_tables(), *_xml(), *_lines(), *matlab())
    assert len({each.name for each in found}) == len(found)
    return found


@cache
def zones() -> tuple[Hostile, ...]:
    """Files for --zones, and what every file of JSON may suffer."""
    strange = [
        holding(f"zones: {what}", "zones.geojson", text, EITHER) for what, text in changes(ZONES)
    ]
    ring = [[k % 64, k * 7 % 48] for k in range(100_000)]
    large = {
        "type": "Feature",
        "properties": {"name": "all"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    many = {
        "type": "FeatureCollection",
        "features": [
            {
                **large,
                "properties": {"name": f"zone {k}"},
                "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [9, 0], [9, 9], [0, 0]]]},
            }
            for k in range(2_000)
        ],
    }
    broken = [
        Hostile(f"zones: {each.name}", "zones.geojson", each.make, each.codes) for each in _texts()
    ]
    return (
        *strange,
        *broken,
        holding(
            "zones: a ring of 100,000 corners", "zones.geojson", json.dumps(large).encode(), EITHER
        ),
        holding("zones: 2,000 of them", "zones.geojson", json.dumps(many).encode(), EITHER),
    )


def _documents() -> Iterator[Hostile]:
    for kind, document in DOCUMENTS.items():
        whole = json.dumps(document).encode()
        for share in (0.1, 0.5, 0.9):
            cut = whole[: int(len(whole) * share)]
            yield holding(f"{kind}: the first {share:.0%}", "points.json", cut)
        for what, text in changes(document):
            yield holding(f"{kind}: {what}", "points.json", text, EITHER)
    coco = DOCUMENTS["COCO"]
    image, head = coco["images"][0], coco["annotations"][0]
    for what, parts, codes in (
        ("an image twice", {"images": [image, image]}, BAD),
        ("two images of one name", {"images": [image, {**image, "id": 6}]}, BAD),
        ("a head of no image", {"annotations": [{**head, "image_id": 99}]}, BAD),
        ("an id as a fraction", {"images": [{**image, "id": 5.0}]}, EITHER),
        ("an id as text", {"images": [{**image, "id": "5"}]}, EITHER),
        ("an id that is true", {"images": [{**image, "id": True}]}, EITHER),
        ("an id of 10^30", {"images": [{**image, "id": 10**30}]}, EITHER),
        ("an id that is a list", {"images": [{**image, "id": [5]}]}, BAD),
        ("a category twice", {"categories": coco["categories"] * 2}, EITHER),
        ("a category of no name", {"categories": [{"id": 1}]}, EITHER),
        ("100,000 heads", {"annotations": [head] * 100_000}, EITHER),
        ("a box of negative size", {"annotations": [{**head, "bbox": [9, 9, -5, -5]}]}, EITHER),
        ("keypoints of 2 numbers", {"annotations": [{**head, "keypoints": [1, 2]}]}, BAD),
    ):
        data = json.dumps(coco | parts).encode()
        yield holding(f"COCO with {what}", "points.json", data, codes)


def _texts() -> Iterator[Hostile]:
    """What may happen to any JSON."""
    for what, data in (
        ("100,000 lists", b"[" * 100_000),
        ("100,000 lists that end", b"[" * 100_000 + b"]" * 100_000),
        ("100,000 objects", b'{"points":' * 100_000),
        ("points of 100,000 lists", b'{"path": "a.png", "points": ' + b"[" * 100_000),
        (
            "a number of 1,000,000 digits",
            b'{"path": "a.png", "points": [[' + b"1" * 10**6 + b", 2]]}",
        ),
        ("a number of 10^9999999", b'{"path": "a.png", "points": [[1e9999999, 2]]}'),
        ("NaN alone", b"NaN"),
        ("null alone", b"null"),
        ("a text alone", b'"points"'),
        ("two documents", b'{"features": []} {"features": []}'),
        ("UTF-16", '{"path": "a.png", "points": []}'.encode("utf-16")),
        ("bytes that are no UTF-8", b'{"path": "\xff\xfe", "points": []}'),
        ("NUL bytes", b"{\0\0\0}"),
        ("Latin-1", '{"path": "\xe4.png", "points": []}'.encode("latin-1")),
        ("a comment", b'// a\n{"points": []}'),
        ("single quotes", b"{'points': []}"),
        ("a comma too many", b'{"path": "a.png", "points": [[1, 2],]}'),
        ("nothing", b""),
        ("blanks", b" \n" * 5_000),
        ("a byte order mark alone", b"\xef\xbb\xbf"),
        ("zeros", bytes(10_000)),
        ("HTML", b"<!DOCTYPE html><html><body>404</body></html>"),
        ("a ZIP archive", b"PK\x03\x04" + bytes(100)),
        ("a pickle", b"\x80\x04\x95\x10\0\0\0\0\0\0\0."),
        ("an image", b"\x89PNG\r\n\x1a\n" + bytes(100)),
    ):
        yield holding(f"JSON: {what}", "points.json", data)
    twice = b'{"path": "b.png", "path": "a.png", "points": [[1, 2]], "points": [[3, 4]]}'
    yield holding("JSON: keys that are there twice", "points.json", twice, EITHER)


def _tables() -> Iterator[Hostile]:
    for what, text, codes in (
        ("the first half", CSV[: len(CSV) // 2], BAD),
        ("x twice", "image,x,x,y\na.png,1,2,3\n", BAD),
        ("no y", "image,x\na.png,1\n", BAD),
        ("NaN", "image,x,y\na.png,nan,2\n", BAD),
        ("infinity", "image,x,y\na.png,1e999,2\n", BAD),
        ("hexadecimal", "image,x,y\na.png,0x10,2\n", BAD),
        ("digits of another script", "image,x,y\na.png,\u0661,2\n", EITHER),
        ("a decimal comma", 'image,x,y\na.png,"1,5",2\n', BAD),
        ("semicolons", "image;x;y\na.png;1;2\n", BAD),
        ("too few fields", "image,x,y\na.png,1\n", BAD),
        ("too many fields", "image,x,y\na.png,1,2,3,4\n", BAD),
        ("a quote that does not end", 'image,x,y\n"a.png,1,2\n', BAD),
        ("a field of 1 MB", f"image,x,y\n{'a' * 10**6},1,2\n", BAD),
        (
            "10,000 columns",
            "image,x,y" + ",c" * 10_000 + "\na.png,1,2" + ",1" * 10_000 + "\n",
            EITHER,
        ),
        ("NUL", "image,x,y\na\0.png,1,2\n", EITHER),
        ("formulas", "image,x,y\n=cmd|' /C calc'!A0,1,2\n", EITHER),
        ("a path", "image,x,y\n../../etc/passwd,1,2\n", EITHER),
        ("old line ends", CSV.replace("\n", "\r"), EITHER),
        ("200,000 lines", "image,x,y\n" + "a.png,1,2\n" * 200_000, EITHER),
        ("no lines", "image,x,y\n", BAD),
        ("a score that is none", "image,x,y,score\na.png,1,2,high\n", BAD),
        ("an empty score", "image,x,y,score\na.png,1,2,\n", EITHER),
        ("only blanks", "image,x,y\n , , \n", BAD),
    ):
        yield holding(f"CSV: {what}", "points.csv", text.encode(), codes)
    yield holding("CSV: bytes that are no UTF-8", "points.csv", b"image,x,y\n\xff.png,1,2\n")
    via = "filename,file_size,file_attributes,region_count,region_id,"
    via += "region_shape_attributes,region_attributes\n"
    for what, row in (
        ("no JSON", "a.png,5,{},1,0,{,{}"),
        ("JSON of 100,000 lists", "a.png,5,{},1,0," + "[" * 100_000 + ",{}"),
        ("a list for an object", "a.png,5,{},1,0,[],[]"),
        ("NaN", 'a.png,5,{},1,0,"{""name"":""point"",""cx"":NaN,""cy"":1}",{}'),
    ):
        yield holding(f"VIA's table: {what}", "points.csv", (via + row + "\n").encode())
    for what, row in (
        ("a fraction of a size", "head,1,2,a.png,6.5,4"),
        ("few fields", "head,1,2,a.png"),
    ):
        yield holding(f"makesense.ai's table: {what}", "points.csv", (row + "\n").encode(), EITHER)


def _xml() -> Iterator[Hostile]:
    laughs = "".join(f'<!ENTITY a{k} "{f"&a{k - 1};" * 10}">' for k in range(1, 10))
    doctype = '<?xml version="1.0"?><!DOCTYPE annotations [{}]>'
    for what, text in (
        (
            "a billion laughs",
            doctype.format(f'<!ENTITY a0 "ha">{laughs}') + "<annotations>&a9;</annotations>",
        ),
        (
            "an entity of a file",
            doctype.format('<!ENTITY a SYSTEM "file:///etc/passwd">')
            + "<annotations>&a;</annotations>",
        ),
        (
            "an entity of an address",
            doctype.format('<!ENTITY % a SYSTEM "http://127.0.0.1:9/"> %a;') + "<annotations/>",
        ),
        (
            "a document type elsewhere",
            '<!DOCTYPE annotations SYSTEM "file:///dev/zero"><annotations/>',
        ),
        ("the first half", CVAT[: len(CVAT) // 2]),
        ("no end", CVAT.replace("</annotations>", "")),
        ("100,000 elements in each other", "<annotations>" + "<a>" * 100_000),
        ("an element of 1 MB", "<annotations><" + "a" * 10**6),
        ("two roots", "<annotations/><annotations/>"),
        ("another root", "<html/>"),
        ("a codec that is none", '<?xml version="1.0" encoding="nonsense"?><annotations/>'),
        ("UTF-7", '<?xml version="1.0" encoding="utf-7"?><annotations/>'),
        ("an image of 0 x 0", CVAT.replace('width="64"', 'width="0"')),
        ("an image of -1", CVAT.replace('width="64"', 'width="-1"')),
        ("an image of 10^30", CVAT.replace('width="64"', f'width="{10**30}"')),
        ("an image of no name", CVAT.replace('name="a.png" ', "")),
        ("an attribute twice", CVAT.replace('id="0"', 'id="0" id="1"')),
        ("a point of NaN", CVAT.replace("3.5,4.25", "nan,1")),
        ("a point of one number", CVAT.replace("3.5,4.25", "3.5")),
        ("no points", CVAT.replace("3.5,4.25", "")),
        ("a box of no side", CVAT.replace('xtl="1" ', "")),
        ("an ellipse of infinity", CVAT.replace('rx="3"', 'rx="inf"')),
        ("NUL", CVAT.replace("a.png", "a\0.png")),
        ("an image within an image", CVAT.replace("<points", '<image name="b.png"/><points')),
        ("a score that is none", CVAT.replace("0.5<", "high<")),
    ):
        yield holding(f"CVAT: {what}", "points.xml", text.encode(), EITHER)


def _lines() -> Iterator[Hostile]:
    for what, text, codes in (
        ("a count that lies", "1 3 3 4 9 9\n", BAD),
        ("a count of 10^18", f"1 {10**18} 3 4\n", BAD),
        ("a count of -1", "1 -1\n", BAD),
        ("a count of a fraction", "1 1.5 3 4\n", BAD),
        ("an image twice", NWPU * 2, BAD),
        ("an image of 10^30", f"{10**30} 1 3 4\n", EITHER),
        ("a number of 1,000,000 digits", f"1 1 {'9' * 10**6} 4\n", BAD),
        ("digits of another script", "1 1 \u0663 4\n", EITHER),
        ("half a line", "1 2 3 4 9", BAD),
        ("a line of 10 MB", "1 0 " + "3 4 " * 2_500_000 + "\n", BAD),
        ("truth of 3 numbers a head", "1 1 3 4 5\n", BAD),
        ("underscores", "1 1 1_0 4\n", EITHER),
        ("tabs", "1\t2\t3\t4\t9\t9\n", EITHER),
    ):
        yield holding(f"NWPU-Crowd's text: {what}", "points.txt", text.encode(), codes)


def settings() -> tuple[Hostile, ...]:
    """Files for raz train --config; wrong settings are wrong use."""
    wrong: tuple[int, ...] = (2, 3)
    either: tuple[int, ...] = (0, 2, 3)
    found: list[tuple[str, str | bytes, tuple[int, ...]]] = [
        ("10,000 lists", "a = " + "[" * 10_000 + "]" * 10_000, wrong),
        ("10,000 tables", "a = " + "{b=" * 10_000, wrong),
        ("a key of 10,000 parts", ".".join("a" * 10_000) + " = 1", wrong),
        ("a number of 1,000,000 digits", "steps = " + "1" * 10**6, wrong),
        ("a key twice", "steps = 1\nsteps = 2", wrong),
        ("an unknown key", "stepps = 1", wrong),
        ("a text for a number", 'steps = "many"', wrong),
        ("a fraction for a whole number", "steps = 1.5", wrong),
        ("NaN", "[optimizer]\nlearning_rate = nan", wrong),
        ("infinity", "[optimizer]\nlearning_rate = inf", wrong),
        ("-1", "steps = -1", wrong),
        ("2^80", f"steps = {2**80}", either),
        ("true for a number", "steps = true", wrong),
        ("a number for a table", "optimizer = 1", wrong),
        ("a table for a number", "[steps]\na = 1", wrong),
        ("a list for a text", "output = []", wrong),
        ("a date for a text", "output = 2024-01-01", wrong),
        ("a text of 1 MB", f'output = "{"a" * 10**6}"', either),
        ("NUL in a path", 'output = "a\\u0000b"', either),
        ("data that are no list", "data = 1", wrong),
        ("data of no layout", "[[data]]\nroot = 'x'", either),
        ("data of an unknown layout", "[[data]]\nlayout = 'x'", wrong),
        ("half a line", "steps =", wrong),
        ("no TOML", "{", wrong),
        ("bytes that are no UTF-8", b"output = '\xff'", wrong),
        ("zeros", bytes(1000), wrong),
        ("nothing", "", either),
        ("UTF-16", "steps = 1".encode("utf-16"), wrong),
        ("a byte order mark", b"\xef\xbb\xbfsteps = 1", either),
        ("old line ends", "steps = 1\rseed = 2", either),
        ("JSON", '{"steps": 1}', wrong),
        ("an image", b"\x89PNG\r\n\x1a\n", wrong),
    ]
    return tuple(
        holding(
            f"settings: {what}", "a.toml", text.encode() if isinstance(text, str) else text, codes
        )
        for what, text, codes in found
    )


def written(each: Hostile, folder: Path) -> Path:
    """The file of a case."""
    path = folder / each.file
    each.make(path)
    return path
