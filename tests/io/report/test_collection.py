"""Files of reports: whole, closed, bounded, and safe whatever names say."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from report_results import HOSTILE, crowd

from raz.io import small_copy
from raz.io.formats import save_all
from raz.io.report import Contents, report_collection, report_text, save_report
from raz.io.report.page import page


class Reader(HTMLParser):
    """Collects the elements, their attributes, and the text of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self.texts.append("")

    def handle_data(self, data) -> None:
        if self.cdata_elem in ("script", "style"):
            self.texts[-1] += data

    def data(self, name: str) -> list[dict]:
        scripts = [found for found in self.elements if found[0] in ("script", "style")]
        return [
            json.loads(text)
            for (_, attributes), text in zip(scripts, self.texts, strict=True)
            if attributes.get("class") == f"raz-{name}"
        ]


def test_nothing_in_the_file_is_fetched() -> None:
    reader = Reader(report_text(crowd()))
    for tag, attributes in reader.elements:
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            address = attributes.get(name)
            assert address is None or address.startswith(("#", "data:")), (tag, address)
        assert not [name for name in attributes if name.startswith("on") or name == "style"]


def test_the_policy_allows_the_one_style_and_the_one_script() -> None:
    reader = Reader(report_text(crowd()))
    policy = next(
        attributes["content"]
        for tag, attributes in reader.elements
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    style, *_, script = reader.texts
    for kind, text in (("style-src", style), ("script-src", script)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; img-src data:; ")
    assert not {"'unsafe-inline'", "'unsafe-eval'", "*", "http"} & set(re.split(r"[\s;]+", policy))


@given(st.text() | st.just(HOSTILE))
def test_no_name_breaks_out(name: str) -> None:
    plain = Reader(report_text(crowd(heads=1, image=None, path="a.jpg")))
    marked = Reader(
        report_text(crowd(heads=1, image=None, path=name, model=name, warnings=(name,)))
    )
    assert marked.elements == plain.elements
    [figures] = marked.data("figures")
    assert figures["warnings"] == [name]


def test_results_are_written_as_they_come(tmp_path: Path) -> None:
    seen = []

    def results():
        for seed in range(3):
            seen.append(seed)
            yield crowd(heads=2, size=(40, 32), seed=seed)

    file = save_report(results(), tmp_path / "report.html")
    assert seen == [0, 1, 2]
    reader = Reader(file.read_text(encoding="utf-8"))
    assert [row["name"] for row in reader.data("figures")] == [
        f"folder/crowd-{seed}.jpg" for seed in range(3)
    ]
    assert len(reader.data("view")) == 3


def test_views_and_thumbnails_end_where_the_limits_say() -> None:
    collection = report_collection(Contents(view_bytes=1, thumbnail_bytes=1))
    items = "".join(collection.item(crowd(heads=5, seed=seed)) for seed in range(3))
    reader = Reader(items)
    assert len(reader.data("view")) == 1  # the first always has one
    assert ["thumbnail" in row for row in reader.data("figures")] == [True, False, False]


def size_of(address: str) -> tuple[int, int]:
    kind, _, data = address.partition(",")
    assert kind == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(data))).size


def test_images_keep_within_their_sides_and_a_file_is_decoded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = []

    def read_image(path, **limits):
        decoded.append(path)
        return reading(path, **limits)

    reading = small_copy.read_image
    monkeypatch.setattr(small_copy, "read_image", read_image)
    file = tmp_path / "photo.png"
    Image.new("RGB", (203, 149)).save(file)
    result = crowd(image=None, path=str(file))
    collection = report_collection(Contents(image_side=64, thumbnail_side=20, view_bytes=1))
    reader = Reader(collection.item(result) + collection.item(result))
    assert [size_of(row["thumbnail"]) for row in reader.data("figures")] == [(20, 15), (20, 15)]
    assert [size_of(view["image"]) for view in reader.data("view")] == [(64, 47)]
    assert decoded == [str(file)] * 2


def test_the_format_of_the_suffix_is_the_report(tmp_path: Path) -> None:
    one, two = tmp_path / "one.html", tmp_path / "two.html"
    crowd(heads=2).save(one)
    save_all([crowd(heads=2)], two)
    assert one.read_text(encoding="utf-8") == two.read_text(encoding="utf-8")
    assert one.read_text(encoding="utf-8") == report_text(crowd(heads=2))
    assert crowd(heads=2).report(tmp_path / "three").read_bytes() == one.read_bytes()


def test_an_interrupted_report_is_whole(tmp_path: Path) -> None:
    def results():
        yield crowd(heads=2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save_report(results(), tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()
    text = (tmp_path / "report.partial.html").read_text(encoding="utf-8")
    assert len(Reader(text).data("view")) == 1
    assert text.endswith(page().tail)
