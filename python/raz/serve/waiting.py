"""A bounded queue in front of a few threads that count: who comes too late is told when to retry.

The network uses all cores for one image already, and two images at once were not counted faster
(docs/serve.md has the figures). So requests are not put into batches: none would be done sooner.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from raz.serve.limits import Limits

T = TypeVar("T")

_NEWEST = 0.2
"""Weight of the newest count in the mean of their seconds."""


class OverloadedError(Exception):
    """There is no place, or none became free in time; ``retry_after`` is in seconds."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TooSlowError(Exception):
    """The work was begun, and did not end in time."""


class GoneError(Exception):
    """Nobody waits for the answer any more."""


class WaitingLine:
    """Places for requests, and threads that work on them in the order of their coming.

    Everything but the work itself happens in one event loop.

    Args:
        limits: how many places and threads there are, and how long a request may take.

    Attributes:
        admitted: requests that have a place.
        running: threads at work; also those whose request has been answered as too slow.

    Example:
        >>> async def answer():
        ...     line = WaitingLine(Limits(seconds=5))
        ...     with line.place() as deadline:
        ...         return await line.run(lambda: 21, deadline)
        >>> asyncio.run(answer())
        21
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.admitted = 0
        self.running = 0
        self._turns = asyncio.Semaphore(limits.parallel)
        self._threads = ThreadPoolExecutor(limits.parallel, thread_name_prefix="raz-count")
        self._mean_seconds = 1.0

    @property
    def retry_after(self) -> int:
        """Whole seconds after which those who have a place now will probably be done."""
        rounds = self.admitted / self.limits.parallel
        return max(1, math.ceil(rounds * self._mean_seconds))

    @contextmanager
    def place(self) -> Iterator[float]:
        """Take a place for a request; gives the loop's time at which it must be answered.

        Raises:
            OverloadedError: all places are taken.
        """
        if self.admitted >= self.limits.places:
            raise OverloadedError(
                f"{self.admitted} requests are waiting or in work, as many as may be",
                self.retry_after,
            )
        self.admitted += 1
        try:
            yield self.deadline()
        finally:
            self.admitted -= 1

    def deadline(self) -> float:
        """The loop's time at which work that is asked for now must be done."""
        return asyncio.get_running_loop().time() + self.limits.seconds

    async def run(
        self,
        work: Callable[[], T],
        deadline: float,
        *,
        is_gone: Callable[[], Awaitable[bool]] | None = None,
    ) -> T:
        """Wait for a thread, and do the work there.

        Args:
            work: called in the thread.
            deadline: of :meth:`place` or :meth:`deadline`.
            is_gone: tells when its turn has come whether the work has become useless.

        Raises:
            OverloadedError: no thread became free before the deadline.
            TooSlowError: the work did not end before the deadline. It goes on, unheeded.
            GoneError: it has become useless.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(deadline):
                await self._turns.acquire()
        except TimeoutError:
            raise OverloadedError(
                f"the image waited {self.limits.seconds:g} seconds without its turn coming",
                self.retry_after,
            ) from None
        try:
            if is_gone is not None and await is_gone():
                raise GoneError
            future = loop.run_in_executor(self._threads, work)
        except BaseException:
            self._turns.release()
            raise
        self.running += 1
        start = loop.time()

        def done(future: asyncio.Future[T]) -> None:
            self.running -= 1
            self._turns.release()
            self._mean_seconds += _NEWEST * (loop.time() - start - self._mean_seconds)
            if not future.cancelled():
                future.exception()  # of work that nobody waits for any more

        future.add_done_callback(done)
        try:
            async with asyncio.timeout_at(deadline):
                return await asyncio.shield(future)
        except TimeoutError:
            if future.done():  # its own
                raise
            raise TooSlowError(
                f"the image took longer than the {self.limits.seconds:g} seconds of this service"
            ) from None

    def close(self) -> None:
        """Wait until every thread has done its work, and end them."""
        self._threads.shutdown(wait=True)
