from __future__ import annotations

import importlib.util

import pytest
from PIL import features

from raz.io.readable import images_read, videos_read
from raz.io.video import VIDEO_SUFFIXES


@pytest.mark.parametrize("there", [True, False])
def test_each_format_is_read_or_its_need_is_named(there, monkeypatch):
    monkeypatch.setattr(features, "get_supported", lambda: ["jpg", "zlib"])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object() if there else None)
    reads, lacks = images_read()
    assert not set(reads) & set(lacks)
    assert {"JPEG", "PNG", "TIFF"} <= set(reads)
    assert {"WebP", "AVIF"} <= set(lacks)
    assert ("HEIC" in reads) == ("JPEG 2000" in reads) == ("TIFF in windows" in reads) == there
    found, needed = videos_read()
    assert {f".{suffix}" for suffix in found} == (VIDEO_SUFFIXES if there else set())
    assert bool(needed) != there
