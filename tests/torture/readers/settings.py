"""Texts by which somebody says what raz shall do: settings, options, names, addresses, logs."""

from __future__ import annotations

import argparse
import json
import math
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import torch

from raz import Result
from raz.cli.arguments import at_least, bands, number, positive
from raz.cli.ground import _known_point
from raz.cli.sources import _names
from raz.cli.train import _setting
from raz.cli.wording import printable, spoken
from raz.cli.zone_options import named_area
from raz.errors import InputError
from raz.ground import Ground
from raz.io.annotations import image_key, image_place, image_stem
from raz.io.formats import json_text, save
from raz.io.formats.csv import _plain_name, safe_cell
from raz.io.georeference import Georeference, map_ground
from raz.io.opening import is_address
from raz.io.video_stream import VideoStream
from raz.io.zones import Zones
from raz.models.downloads import _record
from raz.operating_point import OperatingPoint
from raz.training.config import config_toml, differences, make_config, read_config, recipe
from raz.training.report.curve import curve_figure
from raz.training.report.log import LogFile, cut_log, read_log

from .reader import Reader, placed


def read_configuration(data: bytes, folder: Path) -> None:
    """Read a configuration; what is read is written and read again as the same."""
    path = placed(data, folder, "in.toml")
    config = make_config(read_config(path))
    again = make_config(read_config(placed(config_toml(config).encode(), folder, "out.toml")))
    assert again == config
    assert differences(recipe(config), recipe(again)) == []
    assert config.total_steps is None or config.total_steps >= 0


def read_setting(data: bytes, folder: Path) -> None:
    """``--set NAME=VALUE``, then the configuration that it makes."""
    make_config(_setting(text_of(data)))


def read_point(data: bytes, folder: Path) -> None:
    """The thresholds of weights; what is read is written and read again as the same."""
    point = OperatingPoint.from_json(text_of(data))
    assert OperatingPoint.from_json(point.to_json()) == point
    for depth in (1, 2, 9):
        assert 0 <= point.peak_threshold(depth) <= 1
    if point.spread.highest_level > 0.5:
        low, high = point.spread.interval(0.5, 100.0, 0.1)
        assert 0 <= low <= high or math.isnan(high)


def read_lines_of_log(data: bytes, folder: Path) -> None:
    """The log of a training: read, drawn, cut, and written on."""
    path = placed(data, folder, "log.jsonl")
    lines = read_log(path)
    assert all(isinstance(line, dict) and isinstance(line["step"], int) for line in lines)
    kept = cut_log(path, 5)
    assert all(line["step"] <= 5 for line in kept)
    assert read_log(path) == kept or any(number != number for number in _numbers(kept))
    log = LogFile(path, 5)
    log.training(6, {"loss": 1.0})
    log.close()
    assert len(read_log(path)) == len(kept) + 1
    import matplotlib.pyplot as plt

    try:
        curve_figure(placed(data, folder, "drawn.jsonl"))
    finally:
        plt.close("all")


