"""Memory of a process at work: what one step or image frees stays there for the next one."""

from __future__ import annotations

import contextlib
import ctypes
import threading
from collections.abc import Iterator

from raz.forking import held_while_forking

# Parameters of mallopt(3), from malloc.h.
_TRIM_THRESHOLD, _MAP_THRESHOLD, _MOST_MAPS = -1, -3, -4

_MIB = 1 << 20

_lock = held_while_forking(threading.Lock())
_contexts = 0
"""Contexts that are open, in any thread: the setting is one of the whole process."""


@contextlib.contextmanager
def kept_memory(enabled: bool = True) -> Iterator[None]:
    """Let glibc keep the memory that is freed in the context, and give it back at the end (ours).

    glibc asks the kernel for every block above a limit of at most 32 MiB, and returns it as soon as
    it is freed. A net allocates the same large activations again and again, so the kernel maps and
    clears every page of them anew each time. In the context the blocks come from the heap, which
    does not shrink: the process holds at all times what it needed once.

    It is a setting of the whole process. At the end of the last of such contexts it is what glibc
    comes to by itself in a process that uses large blocks. Without glibc nothing happens.

    Args:
        enabled: whether to do anything.
    """
    libc = _glibc() if enabled else None
    if libc is None:
        yield
        return
    _enter(libc)
    try:
        yield
    finally:
        _leave(libc)


def _enter(libc: ctypes.CDLL) -> None:
    global _contexts
    with _lock:
        _contexts += 1
        if _contexts == 1:
            libc.mallopt(_MOST_MAPS, 0)
            libc.mallopt(_TRIM_THRESHOLD, 2**31 - 1)


def _leave(libc: ctypes.CDLL) -> None:
    global _contexts
    with _lock:
        _contexts -= 1
        if _contexts == 0:
            libc.mallopt(_MOST_MAPS, 65536)
            libc.mallopt(_MAP_THRESHOLD, 32 * _MIB)
            libc.mallopt(_TRIM_THRESHOLD, 64 * _MIB)
            libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    """Return the C library of this process if it is glibc."""
    try:
        libc = ctypes.CDLL(None)
    except (OSError, TypeError):  # Windows has no library of this kind
        return None
    names = ("gnu_get_libc_version", "mallopt", "malloc_trim")
    return libc if all(hasattr(libc, name) for name in names) else None
