"""Ways in which a process kills itself at a chosen place, as the system would."""

from __future__ import annotations

import ctypes
import errno
import multiprocessing
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_CHANGES = frozenset(
    {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.chmod", "os.link"}
)

_REMOVES = frozenset({"os.remove", "os.rmdir", "os.chmod"})
"""What needs no room, and so does not fail where there is none."""


class Operations:
    """Counts what a process does to the files of a folder: opening, writing, syncing, renaming.

    Args:
        folder: only what is done there counts.
        fatal: number of the operation, from 0, before which the process kills itself; None lets it
            live.
        failing: the operation fails instead, for lack of room, and so do all that follow.
    """

    def __init__(self, folder: Path, fatal: int | None = None, *, failing: bool = False) -> None:
        self._failing = failing
        self._folder = str(folder)
        self._fatal = fatal
        self._count = multiprocessing.get_context("fork").Value(ctypes.c_int, 0)

    @property
    def count(self) -> int:
        """How many there were in the process that called `begin`."""
        return int(self._count.value)

    def begin(self) -> None:
        """Count in this process from now on."""
        from raz import files

        sys.addaudithook(self._hear)
        _before(files._NamedFile, "write", lambda file, _: self._happens(file.name))
        _before(os, "fsync", self._happens)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            writes = isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
            if not writes:
                return
        elif event not in _CHANGES or (self._failing and event in _REMOVES):
            return
        if arguments and str(arguments[0]).startswith(self._folder):
            self._happens(str(arguments[0]))

    def _happens(self, path: Any) -> None:
        number = self._count.value
        self._count.value += 1
        if self._fatal is None or number < self._fatal:
            return
        if not self._failing:
            os.kill(os.getpid(), signal.SIGKILL)
        raise OSError(errno.EIO, os.strerror(errno.EIO), path)


def _before(owner: Any, name: str, call: Callable[..., None]) -> None:
    original = getattr(owner, name)

    def called(*arguments: Any, **options: Any) -> Any:
        call(*arguments)
        return original(*arguments, **options)

    setattr(owner, name, called)


def die_at_byte(number: int) -> Callable[[], None]:
    """Let the system kill the process in the middle of the write that goes past a file's byte."""

    def prepare() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (number, number))

    return prepare


def fill_disk_at_byte(number: int) -> Callable[[], None]:
    """Let no file of the process grow past a byte, as on a full disk."""

    def prepare() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (number, number))

    return prepare


def obey_permissions() -> None:
    """Give up root's right to write and read whatever the modes of files say."""
    if os.geteuid() != 0:
        return
    overrides = 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted and inheritable, twice 32 of them
    libc.capget(header, sets)
    for index in range(3):
        sets[index] &= ~overrides & 0xFFFFFFFF
    if libc.capset(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capset")
