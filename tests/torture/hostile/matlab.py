"""Hostile MATLAB files, of version 5 and 7.3 (HDF5)."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from hostile.case import BAD, EITHER, Hostile, holding


def matlab() -> Iterator[Hostile]:
    for compressed in (False, True):
        whole = _version_5(compressed)
        kind = "MATLAB 5, compressed" if compressed else "MATLAB 5"
        for share in (0.3, 0.6, 0.9):
            yield holding(
                f"{kind}: the first {share:.0%}", "a.mat", whole[: int(len(whole) * share)]
            )
        for k in range(12):
            yield holding(f"{kind}: changed bits {k}", "a.mat", _flipped(whole, k), EITHER)
    head = whole[:128]
    for what, data in (
        ("a header alone", head),
        ("an element of 4 GB", head + struct.pack("<II", 14, 2**32 - 8) + bytes(64)),
        ("an element of kind 99", head + struct.pack("<II", 99, 8) + bytes(8)),
        ("an array of 2^31 x 2^31", head + _array(2**31 - 1, 2**31 - 1)),
        ("an array of -1 x -1", head + _array(-1, -1)),
        ("an array of 2^15 x 2^16 without numbers", head + _array(2**15, 2**16)),
        ("200 MB in 200 KB", lambda: head + _bomb()),
        ("version 4", struct.pack("<5I", 0, 2**31 - 1, 2**31 - 1, 0, 10) + b"annPoints\0"),
        ("text", b"annPoints = [1 2; 3 4];\n"),
        ("nothing", b""),
        ("zeros", bytes(1000)),
        ("HDF5's mark alone", b"\x89HDF\r\n\x1a\n" + bytes(600)),
    ):
        yield holding(f"MATLAB: {what}", "a.mat", data)
    for what, value in (
        ("text for points", "heads"),
        ("complex points", np.array([[1j, 2]])),
        ("points of 3 numbers", np.ones((4, 3))),
        ("NaN", np.array([[np.nan, 1]])),
        ("infinity", np.array([[np.inf, 1]])),
        ("1e300", np.array([[1e300, 1]])),
        ("a cube", np.ones((2, 2, 2))),
        ("a struct of nothing", {"a": 1}),
    ):
        yield holding(f"MATLAB 5: {what}", "a.mat", partial(_saved, {"annPoints": value}), EITHER)
    deep: Any = np.array([[1.0, 2.0]])
    for _ in range(25):
        deep = {"in": deep}
    yield holding("MATLAB 5: points in 25 structs", "a.mat", partial(_saved, {"a": deep}), EITHER)
    yield from _version_7_3()


def _saved(variables: dict[str, Any], compressed: bool = False) -> bytes:
    from scipy.io import savemat

    file = io.BytesIO()
    savemat(file, variables, do_compression=compressed)
    return file.getvalue()


def _version_5(compressed: bool) -> bytes:
    points = np.random.default_rng(0).uniform(0, 40, (30, 2))
    return _saved({"annPoints": points, "info": {"number": 30, "by": "me"}}, compressed)


def _flipped(whole: bytes, seed: int) -> bytes:
    data, chance = bytearray(whole), random.Random(seed)
    for _ in range(3):
        data[chance.randrange(100, len(data))] ^= 1 << chance.randrange(8)
    return bytes(data)


def _array(rows: int, columns: int) -> bytes:
    """annPoints as doubles, of which there are two."""
    name = struct.pack("<II", 1, 9) + b"annPoints" + bytes(7)
    flags = struct.pack("<IIII", 6, 8, 6, 0)
    shape = struct.pack("<IIii", 5, 8, rows, columns)
    numbers = struct.pack("<IIdd", 9, 16, 1.0, 2.0)
    body = flags + shape + name + numbers
    return struct.pack("<II", 14, len(body)) + body


def _bomb() -> bytes:
    body = zlib.compress(struct.pack("<II", 14, 200_000_000) + bytes(200_000_000), 9)
    return struct.pack("<II", 15, len(body)) + body


def _version_7_3() -> Iterator[Hostile]:
    def made(fill: Callable[[Any], object]) -> Callable[[Path], None]:
        def make(path: Path) -> None:
            import h5py

            with h5py.File(path, "w", userblock_size=512) as file:
                fill(file)

        return make

    def points(file: Any) -> None:
        file["annPoints"] = np.random.default_rng(0).uniform(0, 40, (2, 30))

    def cut(share: float, path: Path) -> None:
        made(points)(path)
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])

    def flipped(seed: int, path: Path) -> None:
        made(points)(path)
        path.write_bytes(_flipped(path.read_bytes(), seed))

    def circle(file: Any) -> None:
        file.create_group("a")["a"] = file["/"]

    def link(file: Any) -> None:
        import h5py

        file["annPoints"] = h5py.ExternalLink("/etc/passwd", "/")

    def dangling(file: Any) -> None:
        import h5py

        file["annPoints"] = h5py.SoftLink("/annPoints")

    def petabyte(file: Any) -> None:
        file.create_dataset("annPoints", (2, 10**14), "f8", chunks=(1, 1000))

    def hundred(file: Any) -> None:
        file.create_dataset("annPoints", (2, 10**8), "f8", chunks=(1, 10**6), compression="gzip")

    def references(file: Any) -> None:
        import h5py

        itself = file.create_dataset("annPoints", (3,), h5py.ref_dtype)
        for k in range(3):
            itself[k] = itself.ref

    def nothing(file: Any) -> None:
        import h5py

        file.create_dataset("annPoints", (3,), h5py.ref_dtype)

    def texts(file: Any) -> None:
        file["annPoints"] = ["one", "two"]

    def compound(file: Any) -> None:
        file["annPoints"] = np.zeros(4, [("x", "f8"), ("y", "f8")])

    def characters(file: Any) -> None:
        file["annPoints"] = np.array([[2**31 - 1, 2**31 - 1]])
        file["annPoints"].attrs["MATLAB_class"] = np.bytes_("char")

    def many(file: Any) -> None:
        for k in range(3_000):
            file[f"group{k}/annPoints"] = np.zeros((2, 1))

    for share in (0.3, 0.6, 0.9):
        yield Hostile(f"MATLAB 7.3: the first {share:.0%}", "a.mat", partial(cut, share))
    for k in range(8):
        yield Hostile(f"MATLAB 7.3: changed bits {k}", "a.mat", partial(flipped, k), EITHER)
    for what, fill, codes in (
        ("a group in itself", circle, BAD),
        ("points in another file", link, BAD),
        ("a link to itself", dangling, BAD),
        ("10^14 points that are not there", petabyte, BAD),
        ("10^8 points that are not there", hundred, BAD),
        ("references to themselves", references, BAD),
        ("references to nothing", nothing, BAD),
        ("texts", texts, BAD),
        ("compounds", compound, BAD),
        ("characters that are none", characters, BAD),
        ("points in 3,000 places", many, BAD),
    ):
        yield Hostile(f"MATLAB 7.3: {what}", "a.mat", made(fill), codes)
