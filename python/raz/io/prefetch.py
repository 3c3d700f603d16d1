"""Read the next items in a background thread, in order and within bounds."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

__all__ = ["MAX_WAITING", "MAX_WAITING_BYTES", "read_ahead"]

MAX_WAITING = 2
"""Most items that are read ahead: enough to even out items of unequal size."""

MAX_WAITING_BYTES = 256 * 2**20
"""Most bytes of the items that are read ahead; a single larger item is read ahead alone."""

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
    """Yield each item with a function that returns the result of reading it, or raises its error.

    One thread reads. It ends when the generator ends or is closed, after a read that has begun.
    ``items`` is iterated in the caller's thread, up to ``max_waiting`` items ahead.

    Args:
        items: what to read, in order.
        read: reads one item, in the thread; it should release the GIL for most of its time.
        size_of: returns the bytes that reading an item will take. An item of size None is not read
            ahead, but in the caller's thread when its function is called.
        max_waiting: most items read ahead.
        max_bytes: most bytes of all items read ahead; a single larger item is read ahead alone.

    Example:
        >>> for name, result in read_ahead(["a", "b"], str.upper, len):
        ...     print(name, result())
        a A
        b B
    """
    source = iter(items)
    following: list[tuple[Item, int | None]] = []  # at most one, as long as there is no room
    waiting: deque[tuple[Item, Callable[[], Read], int]] = deque()
    failure: list[Exception] = []  # of source or size, raised after the items taken before it
    thread = ThreadPoolExecutor(1, thread_name_prefix="raz-read")

    def fill() -> None:
        while len(waiting) < max_waiting and not failure:
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
            del item, result  # not kept while the next one is waited for
        if failure:
            raise failure[0]
    finally:
        thread.shutdown(cancel_futures=True)
