"""An exported network at work in ONNX Runtime or OpenVINO, wherever a model is taken.

The runtime computes the three maps alone; zooming, tiling and the reading of maps are those of any
other model.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from raz.errors import WeightsError, installs, shown
from raz.export.reading import MAPS, NUMBERS
from raz.network import PAD_MULTIPLE, OperatingPoint

__all__ = ["Runtime", "RuntimeNetwork", "load"]

Runtime = Literal["onnxruntime", "openvino"]
"""A library that runs exported networks, and the extra that installs it."""

Run = Callable[[Any], Sequence[Any]]
"""Images, an array float32 [B, 3, H, W], to the arrays of `MAPS` in their order."""

_MEMORY: dict[Runtime, float] = {"onnxruntime": 1.0, "openvino": 1.3}
"""Peak memory of a pass for that in torch, whose measure is 300 bytes per pixel of raznet_lite:
ONNX Runtime took 226, OpenVINO 330, and 383 after passes of eleven sizes."""

_NO_MEMORY = re.compile("alloc", re.IGNORECASE)  # "failed to allocate", "bad_alloc"


@dataclass(frozen=True)
class RuntimeNetwork:
    """A network that another runtime computes; it has all of :class:`raz.network.Network`.

    Threads may share it. It computes in float32 on the CPU: images elsewhere are copied there, and
    the maps back.

    Attributes:
        runtime: which computes it.
        architecture, stride, receptive_field, operating_point: of the network that was exported.
        bytes_per_pixel: its own, in torch, or more where the runtime takes more.

    Example:
        >>> load("raznet_lite.onnx")(torch.zeros(1, 3, 64, 48))["density"].shape  # doctest: +SKIP
        torch.Size([1, 8, 6])
    """

    runtime: Runtime
    architecture: str
    stride: int
    receptive_field: int
    bytes_per_pixel: int
    operating_point: OperatingPoint
    run: Run = field(repr=False)

    def __call__(self, images: Tensor, /) -> dict[str, Tensor]:
        """Map float RGB [B, 3, H, W] in [0, 1] to the float32 maps of any network.

        Raises:
            MemoryError: the runtime has no memory left.
            WeightsError: the file computes other maps than those of a network.
        """
        try:
            found = self.run(images.detach().float().cpu().contiguous().numpy())
        except Exception as error:  # each runtime has classes of its own
            if _NO_MEMORY.search(str(error)):
                raise MemoryError(f"{self.runtime}: {error}") from error
            raise
        batch, _, *size = images.shape
        cells = [batch, *(-(-side // self.stride) for side in size)]
        maps = {}
        for name, each in zip(MAPS, found, strict=True):
            shape = [batch, *size] if name == "localization" else cells
            if str(each.dtype) != "float32" or list(each.shape) != shape:
                raise WeightsError(
                    f"{self.architecture}: {name} of {self.runtime} is {each.dtype} "
                    f"{list(each.shape)}; it must be float32 {shape}, so its file is damaged"
                )
            maps[name] = torch.from_numpy(each).to(images.device)
        return maps


def load(path: str | os.PathLike[str], runtime: Runtime | None = None) -> RuntimeNetwork:
    """Load a file of :func:`export_onnx` into another runtime, to be used wherever a model is.

    It takes as many threads as torch has now (``torch.get_num_threads()``), and computes in float32
    on every processor.

    Args:
        path: The file.
        runtime: "onnxruntime" or "openvino"; None takes the first of them that is installed.

    Raises:
        WeightsError: there is no such file, it is damaged, or raz did not write it; or it was
            written before files held the maps that zooming needs, and must be exported anew.
        ImportError: the runtime is not installed; the message names the extra.
        ValueError: there is no such runtime.

    Example:
        >>> import raz
        >>> model = load("raznet_lite.onnx", "openvino")  # doctest: +SKIP
        >>> raz.predict("photo.jpg", model=model).count  # doctest: +SKIP
        61.3
    """
    if runtime is not None and runtime not in _RUNTIMES:
        raise ValueError(f"runtime is {runtime!r}; it must be one of {', '.join(_RUNTIMES)}")
    wanted = [each for each in _RUNTIMES if runtime in (each, None)]
    chosen = next((each for each in wanted if importlib.util.find_spec(each)), None)
    if chosen is None:
        ways = " or ".join(map(installs, wanted))
        raise ImportError(f"{path} needs {runtime or 'a runtime'}: {ways}")
    file = Path(path)
    if not file.is_file():
        raise WeightsError(f"{file}: no such file")
    try:
        opened = _RUNTIMES[chosen](file)
    except Exception as error:  # each runtime has classes of its own
        reason = shown(" ".join(str(error).split()), 300)
        raise WeightsError(f"{file}: {chosen} cannot read it as an ONNX file ({reason})") from error
    metadata, names, compiled = opened
    if "operating_point" not in metadata:
        raise WeightsError(f"{file}: not a file of raz export")
    if not {*NUMBERS} <= metadata.keys() or not {*MAPS.values()} <= {*names}:
        raise WeightsError(
            f"{file}: raz {shown(metadata.get('raz_version'), 40)} wrote it without the maps that "
            "zooming needs; write it anew with `raz export`"
        )
    try:
        architecture, point = metadata["architecture"], metadata["operating_point"]
        stride, reach, bytes_per_pixel = (_number(metadata, name) for name in NUMBERS)
        known = OperatingPoint.from_json(point)
    except (KeyError, ValueError) as error:
        raise WeightsError(f"{file}: its metadata are damaged: {shown(error)}") from error
    try:
        run = compiled()
    except Exception as error:
        raise WeightsError(f"{file}: {chosen} cannot run it ({shown(error)})") from error
    bytes_per_pixel = round(bytes_per_pixel * _MEMORY[chosen])
    return RuntimeNetwork(chosen, architecture, stride, reach, bytes_per_pixel, known, run)


_RANGES = {"stride": (1, 32), "receptive_field": (0, 100_000), "bytes_per_pixel": (0, 1_000_000)}
"""Of the numbers in a file's metadata, pixels and bytes."""
assert tuple(_RANGES) == NUMBERS


