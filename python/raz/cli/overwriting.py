"""No output of a command replaces what the same call reads, and no two outputs are one file."""

from __future__ import annotations

import argparse
import errno
import os
import stat
import sys
from collections.abc import Hashable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from raz.files import file_identity

__all__ = ["Names", "Output", "check_overwriting", "is_exported", "weights_files"]

Names = Iterable[str | os.PathLike[str]]
"""Of files that are read."""


class Output(NamedTuple):
    """A file that a command writes, and the option that asks for it.

    Example:
        >>> Output("--plot", Path("plot.png")).file.suffix
        '.png'
    """

    option: str
    file: Path


def check_overwriting(
    parser: argparse.ArgumentParser,
    outputs: Iterable[Output],
    read: Mapping[str, Names],
    *,
    makes_folders: bool = False,
) -> None:
    """End as wrong use if an output would take the place of an input, or of another output.

    Every command that writes files calls this before it writes. Files are compared, not names: see
    :func:`raz.files.file_identity`. What stdout is redirected to is an output, too.

    Args:
        parser: of the command.
        outputs: the files that will be written.
        read: by what a message calls them ("an image to count"), the files that are read. A folder
            stands for every file in it, at any depth. Files that do not exist are passed over.
        makes_folders: whether the command makes the folders of its outputs.

    Raises:
        OSError: an output cannot be written where it is to be: known before hours of work.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> outputs = [Output("--output", Path("a.json")), Output("--plot", Path("a.png"))]
        >>> check_overwriting(parser, outputs, {"read": ["photo.png"]})
    """
    outputs = list(outputs)
    for option, file in outputs:
        if file.is_dir():
            parser.error(f"{option}: {file} is a folder; it must be the name of a file")
        if not makes_folders:
            _check_folder(file)
    # A file that is not there yet is no input.
    if any(os.path.exists(os.path.realpath(file)) for _, file in outputs):
        inputs = dict(_identities(read))
        for option, file in outputs:
            if what := inputs.get(file_identity(file)):
                parser.error(f"{option}: {file} is {what}, and would be overwritten")
    written: dict[Hashable, str] = {stdout: "stdout"} if (stdout := _stdout()) else {}
    for option, file in outputs:
        identity = file_identity(file)
        if identity in written:
            parser.error(f"{option}: {file} is where {written[identity]} goes, too")
        if identity is not None:
            written[identity] = option


def is_exported(model: str) -> bool:
    """Tell whether ``--model`` is a file that ``raz export`` wrote for other runtimes.

    Example:
        >>> is_exported("net.onnx"), is_exported("raznet_lite")
        (True, False)
    """
    return model.lower().endswith(".onnx")


def weights_files(name: str, weights: str) -> list[Path]:
    """Return the file that ``--model`` and ``--weights`` read, published or one's own, if any.

    Example:
        >>> [file.suffix for file in weights_files("raznet_lite", "DEFAULT")]
        ['.safetensors']
    """
    from raz.models import get_model_weights, list_models

    if is_exported(name):
        return [Path(name)]
    if os.path.exists(weights) or name not in list_models():
        return [Path(weights)]
    published = get_model_weights(name).__members__
    return [published[weights].path] if weights in published else []


def _check_folder(file: Path) -> None:
    """Raise what the system would when a new file is opened beside ``file``."""
    real = Path(os.path.realpath(file))
    folder = real.parent
    reason = 0
    if real.is_symlink():
        reason = errno.ELOOP  # such a link leads nowhere but in a circle
    elif not folder.exists():
        reason = errno.ENOENT
    elif not folder.is_dir():
        reason = errno.ENOTDIR
    elif not os.access(folder, os.W_OK | os.X_OK) and (file.is_file() or not file.exists()):
        reason = errno.EACCES
    if reason:
        raise OSError(reason, os.strerror(reason), os.fspath(file))


def _identities(read: Mapping[str, Names]) -> Iterator[tuple[Hashable, str]]:
    for what, names in read.items():
        for file in (file for name in names for file in _files(os.fspath(name))):
            if (identity := file_identity(file)) is not None and os.path.exists(file):
                yield identity, what


def _files(name: str) -> Iterator[str]:
    if not os.path.isdir(name):
        yield name
        return
    for folder, _, files in os.walk(name):
        yield from (os.path.join(folder, file) for file in files)


def _stdout() -> Hashable | None:
    """The file that stdout is redirected to, if it is one."""
    with suppress(OSError, ValueError, AttributeError):  # closed, or not a file of the system
        status = os.fstat(sys.stdout.fileno())
        if stat.S_ISREG(status.st_mode):
            return status.st_dev, status.st_ino
    return None
