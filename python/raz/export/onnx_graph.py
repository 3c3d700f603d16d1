"""A network as an ONNX graph."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from raz.errors import installs
from raz.export.reading import OUTPUTS, metadata
from raz.export.torch_program import exported_program, logged_from
from raz.files import atomic_file
from raz.models.raznet import RAZNet

__all__ = ["OPSET", "export_onnx"]

OPSET = 18
"""Version of ONNX's operators: the oldest that torch writes."""


def export_onnx(model: RAZNet, path: str | os.PathLike[str]) -> Path:
    """Write a network and the decoding of its maps to an ONNX file, weights included.

    The graph takes ``images`` and gives :data:`OUTPUTS`, see :class:`ReadNetwork`; batch, height
    and width are open. The file's metadata holds model, thresholds, stride and raz's version.

    Args:
        model: The net; it is not changed.
        path: File to write, usually ``.onnx``; it is replaced in one step.

    Returns:
        The path.

    Raises:
        ImportError: onnx or onnxscript is missing.

    Example:
        >>> import raz
        >>> export_onnx(raz.get_model("raznet_lite"), "raznet_lite.onnx")  # doctest: +SKIP
    """
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"ONNX export needs {error.name}; install it with `{installs('export')}`"
        ) from error
    with _only_errors():
        exported = torch.onnx.export(
            exported_program(model),
            input_names=["images"],
            output_names=list(OUTPUTS),
            dynamic_shapes={"images": {0: "batch", 2: "height", 3: "width"}},
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert exported is not None  # None is for the old exporter
    exported.model.metadata_props.update(metadata(model))
    with atomic_file(path, "wb") as file:
        file.write(exported.model_proto.SerializeToString())
    return Path(path)


@contextmanager
def _only_errors() -> Iterator[None]:
    """Silence torch's exporter: its warnings of missing optional packages and old calls."""
    with logged_from(logging.ERROR, "torch.onnx"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
