from __future__ import annotations

import asyncio
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raz.serve.limits import Limits
from raz.serve.waiting import GoneError, OverloadedError, TooSlowError, WaitingLine


@settings(max_examples=20)
@given(st.integers(1, 4), st.integers(0, 8), st.integers(0, 20))
def test_no_more_than_the_places_are_admitted_and_no_more_than_parallel_run(
    parallel, waiting, requests
):
    lock, now, most, order = threading.Lock(), 0, 0, []

    def work(number):
        nonlocal now, most
        with lock:
            now, most = now + 1, max(most, now + 1)
            order.append(number)
        with lock:
            now -= 1
        return number

    async def request(line, number):
        with line.place() as deadline:
            return await line.run(lambda: work(number), deadline)

    async def all_of_them():
        line = WaitingLine(Limits(parallel=parallel, waiting=waiting))
        found = await asyncio.gather(
            *(request(line, number) for number in range(requests)), return_exceptions=True
        )
        line.close()
        assert (line.admitted, line.running) == (0, 0)
        return found

    found = asyncio.run(all_of_them())
    places = parallel + waiting
    assert found[:places] == list(range(min(requests, places)))
    assert all(isinstance(error, OverloadedError) for error in found[places:])
    assert most <= parallel
    if parallel == 1:
        assert order == sorted(order)


def test_errors_of_the_work_are_those_of_the_request():
    async def request():
        line = WaitingLine(Limits())

        def work():
            raise TimeoutError("its own")

        with line.place() as deadline:
            await line.run(work, deadline)

    with pytest.raises(TimeoutError, match="its own"):
        asyncio.run(request())


def test_nothing_is_done_for_who_has_gone():
    async def request():
        line = WaitingLine(Limits())

        async def is_gone():
            return True

        with pytest.raises(GoneError):
            await line.run(pytest.fail, line.deadline(), is_gone=is_gone)
        assert await line.run(lambda: 1, line.deadline()) == 1  # its turn is free again

    asyncio.run(request())


def test_a_late_error_of_abandoned_work_is_not_heard_of(caplog):
    go = threading.Event()

    def work():
        go.wait(30)
        raise RuntimeError("late")

    async def request():
        line = WaitingLine(Limits(seconds=0.01))
        with pytest.raises(TooSlowError, match=r"0\.01 seconds"):
            await line.run(work, line.deadline())
        assert line.running == 1
        go.set()
        while line.running:
            await asyncio.sleep(0)

    asyncio.run(request())
    assert not caplog.records


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"bytes": 0}, "bytes is 0"),
        ({"parallel": 0}, "parallel is 0"),
        ({"seconds": float("nan")}, "seconds is nan"),
        ({"seconds": 0}, "seconds is 0"),
    ],
)
def test_limits(changes, said):
    with pytest.raises(ValueError, match=said):
        Limits(**changes)
