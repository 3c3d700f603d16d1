"""Strangers' weights: safetensors, torch.save, checkpoints, ONNX."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from raz.errors import WeightsError
from raz.export.runtimes import load
from raz.models.weights import architecture_of, load_weights, read_weights
from raz.operating_point import OperatingPoint
from raz.training.checkpoint import check_complete, load_state, save_state

from .mutations import LANGUAGES, Scramble, changed_bytes
from .reader import Reader, placed


@cache
def net() -> Any:
    from raz.models import get_model

    return get_model("raznet_lite", weights=None)


def read_tensors(data: bytes, folder: Path) -> None:
    """Whatever a file holds, a net takes it whole or stays as it is."""
    path = placed(data, folder, "in.weights")
    name = architecture_of(path)
    assert name is None or isinstance(name, str)
    tensors, metadata = read_weights(path)
    for key, value in tensors.items():
        assert isinstance(key, str)
        assert value.layout == torch.strided
        assert value.device.type == "cpu"
    assert all(isinstance(part, str) for item in metadata.items() for part in item)
    with suppress(WeightsError):
        load_weights(net(), path)
        raise AssertionError("a net took a few tensors of other names")


def read_state(data: bytes, folder: Path) -> None:
    """A training's state, which ends in its digest."""
    state = load_state(placed(data, folder, "state.pt"))
    assert isinstance(state, dict)
    check_complete(folder / "state.pt", state)


def read_onnx(data: bytes, folder: Path) -> None:
    """A file of another runtime, whole."""
    check_network(load(placed(data, folder, "in.onnx"), "onnxruntime"))


def read_onnx_metadata(data: bytes, folder: Path) -> None:
    """The metadata of such a file: an object of texts."""
    try:
        values = json.loads(data)
        texts = {str(name): str(value) for name, value in values.items()}
        content = onnx_file(texts)
    except (ValueError, AttributeError, RecursionError, TypeError):
        return
    check_network(load(placed(content, folder, "in.onnx"), "onnxruntime"))


def check_network(network: Any) -> None:
    assert network.stride >= 1
    assert network.receptive_field >= 1
    assert network.bytes_per_pixel >= 0
    assert isinstance(network.operating_point, OperatingPoint)
    assert isinstance(network.architecture, str)


METADATA = {
    "architecture": "raznet_lite",
    "operating_point": OperatingPoint().to_json(),
    "raz_version": "0.3.0",
    "stride": "8",
    "receptive_field": "200",
    "bytes_per_pixel": "500",
}


def onnx_file(metadata: dict[str, str]) -> bytes:
    """A graph whose outputs have the names of a net's maps, and nothing else of one."""
    from onnx import TensorProto, helper

    outputs = ("localization", "raw_density", "attention")
    image = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 8, 8])
    found = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    nodes = [helper.make_node("Identity", ["images"], [name]) for name in outputs]
    model = helper.make_model(
        helper.make_graph(nodes, "net", [image], found),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=8,
    )
    helper.set_model_props(model, metadata)
    return bytes(model.SerializeToString())


def safetensors() -> list[bytes]:
    tensors = {"head.weight": torch.ones(2, 3), "head.bias": torch.zeros(2, dtype=torch.float16)}
    return [save(tensors, metadata={**METADATA, "options": "{}"}), save({"a": torch.ones(())})]


def torch_files() -> list[bytes]:
    found = []
    for content, new in (
        ({"module.head.weight": torch.ones(2, 3)}, True),
        ({"head.weight": torch.ones(2, 3)}, False),
    ):
        file = io.BytesIO()
        torch.save(content, file, _use_new_zipfile_serialization=new)
        found.append(file.getvalue())
    return found


@cache
def states() -> list[bytes]:
    import tempfile

    state = {
        "recipe": {"steps": 5, "crops.size": 256}, "model": {"a": torch.ones(2)},
        "ema": {"updates": 5, "mean": {"a": torch.ones(2)}},
        "step": 5, "stage": 0, "validated_step": 5, "stage_step": 5, "seconds": 1.0, "best": 2.0,
        "clipping": {"count": 0, "norms": torch.zeros(2)},
        "plateau": {"factor": 1.0, "best": 2.0, "stalled": 0},
        "optimizer": {"state": {}, "param_groups": [{"lr": 0.1}]},
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "state.pt")
        save_state(path, state)
        sealed = path.read_bytes()
    file = io.BytesIO()
    torch.save(state, file)
    return [sealed, file.getvalue()]


def changed_archive(
    data: bytes, rng: random.Random, words: tuple[str, ...], scrambled: Scramble
) -> bytes:
    """What torch.save wrote, with a member changed and the checksums of it put right."""
    if rng.random() < 0.3:
        return changed_bytes(data, rng, words, scrambled)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [(each.filename, archive.read(each)) for each in archive.infolist()[:20]]
    except Exception:  # it is none any more
        return changed_bytes(data, rng, words, scrambled)
    if not members:
        return scrambled(data)
    index = rng.randrange(len(members))
    index = (
        next((i for i, (name, _) in enumerate(members) if name.endswith(".pkl")), index)
        if rng.random() < 0.7
        else index
    )
    name, content = members[index]
    members[index] = name, changed_bytes(content, rng, words, scrambled)
    if rng.random() < 0.1:
        del members[rng.randrange(len(members))]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


LANGUAGES["archive"] = changed_archive

PICKLE_WORDS = (
    "cos\nsystem\n",
    "ctorch\nload\n",
    "R.",
    "tR",
    "}q",
    "]q",
    "ccollections\nOrderedDict\n",
)


def of(
    name: str, read: Callable[[bytes, Path], None], seeds: Callable[[], list[bytes]], language: str,
    *words: str, file: str = "in.weights", size: int = 8192, memory: int = 256,
) -> Reader:  # fmt: skip
    return Reader(
        f"weights.{name}", read, seeds, (WeightsError,), language, words,
        named="" if file is None else f"FOLDER/{file}", size=size, memory=memory,
    )  # fmt: skip


READERS = (
    of("safetensors", read_tensors, safetensors, "safetensors", "dtype", "shape", "data_offsets",
       "F32", "F16", "I8", "BOOL", "F8_E4M3", "C64", "__metadata__", "operating_point",
       "head.weight"),
    of("torch", read_tensors, torch_files, "archive", *PICKLE_WORDS),
    of("checkpoint", read_state, states, "archive", *PICKLE_WORDS, file="state.pt"),
    of("onnx-metadata", read_onnx_metadata, lambda: [json.dumps(METADATA).encode()], "json",
       *METADATA, "8", "-1", "1e3", "{}", file="in.onnx"),
    of("onnx", read_onnx, lambda: [onnx_file(METADATA)], "bytes", "Identity", "images",
       file="in.onnx"),
)  # fmt: skip
