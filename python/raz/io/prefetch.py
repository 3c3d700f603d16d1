"""Read what comes next while the caller works on what is there: in order, within bounds."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

__all__ = ["MAX_WAITING", "MAX_WAITING_BYTES", "read_ahead"]

MAX_WAITING = 2
"""Most items read, or being read, beside the one at hand: enough to even out unequal items."""

MAX_WAITING_BYTES = 256 * 2**20
"""Most bytes of these; a single larger item is still read ahead, alone."""

Item = TypeVar("Item")
Read = TypeVar("Read")


def read_ahead(
    items: Iterable[Item],
    read: Callable[[Item], Read],
    size_of: Callable[[Item], int | None],
    *,
    max_waiting: int = MAX_WAITING,
    max_bytes: int = MAX_WAITING_BYTES,
) -> Iterator[tuple[Item, Callable[[], Read]]]:
    """Yield every item with a function that gives what ``read`` makes of it, or raises its error.

    One thread reads, and ends when the generator ends or is closed: at once, but for a read that
    has begun. Items are taken from ``items`` in the caller's own thread, ``max_waiting`` ahead.

    Args:
        items: in order.
        read: called in the thread; should release the GIL for most of its time.
        size_of: bytes that reading an item will take; None reads it when its function is called,
            in the caller's thread.
        max_waiting: most items read ahead.
        max_bytes: of all items read ahead together, or one larger item.
    """
    source = iter(items)
    following: list[tuple[Item, int | None]] = []  # at most one, while there is no room for it
    waiting: deque[tuple[Item, Callable[[], Read], int]] = deque()
    failure: list[Exception] = []  # of the source; its turn comes after what was taken before
    thread = ThreadPoolExecutor(1, thread_name_prefix="raz-read")

    def fill() -> None:
        while len(waiting) < max_waiting:
            if not following:
                try:
                    item = next(source)
                    following.append((item, size_of(item)))
                except StopIteration:
                    return
                except Exception as error:
                    failure.append(error)
                    return
            item, size = following[0]
            held = sum(size for *_, size in waiting)
            if waiting and held + (size or 0) > max_bytes:
                return
            following.clear()
            result = partial(read, item) if size is None else thread.submit(read, item).result
            waiting.append((item, result, size or 0))

    try:
        fill()
        while waiting:
            item, result, _ = waiting.popleft()
            fill()
            yield item, result
            del item, result  # the next is waited for; this one need not be kept
        if failure:
            raise failure[0]
    finally:
        thread.shutdown(cancel_futures=True)
