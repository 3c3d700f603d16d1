"""Standard streams that are closed, full, or have no reader any more.

Of standard output that is an exit code, never silence. Messages on standard error are lost, and
nothing else with them.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

__all__ = ["Printed", "is_of_stdout", "standard_streams"]

_WRITING = {errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EBADF}
"""What reading does not raise, as it may an input or output error (EIO)."""


def is_of_stdout(error: BaseException) -> bool:
    """Tell whether an error is that of printing: errors of files name their file.

    Example:
        >>> is_of_stdout(BrokenPipeError(32, "Broken pipe"))
        True
        >>> is_of_stdout(OSError(28, "No space left on device", "heads.csv"))
        False
    """
    return isinstance(error, OSError) and error.filename is None and error.errno in _WRITING


_LAST_STANDARD = 2


class _Nowhere(io.TextIOBase):
    """Takes text, and tells whether it got any."""

    used = False

    def write(self, text: str) -> int:
        self.used |= bool(text)
        return len(text)


class Printed:
    """Whether what was printed has been lost.

    Example:
        >>> Printed().lost
        False
    """

    def __init__(self) -> None:
        self.lost = False

    def lose(self, error: OSError) -> None:
        """Note that stdout takes nothing more, and say why, unless its reader went away."""
        self.lost = True
        if not isinstance(error, BrokenPipeError):
            sys.stderr.write(f"raz: stdout: {error.strerror or error}\n")
        _lead_nowhere(sys.stdout)


def _lead_nowhere(stream: IO[str]) -> None:
    """Let a stream write to no file: Python must not fail again when it flushes it at its end."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


class _Messages:
    """Standard error: what it does not take any more is lost, and whoever writes it goes on."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            self._stream.write(text)
        except OSError:
            _lead_nowhere(self._stream)
        return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError):  # ValueError: the command closed it
            _lead_nowhere(self._stream)


@contextmanager
def standard_streams() -> Iterator[Printed]:
    """Stand in for standard streams that the caller closed; what is printed there is lost.

    A command then still writes its files. Without this, the first file that it opens would take
    the place of the closed stream. Errors of writing to standard error are nobody's.

    Example:
        >>> with standard_streams() as printed:
        ...     print("21")
        21
        >>> printed.lost
        False
    """
    printed = Printed()
    closed = {name: _Nowhere() for name in ("stdout", "stderr") if getattr(sys, name) is None}
    if closed:
        while (handle := os.open(os.devnull, os.O_RDWR)) <= _LAST_STANDARD:
            pass
        os.close(handle)
    vars(sys).update(closed)
    stderr = sys.stderr
    messages = _Messages(stderr)
    vars(sys).update(stderr=messages)
    try:
        yield printed
        if "stdout" in closed and closed["stdout"].used:
            printed.lose(OSError(errno.EBADF, os.strerror(errno.EBADF)))
    finally:
        messages.flush()
        sys.stderr = stderr
        vars(sys).update(dict.fromkeys(closed))
