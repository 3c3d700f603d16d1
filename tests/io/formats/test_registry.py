from __future__ import annotations

import gc
import io
import itertools
import json
import os
import re
import shutil
import subprocess
import tracemalloc

import pytest
import torch

from formats.results import make
from raz.errors import ResourceError
from raz.io.formats import COLLECTIONS, FORMATS, CollectionWriter, format_of, save_all

TEXTS = [name for name, known in FORMATS.items() if known.text]
WITH_HEADS = [name for name in TEXTS if name != "counts"]
SEVERAL = [name for name, known in FORMATS.items() if known.collection]


@pytest.mark.parametrize("name", FORMATS)
def test_every_suffix_leads_to_its_format(name):
    for suffix in FORMATS[name].suffixes:
        assert format_of(f"My.Image{suffix.upper()}").name == name


@pytest.mark.parametrize("name", TEXTS)
def test_a_name_goes_before_the_suffix(name, tmp_path):
    result = make()
    result.save(tmp_path / "out.json", format=name)
    suffix = FORMATS[name].suffixes[0]
    assert (tmp_path / "out.json").read_text() == result.save(tmp_path / f"b{suffix}").read_text()


def test_unknown_formats_are_answered_with_the_known_ones(tmp_path):
    for name in ("xls", "json"):
        known = "raz, jsonl, csv, counts, coco, cvat"
        with pytest.raises(ValueError, match=f"format is '{name}'.*{known}"):
            make().save(tmp_path / "out.json", format=name)
    with pytest.raises(ValueError, match=r"\.json, \.jsonl, \.csv, \.counts\.csv, \.coco\.json"):
        make().save(tmp_path / "out.npy")
    with pytest.raises(ValueError, match=r"format of several images is 'npz'.* raz, jsonl"):
        save_all([make()], tmp_path / "out.npz", format="npz")
    with pytest.raises(ValueError, match=r"must end in one of \.json, \.jsonl"):
        save_all([make()], tmp_path / "out.geojson")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", WITH_HEADS)
def test_no_cap_on_the_number_of_points(name):
    def numbers(points: int) -> int:
        result = make(torch.ones(points, 2).tolist(), path="1.jpg")
        return len(re.findall("[0-9.]+", FORMATS[name].text(result)))

    assert numbers(20_100) - numbers(0) == 20_100 * (numbers(1) - numbers(0)) > 40_000


@pytest.mark.parametrize("name", ["coco", "cvat", "geojson", "label-studio", "nwpu"])
def test_a_place_that_is_no_number_is_named(name, tmp_path):
    result = make([[1.0, 2.0], [float("nan"), 3.0]])
    words = r"points\[1\] is \[nan, 3\.0\]; x and y must be finite"
    with pytest.raises(ValueError, match=words):
        result.save(tmp_path / "out", format=name)
    if FORMATS[name].collection:
        with pytest.raises(ValueError, match=words):
            save_all([result], tmp_path / "out", format=name)
    assert not list(tmp_path.iterdir())


def failing():
    yield make()
    raise KeyboardInterrupt


@pytest.mark.parametrize("name", SEVERAL)
def test_a_run_that_is_broken_off_leaves_the_old_file(name, tmp_path):
    path = tmp_path / "out"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        save_all(failing(), path, format=name)
    assert path.read_text() == "old"
    # What there was until then is whole, beside it.
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out", "out.partial"]
    save_all([make()], path, format=name)
    assert (tmp_path / "out.partial").read_text() == path.read_text()


def out_of_memory():
    yield make()
    raise ResourceError("no memory")


def broken():
    yield make()
    raise OSError("the disk is gone")


@pytest.mark.parametrize("name", SEVERAL)
def test_results_that_have_room_are_whole_files(name, tmp_path, caplog):
    """The end of a file has room, too: results are left out for it."""
    resource = pytest.importorskip("resource")
    many = [make([[1.0, 2.0]] * 5, path=f"{number}.jpg") for number in range(400)]
    empty = save_all([], tmp_path / "empty", format=name)
    room = empty.stat().st_size + 8000
    empty.unlink()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limit[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            save_all(many, tmp_path / "out", format=name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    [file] = tmp_path.iterdir()
    kept = int(re.search(r"holds the first (\d+) results", caplog.text)[1])
    assert 0 < kept < 400
    save_all(many[:kept], tmp_path / "whole", format=name)
    assert file.read_text() == (tmp_path / "whole").read_text()


def test_results_until_the_disk_is_full_are_a_whole_file(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        with pytest.raises(OSError, match="No space left") as raised:
            save_all((make([[1.0, 2.0]] * 50) for _ in itertools.count()), disk / "out.json")
        assert raised.value.filename == str(disk / "out.json")
        [file] = disk.iterdir()
        assert file.name == "out.partial.json"
        assert len(json.loads(file.read_text())) > 10
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("name", ["out.coco.json", "out.jsonl", "a.b.csv"])
def test_results_until_memory_ran_out_keep_their_suffix(name, tmp_path, caplog):
    with pytest.raises(ResourceError):
        save_all(out_of_memory(), tmp_path / name)
    stem, suffix = name.split(".", 1) if name != "a.b.csv" else ("a.b", "csv")
    [file] = tmp_path.iterdir()
    assert file.name == f"{stem}.partial.{suffix}"
    assert "holds the first 1 results" in caplog.text


def test_without_a_result_or_after_another_error_nothing_is_left(tmp_path):
    with pytest.raises(OSError, match="disk"):
        save_all(broken(), tmp_path / "out.csv")
    with pytest.raises(KeyboardInterrupt):
        save_all(itertools.dropwhile(lambda _: True, failing()), tmp_path / "out.csv")
    assert not list(tmp_path.iterdir())


def test_results_whose_file_cannot_be_replaced_are_kept(tmp_path, monkeypatch, caplog):
    def refused(source, target):
        if target == tmp_path / "out.csv":
            raise PermissionError(1, "Operation not permitted")
        os.rename(source, target)

    monkeypatch.setattr(os, "replace", refused)
    with pytest.raises(PermissionError):
        save_all([make(), make()], tmp_path / "out.csv")
    monkeypatch.undo()
    [file] = tmp_path.iterdir()
    assert file.name == "out.partial.csv"
    assert "holds the first 2 results" in caplog.text
    assert file.read_text() == save_all([make(), make()], tmp_path / "whole.csv").read_text()


class Nowhere(io.StringIO):
    """Takes texts and keeps the length of the longest."""

    longest = 0

    def write(self, text: str) -> int:
        self.longest = max(self.longest, len(text))
        return len(text)


@pytest.mark.parametrize("suffix", COLLECTIONS)
def test_nothing_of_an_image_is_kept_but_its_name_and_size(suffix):
    file, result = Nowhere(), make(torch.ones(300, 2).tolist(), path="1.jpg")
    writer = CollectionWriter(file, COLLECTIONS[suffix])
    writer.write(result)
    tracemalloc.start()
    try:
        for _ in range(10):
            writer.write(result)
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert file.longest > (10 if suffix == ".counts.csv" else 1000)
    assert kept / 10 < 500
