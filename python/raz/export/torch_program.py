"""A network as a ``torch.export`` program (``.pt2``)."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import torch
from torch.export import Dim, ExportedProgram

from raz.export.reading import ReadNetwork, metadata
from raz.files import atomic_file
from raz.models.raznet import RAZNet

__all__ = ["METADATA_FILE", "export_torch", "exported_program", "logged_from"]

METADATA_FILE = "raz.json"
"""Name of the metadata among the file's extra files."""


def exported_program(model: RAZNet) -> ExportedProgram:
    """Trace :class:`ReadNetwork` for batches of one image or more, from 9 pixels a side.

    Example:
        >>> import raz
        >>> program = exported_program(raz.get_model("raznet_lite"))  # doctest: +SKIP
        >>> program.module()(torch.zeros(1, 3, 9, 40))[3].shape  # counts  # doctest: +SKIP
        torch.Size([1])
    """
    parameter = next(model.parameters())
    # Sides that no stride divides, and a batch of two: 0 and 1 would be taken for constants.
    example = torch.zeros(2, 3, 70, 101, dtype=parameter.dtype, device=parameter.device)
    sizes = {0: Dim.AUTO, 2: Dim.AUTO, 3: Dim.AUTO}
    # Fake tensors log, with a trace, what they raise: what becomes of an interruption, too.
    with torch.no_grad(), logged_from(logging.CRITICAL, "torch._subclasses.fake_tensor"):
        return torch.export.export(
            ReadNetwork(model), (example,), dynamic_shapes={"images": sizes}, strict=False
        )


@contextmanager
def logged_from(level: int, name: str) -> Iterator[None]:
    """Silence a logger of torch's below a level.

    Example:
        >>> with logged_from(logging.ERROR, "torch.onnx"):
        ...     logging.getLogger("torch.onnx").isEnabledFor(logging.WARNING)
        False
    """
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)


def export_torch(model: RAZNet, path: str | os.PathLike[str]) -> Path:
    """Write a network and the decoding of its maps to a file that ``torch.export.load`` reads.

    ``torch.export.load(path).module()(images)`` gives what :class:`ReadNetwork` gives, without raz.
    The file's extra file ``raz.json`` holds model, thresholds, stride and raz's version.

    Args:
        model: The net; it is not changed. The program keeps its device and dtype.
        path: File to write, usually ``.pt2``; it is replaced in one step.

    Returns:
        The path.

    Example:
        >>> import raz
        >>> export_torch(raz.get_model("raznet_lite"), "raznet_lite.pt2")  # doctest: +SKIP
    """
    program = exported_program(model)
    content = BytesIO()  # torch ends the process where a write to a file fails
    torch.export.save(program, content, extra_files={METADATA_FILE: json.dumps(metadata(model))})
    with atomic_file(path, "wb") as file:
        file.write(content.getbuffer())
    return Path(path)