def _numbers(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [number for each in value.values() for number in _numbers(each)]
    if isinstance(value, list):
        return [number for each in value for number in _numbers(each)]
    return [value] if isinstance(value, float) else []


def read_options(data: bytes, folder: Path) -> None:
    """Every kind of value that an option of the command line takes: a value or a wrong use."""
    text = text_of(data)
    kinds: tuple[tuple[Callable[[str], Any], Callable[[Any], bool]], ...] = (
        (at_least(1, 1024), lambda value: 1 <= value <= 1024),
        (number(0), lambda value: 0 <= value < math.inf),
        (positive, lambda value: 0 < value < math.inf),
        (bands, lambda value: len(value) in (1, 3) and min(value) >= 1),
        (_known_point, lambda value: len(value) == 4 and all(map(math.isfinite, value))),
        (named_area, lambda value: len(value[1]) >= 3),
    )
    for kind, holds in kinds:
        with suppress(argparse.ArgumentTypeError):
            assert holds(kind(text))
    with suppress(argparse.ArgumentTypeError, ValueError):
        name, corners = named_area(text)
        Zones({name or "area": corners}).notes((30, 20))
    points = []
    for part in text.split():
        with suppress(argparse.ArgumentTypeError):
            points.append(_known_point(part))
    with suppress(ValueError):
        ground = Ground.of_points([p[:2] for p in points], [p[2:] for p in points])
        assert ground.area([(0, 0), (8, 0), (8, 8)]) >= 0


def read_names(data: bytes, folder: Path) -> None:
    """A list of ``--files-from``, and what a name does: keys, tables, lines of a terminal."""
    path = placed(data, folder, "list.txt")
    names = _names(str(path))
    assert names
    for name in names:
        stem, key, place = image_stem(name), image_key(name), image_place(name)
        assert "/" not in stem
        assert "/" not in key
        assert place.rpartition("/")[2] == key
        assert _plain_name(safe_cell(name)) == name
        line = printable(name)
        assert line.isprintable() or set(line) & set("\u200c\u200d\ufe0f") or not line.isascii()
        assert not any(ord(each) < 32 or 0x7F <= ord(each) < 0xA0 for each in line)
        assert "\n" not in spoken(line)
        is_address(name)


def read_address(data: bytes, folder: Path) -> None:
    """An address of a video: none that is told anybody has a password before its host."""
    stream = VideoStream(text_of(data))
    assert stream.interruptible
    if not stream.name.startswith("camera:"):
        assert not re.search("//[^/?#]*@", stream.name), stream.name
        with suppress(ValueError):
            assert not urlsplit(stream.name).password, stream.name


def write_name(data: bytes, folder: Path) -> None:
    """A hostile name in a report and in JSON: it acts nowhere, and is read back."""
    name = data.decode("utf-8", "surrogateescape")
    result = Result(
        points=torch.tensor([[3.5, 4.25]]), scores=torch.tensor([0.5]), density=torch.zeros(2, 3),
        count=1.0, count_density=1.0, count_points=1, image_size=(20, 12), path=name,
        warnings=(name,),
    )  # fmt: skip
    page = save(result, folder / "out.html").read_text()
    marked = save(Result(**{**vars_of(result), "path": "a", "warnings": ("a",)}), folder / "b.html")
    for tag in ("<script", "<img", "<style", "</script", "<a", "<svg", "<iframe", "<!--"):
        assert page.count(tag) == marked.read_text().count(tag), tag
    assert json.loads(json_text(result))["count"] == 1.0
    assert len(json_text(result).splitlines()) == 1


def vars_of(result: Result) -> dict[str, Any]:
    names = ("points", "scores", "density", "count", "count_density", "count_points", "image_size")
    return {name: getattr(result, name) for name in names}


def read_record(data: bytes, folder: Path) -> None:
    """What is kept of a download."""
    placed(data, folder, "record.json")
    record = _record(folder)
    assert all(isinstance(part, str) for item in record.items() for part in item)
    assert not record or len(record["sha256"]) == 64


def text_of(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


POINT = OperatingPoint(
    (0.4, 0.3), density_factors=(1.1,), residuals=(0.0, 0.1, 0.2), cell_residuals=(0.1, 0.2, 0.3)
)
CONFIG = {
    "steps": 2000,
    "output": "run",
    "crops": {"size": 256},
    "data": [{"layout": "folder", "root": "photos"}],
    "stages": [{"steps": 100, "train": "all"}],
}
LOG = (
    b'{"step": 1, "minutes": 0.1, "loss": 2.5, "seconds": 0.5}\n'
    b'{"step": 5, "minutes": 0.2, "validation": {"mae": 3.5, "mse": null}}\n'
    b'{"step": 9, "minutes": 0.3, "loss": 1.5}\n{"step": 1'
)


def configurations() -> list[bytes]:
    found = [b"steps = 2000\n[crops]\nsize = 256\n", b"minutes = 5\nseed = 1\n"]
    return [*found, config_toml(make_config({"steps": 2000})).encode()]


def map_points(data: bytes, folder: Path) -> None:
    """Numbers of a georeference: a ground, or none."""
    numbers = np.frombuffer(data[:48].ljust(48, b"\0"), np.float64).reshape(2, 3)
    place = Georeference(numbers, int.from_bytes(data[48:52], "little"))
    with np.errstate(all="ignore"), suppress(ValueError):
        ground = map_ground(place)
        assert ground is None or np.isfinite(ground.matrix).all()


TOML_WORDS = (
    *("steps", "minutes", "seed", "stages", "data", "crops.size", "batch_size", "output", "layout"),
    *("[crops]", "[[stages]]", "[[data]]", "true", "1979-05-27", "[1]", "{a=1}", "'''", "0x_f"),
)

READERS = (
    Reader("settings.toml", read_configuration, configurations, (ValueError,), "toml", TOML_WORDS),
    Reader("settings.set", read_setting, lambda: [b"steps=100", b"crops.size = 256", b"seed=1"],
           (ValueError,), "toml", TOML_WORDS),
    Reader("settings.operating-point", read_point,
           lambda: [POINT.to_json().encode(), OperatingPoint().to_json().encode(), b"{}"],
           (ValueError,), "json", tuple(OperatingPoint.__dataclass_fields__)),
    Reader("settings.log", read_lines_of_log, lambda: [LOG], (InputError,), "json",
           ("step", "minutes", "validation", "loss", "mae"), named="FOLDER/drawn.jsonl"),
    Reader("settings.options", read_options,
           lambda: [b"1", b"0.5", b"4,3,2", b"door=0,0 8,0 8,8",
                    b"1,2,3,4 5,6,7,8 1,6,3,8 5,2,7,4"],
           (), "lines", ("=", "1e400", "door=", "1_0")),
    Reader("settings.names", read_names,
           lambda: [b"a.jpg\nday/b.png\r\nclip.mp4#t=1.000\n", b"a.jpg\0b\nc.jpg\0", b"=1+2.jpg\n"],
           language="lines", named="FOLDER/list.txt",
           words=("clip.mp4#t=1.000", "./=", "C:\\a.jpg", "../", ".jpg", "rtsp://a@b/")),
    Reader("settings.address", read_address,
           lambda: [b"rtsp://user:secret@10.0.0.2/front", b"camera:0", b"https://h/a.m3u8?x#y"],
           (ValueError,), "lines", ("rtsp://", "@", ":", "//", "/", "user:secret@", "?", "#",
                                     "[::1]")),
    Reader("settings.report", write_name, lambda: [b"a.jpg", b"</script><script>alert(1)</script>"],
           (), "xml", ("<script>", "</script>", "<!--", "-->", "<img src=x>", "&lt;", "</style>")),
    Reader("settings.download-record", read_record,
           lambda: [json.dumps({"url": "u", "sha256": "0" * 64, "etag": "x"}).encode()], (),
           "json"),
    Reader("settings.georeference", map_points,
           lambda: [np.array([0.5, 0, 399_000, 0, -0.5, 5_757_000]).tobytes() + b"\x78\x7f\0\0"],
           ()),
)  # fmt: skip
