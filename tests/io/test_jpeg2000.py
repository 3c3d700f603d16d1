"""What the header of a JPEG 2000 file says, held against the file's length."""

from __future__ import annotations

import io
import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from images import scene
from raz.errors import InputError
from raz.io.decoding import decode, read_image_size
from raz.io.jpeg2000 import check_jpeg2000, is_jpeg2000

SIZ = b"\xff\x4f\xff\x51"


def written(**options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(scene(24, 40)).save(file, "JPEG2000", **options)
    return file.getvalue()


FILES = {
    "file": written(),
    "codestream": written(no_jp2=True),
    "tiles": written(tile_size=(8, 8)),
    "tiles, codestream": written(tile_size=(8, 8), no_jp2=True),
}


def stated(data: bytes, **fields: int) -> bytes:
    """The file with other numbers in its segment SIZ."""
    names = ("right", "bottom", "x", "y", "width", "height", "left", "top")
    start = data.index(SIZ) + 8
    values = dict(zip(names, struct.unpack(">8L", data[start : start + 32]), strict=True))
    return data[:start] + struct.pack(">8L", *(values | fields).values()) + data[start + 32 :]


@pytest.mark.parametrize("data", FILES.values(), ids=FILES)
def test_whole_files_pass(data: bytes) -> None:
    assert is_jpeg2000(data[:12])
    check_jpeg2000(io.BytesIO(data))
    assert decode(data).pixels.shape == (24, 40, 3)


@pytest.mark.parametrize("data", FILES.values(), ids=FILES)
def test_more_tiles_than_the_file_has_bytes_for(data: bytes) -> None:
    many = stated(data, right=60_000, width=1, height=24)
    with pytest.raises(InputError, match="too few for the 60000 tiles it states"):
        check_jpeg2000(io.BytesIO(many))
    for function in (decode, read_image_size):
        with pytest.raises(InputError, match="too few for the 60000 tiles"):
            function(many)


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(
    ("length", "reason"),
    [(2**32 - 1, "is longer than the file"), (2**31, "is longer"), (3, "has no length")],
)
def test_a_box_of_a_length_that_is_not_there(length: int, reason: str, large: bool) -> None:
    data = FILES["file"]
    place = data.index(b"jp2h") - 4
    box = (
        struct.pack(">L4sQ", 1, b"jp2h", length) if large else struct.pack(">L4s", length, b"jp2h")
    )
    with pytest.raises(InputError, match=f"its box 'jp2h' {reason}"):
        check_jpeg2000(io.BytesIO(data[:place] + box + data[place + 8 :]))


@given(st.sampled_from(list(FILES.values())), st.data())
def test_any_bytes_pass_or_are_bad_input(data: bytes, draw: st.DataObject) -> None:
    changed = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 4))):
        place = draw.draw(st.integers(0, len(data) - 1))
        changed[place] = draw.draw(st.integers(0, 255))
    with suppress(InputError):
        check_jpeg2000(io.BytesIO(changed[: draw.draw(st.integers(0, len(data)))]))