def _number(metadata: Mapping[str, str], name: str) -> int:
    low, high = _RANGES[name]
    text = metadata[name]
    value = int(text) if len(text) < 10 else high + 1
    if not low <= value <= high or (name == "stride" and PAD_MULTIPLE % value):
        rule = f"in {low}..{high}" if name != "stride" else f"a divisor of {PAD_MULTIPLE}"
        raise ValueError(f"{name} is {shown(text, 40)}; it must be {rule}")
    return value


_Opened = tuple[Mapping[str, str], Sequence[str], Callable[[], Run]]
"""A file's metadata, the names of its outputs, and what readies it for work."""


def _onnxruntime(file: Path) -> _Opened:
    onnxruntime = importlib.import_module("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what it prints of a file's faults, it also raises
    only_maps = onnxruntime.RunOptions()
    only_maps.only_execute_path_to_fetches = True  # not the reading of maps
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])

    def run(images: Any) -> Sequence[Any]:
        maps: Sequence[Any] = session.run([*MAPS.values()], {"images": images}, only_maps)
        return maps

    metadata = session.get_modelmeta().custom_metadata_map
    return metadata, [output.name for output in session.get_outputs()], lambda: run


def _openvino(file: Path) -> _Opened:
    openvino = importlib.import_module("openvino")
    core = openvino.Core()
    whole = core.read_model(file)

    def compiled() -> Run:
        # Without the reading of maps: each map is what feeds its output.
        maps = [whole.output(name).get_node().input_value(0) for name in MAPS.values()]
        net = openvino.Model(maps, whole.get_parameters())
        settings = {
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "PERFORMANCE_HINT": "LATENCY",
        }
        request = core.compile_model(net, "CPU", settings).create_infer_request()
        alone = threading.Lock()  # a request serves one thread

        def run(images: Any) -> Sequence[Any]:
            with alone:
                found = request.infer({0: images})
            return [found[index] for index in range(len(MAPS))]

        return run

    stored = whole.get_rt_info("framework").value if whole.has_rt_info("framework") else {}
    metadata = {name: str(each) for name, each in stored.items()}
    names = [name for output in whole.outputs for name in output.names]
    return metadata, names, compiled


_RUNTIMES: dict[Runtime, Callable[[Path], _Opened]] = {
    "onnxruntime": _onnxruntime,
    "openvino": _openvino,
}
assert tuple(_RUNTIMES) == get_args(Runtime)
