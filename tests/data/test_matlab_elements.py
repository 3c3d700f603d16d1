"""What a MATLAB file of version 5 holds is checked before SciPy reads it."""

from __future__ import annotations

import io
import struct
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raz.data.matlab import read_matlab
from raz.data.matlab_elements import checked_elements
from raz.errors import InputError

MOST = 10**6

matlab = pytest.importorskip("scipy.io")

CELLS = np.empty((1, 2), dtype=object)
CELLS[0, 0], CELLS[0, 1] = {"location": [[12.5, 30.0]], "number": 1}, np.zeros((0, 2))
CONTENTS: dict[str, dict[str, Any]] = {
    "numbers": {"annPoints": [[12.5, 30.0]], "z": np.array([[1 + 2j]]), "n": np.int8(3)},
    "text": {"name": "IMG_1.jpg", "names": ["a", "bcd"], "accent": "caf\u00e9 \u6f22"},
    "cells": {"image_info": CELLS},
    "structs": {"rows": np.array([(1.0, "a")], dtype=[("x", "f8"), ("y", "O")])},
    "sparse": {"map": pytest.importorskip("scipy.sparse").csc_matrix([[0.0, 2.0]])},
    "nothing": {},
}


def saved(content: dict[str, Any], **options: Any) -> bytes:
    file = io.BytesIO()
    matlab.savemat(file, content, **options)
    return file.getvalue()


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("name", CONTENTS)
def test_what_scipy_writes_is_read_as_before(name: str, compressed: bool) -> None:
    content = saved(CONTENTS[name], do_compression=compressed)
    checked = checked_elements(content, MOST)
    assert compressed or checked == content
    assert str(matlab.loadmat(io.BytesIO(checked))) == str(matlab.loadmat(io.BytesIO(content)))


def test_version_4_is_as_it_was() -> None:
    content = saved({"annPoints": [[12.5, 30.0]]}, format="4")
    assert checked_elements(content, MOST) == content


@pytest.mark.parametrize("kind", [0, 8, 10, 14, 21, 265, 0xFFFF])
def test_a_type_beyond_scipys_table_is_bad_input(kind: int, tmp_path: Path) -> None:
    content = bytearray(saved({"annPoints": [[12.5, 30.0]]}))
    at = content.rindex(struct.pack("<II", 9, 16))  # SciPy looked up any type, and crashed
    content[at : at + 4] = struct.pack("<I", kind)
    path = tmp_path / "a.mat"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"a.mat: .*an element of type {kind}, where"):
        read_matlab(path)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_change_of_a_byte_is_checked(data: st.DataObject) -> None:
    content = bytearray(saved(CONTENTS[data.draw(st.sampled_from(sorted(CONTENTS)))]))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with suppress(ValueError):
        checked = checked_elements(bytes(content), MOST)
        with suppress(Exception):  # SciPy may refuse more; it must not crash
            matlab.loadmat(io.BytesIO(checked))
        assert len(checked) == len(content)


def test_cells_beyond_their_element_take_no_memory() -> None:
    content = bytearray(saved({"cells": CELLS}))
    at = content.index(struct.pack("<ii", 1, 2))
    content[at : at + 8] = struct.pack("<ii", 2**30, 2**30)
    with pytest.raises(ValueError, match="do not fit into their element"):
        checked_elements(bytes(content), MOST)


def test_structs_lie_only_so_deep() -> None:
    nested: Any = 1
    for _ in range(40):
        nested = {"inner": nested}
    with pytest.raises(ValueError, match="too deep"):
        checked_elements(saved({"nested": nested}), MOST)


def test_what_unpacks_to_too_much_is_refused() -> None:
    content = saved({"zeros": np.zeros(100_000)}, do_compression=True)
    assert len(content) < 10_000
    with pytest.raises(ValueError, match=r"has 800,0.. bytes; 100,000 are read"):
        checked_elements(content, 100_000)
    several = content + content[128:]
    with pytest.raises(ValueError, match=r"has 800,0.. bytes; 1,000,000 are read"):
        checked_elements(several, 1_000_000)


def test_a_tag_that_says_too_little_is_no_bomb() -> None:
    packed = zlib.compress(struct.pack("<II", 14, 8) + bytes(10**6))
    content = saved({})[:128] + struct.pack("<II", 15, len(packed)) + packed
    with pytest.raises(ValueError, match="an element of type 0, where"):
        checked_elements(content, 1000)
