"""Hostile files of weights and exported models."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

from hostile.case import Hostile, holding

BAD = (4,)
EITHER = (0, 4)


@cache
def weights() -> tuple[Hostile, ...]:
    """Files for --weights."""
    found = (*_safetensors(), *_torch(), *_others())
    assert len({each.name for each in found}) == len(found)
    return found


def published() -> bytes:
    import raz.models

    folder = Path(raz.models.__file__).parent / "weights"
    return (folder / "raznet_lite_shanghaitech.safetensors").read_bytes()


def _file(header: Any, body: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def _tensor(kind: str = "F32", shape: Any = (2,), offsets: Any = (0, 8)) -> dict[str, Any]:
    return {"dtype": kind, "shape": shape, "data_offsets": offsets}


def _safetensors() -> Iterator[Hostile]:
    body = bytes(64)
    for what, data in (
        ("nothing", b""),
        ("7 bytes", bytes(7)),
        ("a header of 2^63 bytes", _file({}, body, 2**63)),
        ("a header of 2^64 - 1 bytes", _file({}, body, 2**64 - 1)),
        ("a header of 0 bytes", _file(b"", body)),
        ("a header longer than the file", _file({}, body, 10_000)),
        ("a header of 100 MB of blanks", lambda: _file(b"{" + b" " * 10**8 + b"}")),
        ("a header that is no JSON", _file(b"{" * 100)),
        ("a header of 100,000 lists", _file(b"[" * 100_000)),
        ("a header that is a list", _file([])),
        ("no tensors", _file({})),
        ("a tensor of half a file", _file({"a": _tensor(offsets=(0, 8))}, bytes(4))),
        ("a tensor at 2^63", _file({"a": _tensor(offsets=(2**63, 2**63 + 8))}, body)),
        ("a tensor from 8 to 0", _file({"a": _tensor(offsets=(8, 0))}, body)),
        ("a tensor from -8 to 0", _file({"a": _tensor(offsets=(-8, 0))}, body)),
        ("a shape of 2^40 x 2^40", _file({"a": _tensor(shape=(2**40, 2**40))}, bytes(8))),
        ("a shape of -1", _file({"a": _tensor(shape=(-1,))}, bytes(8))),
        ("a shape that is no list", _file({"a": _tensor(shape="many")}, bytes(8))),
        ("a shape that does not fit", _file({"a": _tensor(shape=(3,))}, bytes(8))),
        ("a type that is none", _file({"a": _tensor("F99")}, bytes(8))),
        ("tensors over each other", _file({"a": _tensor(), "b": _tensor()}, bytes(8))),
        ("a hole", _file({"a": _tensor(), "b": _tensor(offsets=(16, 24))}, bytes(24))),
        (
            "a name twice",
            _file(b'{"a":{},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}', bytes(8)),
        ),
        ("another net's tensors", _file({"a": _tensor()}, bytes(8))),
        ("metadata that are no text", _file({"__metadata__": {"a": 1}, "a": _tensor()}, bytes(8))),
        ("200,000 tensors of nothing", _many),
        ("bytes behind the last tensor", lambda: published() + b"x"),
    ):
        yield holding(f"safetensors: {what}", "a.safetensors", data, BAD)
    for share in (0.001, 0.3, 0.7, 0.999):
        yield holding(
            f"safetensors: the first {share:.1%}", "a.safetensors", partial(_cut, share), BAD
        )
    header = _header()
    names = [name for name in header if name != "__metadata__"]
    for what, change in _changes(names[0], header[names[0]]):
        yield holding(f"safetensors: {what}", "a.safetensors", partial(_with, change), BAD)
    for what, metadata in _metadata(header.get("__metadata__", {})):
        make = partial(_with, {"__metadata__": metadata})
        yield holding(f"safetensors whose metadata {what}", "a.safetensors", make, EITHER)
    yield holding("safetensors: NaN", "a.safetensors", _nan, BAD)


def _header() -> dict[str, Any]:
    whole = published()
    header: dict[str, Any] = json.loads(whole[8 : _body(whole)])
    return header


def _body(whole: bytes) -> int:
    length: int = struct.unpack("<Q", whole[:8])[0]
    return 8 + length


def _cut(share: float) -> bytes:
    whole = published()
    return whole[: int(len(whole) * share)]


def _with(change: dict[str, Any]) -> bytes:
    whole = published()
    return _file(_header() | change, whole[_body(whole) :])


def _nan() -> bytes:
    whole = published()
    place = _body(whole)
    return whole[:place] + b"\xff" * 4096 + whole[place + 4096 :]


def _many() -> bytes:
    tensor = _tensor(shape=(0,), offsets=(0, 0))
    return _file({f"t{k}": tensor for k in range(200_000)})


def _changes(name: str, tensor: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    flat = 1
    for size in tensor["shape"]:
        flat *= size
    yield "a tensor of another shape", {name: tensor | {"shape": [flat]}}
    yield "a tensor as integers", {name: tensor | {"dtype": "I32"}}
    yield "a tensor as halves", {name: tensor | {"dtype": "F16", "shape": [2 * flat]}}


def _metadata(usual: dict[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    yield "are gone", {}
    for key in usual:
        for what, value in (
            *(("nothing", ""), ("NaN", "NaN"), ("10^400", "1" + "0" * 400), ("a list", "[1, 2]")),
            *(("100,000 lists", "[" * 100_000), ("an object", "{}"), ("1 MB", "x" * 10**6)),
        ):
            yield f"say {key} is {what}", usual | {key: value}


class _Runs:
    """What a pickle would run: it makes a file in the working directory."""

    def __reduce__(self) -> Any:
        return (open, ("ran.txt", "w"))


def _torch() -> Iterator[Hostile]:
    import torch

    def saved(value: Any) -> bytes:
        file = io.BytesIO()
        torch.save(value, file)
        return file.getvalue()

    whole = saved({"a": torch.ones(300)})
    for what, data in (
        ("another net's", whole),
        ("a list", saved([torch.ones(3)])),
        ("a number", saved(1)),
        ("a key that is no text", saved({1: torch.ones(3)})),
        ("a value that is no tensor", saved({"a": "b"})),
        ("code", saved({"a": _Runs()})),
        ("a pickle that runs", pickle.dumps(_Runs())),
        ("an old pickle that runs", pickle.dumps(_Runs(), 0)),
        ("a pickle of 100,000 lists", b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b"."),
        ("the first half", whole[: len(whole) // 2]),
        ("an empty archive", _archive({})),
        ("an archive of something", _archive({"a.txt": b"a"})),
        ("an archive with a path upwards", _archive({"../../data.pkl": b"\x80\x02}."})),
        ("an archive of 100 MB of zeros", lambda: _archive({"a/data.pkl": bytes(10**8)})),
    ):
        yield holding(f"torch: {what}", "a.pth", data, BAD)


def _archive(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def _others() -> Iterator[Hostile]:
    for what, data in (
        ("HTML", b"<!DOCTYPE html><html><body>404</body></html>"),
        ("Git LFS", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"),
        ("zeros", bytes(10_000)),
        ("an image", b"\x89PNG\r\n\x1a\n" + bytes(100)),
    ):
        for file in ("a.safetensors", "a.pth", "a.bin"):
            yield holding(f"{what}, named {file}", file, data, BAD)
    yield Hostile("a folder", "a.safetensors", Path.mkdir, BAD)
    yield Hostile("a link to itself", "a.safetensors", lambda path: path.symlink_to(path), BAD)
    yield Hostile("a link to nothing", "a.safetensors", lambda path: path.symlink_to("gone"), BAD)
    for device in ("/dev/zero", "/dev/null", "/dev/urandom"):
        for file in ("a.safetensors", "a.pth"):
            yield Hostile(
                f"{device}, as {file}", file, lambda path, to=device: path.symlink_to(to), BAD
            )


@cache
def models() -> tuple[Hostile, ...]:
    """Files for --model: each called a.onnx."""
    return tuple(
        holding(f"ONNX: {what}", "a.onnx", data, BAD)
        for what, data in (
            ("nothing", b""),
            ("zeros", bytes(1000)),
            ("text", b"a model\n"),
            ("HTML", b"<!DOCTYPE html><html><body>404</body></html>"),
            ("a graph of nothing", b"\x08\x08\x3a\x00"),
            ("a field of 2^63 bytes", b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f"),
            ("messages in each other", b"\x3a\x7f" * 1000),
            ("random bytes", bytes(range(256)) * 40),
            *_graphs(),
        )
    )


def _graphs() -> Iterator[tuple[str, bytes]]:
    """Graphs that are whole, but no net of raz's; they need the package onnx."""
    try:
        from onnx import TensorProto, helper
    except ImportError:
        return

    def model(inputs: list[Any], outputs: list[Any], nodes: list[Any], **metadata: str) -> bytes:
        graph = helper.make_graph(nodes, "a", inputs, outputs)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
        helper.set_model_props(made, metadata)
        data: bytes = made.SerializeToString()
        return data

    image = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["B", 3, "H", "W"])
    other = helper.make_tensor_value_info("points", TensorProto.FLOAT, ["B", 3, "H", "W"])
    same = helper.make_node("Identity", ["images"], ["points"])
    whole = model([image], [other], [same])
    yield "another net", whole
    yield "the first half", whole[: len(whole) // 2]
    yield (
        "an operator that is none",
        model([image], [other], [helper.make_node("Nonsense", ["images"], ["points"])]),
    )
    yield (
        "a graph in a circle",
        model([image], [other], [helper.make_node("Add", ["images", "points"], ["points"])]),
    )
    for key in ("raz", "stride", "architecture", "operating_point"):
        yield (
            f"metadata that say {key} is nonsense",
            model([image], [other], [same], **{key: "[" * 1000}),
        )
    for kind in ("/etc/passwd", "../../../../etc/passwd"):
        tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4], data_location=1)
        for key, value in (("location", kind), ("length", "16")):
            tensor.external_data.add(key=key, value=value)
        graph = helper.make_graph([same], "a", [image], [other], [tensor])
        yield f"weights in {kind}", helper.make_model(graph).SerializeToString()
