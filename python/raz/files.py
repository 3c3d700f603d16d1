"""Write files that are whole or not there: written aside, then renamed."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

__all__ = ["atomic_file"]


@contextmanager
def atomic_file(
    path: str | os.PathLike[str],
    mode: str = "w",
    *,
    durable: bool = False,
    rest: Callable[[], Path | None] = lambda: None,
) -> Iterator[IO[Any]]:
    """Open a file that replaces ``path`` only if the block ends without an error.

    Args:
        path: the file. What is not a regular file (a pipe, ``/dev/stdout``) is written directly.
        mode: "w" (UTF-8, line ends as written) or "wb".
        durable: wait for the disk to confirm the file before it replaces ``path``, and the
            replacement after, so that even a power cut leaves the old file or the new one.
        rest: called if the block ends with an error. It returns the place for what was written;
            None removes that.

    Raises:
        OSError: the file cannot be written; the error names ``path``.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "count.txt")
        ...     with atomic_file(path) as file:
        ...         characters = file.write("21\\n")
        ...         there = path.exists()
        ...     there, path.read_text()
        (False, '21\\n')
    """
    target = Path(path)
    text: dict[str, Any] = {} if "b" in mode else {"encoding": "utf-8", "newline": ""}
    if target.exists() and not stat.S_ISREG(target.stat().st_mode):
        with target.open(mode, **text) as file:
            yield file
        return
    target = target.resolve()  # through a symbolic link, to the file that it names
    # Cut, so that it is no longer than file systems take where the name itself is not.
    part = target.with_name(f".{target.name[:40]}.{secrets.token_hex(4)}.part")
    try:
        file = part.open(mode.replace("w", "x"), **text)
    except OSError as error:  # it names a file that the caller never heard of
        raise OSError(error.errno, error.strerror, os.fspath(path)) from None
    _keep_mode(target, part)
    try:
        with file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        part.replace(target)
    except BaseException:
        if place := rest():
            part.replace(place)
        part.unlink(missing_ok=True)
        raise
    if durable:
        _sync_folder(target.parent)


def _keep_mode(target: Path, part: Path) -> None:
    """Give ``part`` the mode of the file that it replaces, if there is one and that is allowed."""
    with suppress(OSError):
        part.chmod(stat.S_IMODE(target.stat().st_mode))


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
