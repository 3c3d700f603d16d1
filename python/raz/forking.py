"""A child by ``fork()`` of a process that has used raz can use raz, too (ours).

A child has but the thread that forked. What other threads would have done in it never happens: a
lock that one of them held stays locked, and OpenMP, whose threads torch computes with, waits for
them for ever.
"""

from __future__ import annotations

import functools
import os
import threading
from typing import TypeVar

Lock = TypeVar("Lock", threading.Lock, "threading.RLock")

__all__ = ["held_while_forking", "one_thread_in_children"]


def held_while_forking(lock: Lock) -> Lock:
    """Return a lock that is free in every child: whoever forks waits until nobody holds it.

    Args:
        lock: of a module, which lives as long as the process. Nobody may fork while holding it.

    Example:
        >>> lock = held_while_forking(threading.Lock())
        >>> lock.locked()
        False
    """
    if hasattr(os, "register_at_fork"):  # Windows does not fork
        os.register_at_fork(
            before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release
        )
    return lock


@functools.cache
def one_thread_in_children() -> None:
    """From now on torch computes with one thread in every child, as in workers of a DataLoader.

    A child that raises the number again (``torch.set_num_threads``) hangs if its parent had used
    several. One that starts anew ("spawn") is free to.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_one_thread)


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)
