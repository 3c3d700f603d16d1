from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raz.io.prefetch import read_ahead

sizes = st.lists(st.one_of(st.none(), st.integers(0, 12)), max_size=15)


def readers() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("raz-read")]


def sized(item: tuple[int, int | None]) -> int | None:
    return item[1]


@given(sizes=sizes, most=st.integers(1, 4), limit=st.integers(0, 30))
def test_all_come_in_order_and_what_waits_is_bounded(
    sizes: list[int | None], most: int, limit: int
) -> None:
    items = list(enumerate(sizes))
    taken: list[tuple[int, int | None]] = []

    def source() -> Iterator[tuple[int, int | None]]:
        for item in items:
            taken.append(item)
            yield item

    read = []
    ahead = read_ahead(
        source(), lambda item: 10 * item[0], sized, max_waiting=most, max_bytes=limit
    )
    for number, (item, result) in enumerate(ahead):
        assert item == items[number]
        read.append(result())
        # One more may have been taken whose turn to be read has not come.
        waiting = taken[number + 1 :]
        assert len(waiting) <= most + 1
        assert len(waiting) <= 2 or sum(size or 0 for _, size in waiting[:-1]) <= limit
    assert read == [10 * number for number in range(len(items))]
    assert readers() == []


def test_the_next_is_read_while_this_one_is_at_hand() -> None:
    begun = [threading.Event(), threading.Event()]

    def read(index: int) -> int:
        begun[index].set()
        return index

    ahead = read_ahead([0, 1], read, lambda index: 1)
    next(ahead)
    assert begun[1].wait(60)
    ahead.close()  # type: ignore[attr-defined]


def test_what_is_in_memory_is_read_by_the_caller() -> None:
    names = []
    for _, result in read_ahead("ab", lambda _: threading.current_thread(), lambda _: None):
        names.append(result())
    assert names == [threading.current_thread()] * 2


def test_closing_ends_the_thread_and_reads_no_more() -> None:
    read: list[int] = []
    ahead = read_ahead(range(100), lambda index: read.append(index), lambda index: 1)
    next(ahead)
    assert len(readers()) == 1
    ahead.close()  # type: ignore[attr-defined]
    assert readers() == []
    assert len(read) <= 3


def test_nothing_is_taken_before_the_first_is_asked_for() -> None:
    def source() -> Iterator[int]:
        raise AssertionError("taken")
        yield 0

    read_ahead(source(), int, lambda index: 1)
    assert readers() == []


def results_of(ahead: Iterator[tuple[int, Callable[[], float]]]) -> list[float | str]:
    found: list[float | str] = []
    for _, result in ahead:
        try:
            found.append(result())
        except ZeroDivisionError:
            found.append("zero")
    return found


def test_an_error_comes_in_its_turn_and_the_rest_goes_on() -> None:
    assert results_of(read_ahead([1, 0, 2], lambda n: 2 / n, lambda n: 1)) == [2, "zero", 1]


def test_an_error_of_a_size_comes_after_what_was_taken_and_before_all_else() -> None:
    ahead = read_ahead([1, 2, 0, 3, 4], lambda n: n, lambda n: 1 // n)
    assert [next(ahead)[1](), next(ahead)[1]()] == [1, 2]
    with pytest.raises(ZeroDivisionError):
        next(ahead)


def test_an_error_of_the_source_comes_after_what_was_taken() -> None:
    def source() -> Iterator[int]:
        yield 1
        yield 2
        raise LookupError("gone")

    ahead = read_ahead(source(), lambda n: n, lambda n: 1)
    assert [next(ahead)[1](), next(ahead)[1]()] == [1, 2]
    with pytest.raises(LookupError, match="gone"):
        next(ahead)
