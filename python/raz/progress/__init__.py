"""How far a long task is: one bar on a terminal, for predicting, training and evaluating.

:func:`open_progress` draws it with rich (the extra ``progress``): the rate and the time left beside
it. Without rich it is a plain count. Where stderr is no terminal, a plain line tells every ten
seconds, so what is done sooner tells nothing. Importing this module imports nothing heavy.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from raz.progress.bar import Bar

__all__ = ["Progress", "duration_text", "open_bar", "open_progress", "rate_text"]


class Progress:
    """Progress that nobody sees; its subclasses show it.

    Use it in a ``with`` statement: leaving that clears the terminal, whatever happens within.

    Attributes:
        done: how many are done.

    Example:
        >>> with Progress() as progress:
        ...     for _ in range(3):
        ...         progress.advance()
        >>> progress.done
        3
    """

    def __init__(self, done: int = 0) -> None:
        self.done = done

    def advance(self) -> None:
        """Count one more as done."""
        self.update(self.done + 1)

    def update(self, done: int) -> None:
        """Say how many are done. Call it as often as you like; the terminal is spared."""
        self.done = done

    def begin(self, title: str, total: int | None) -> None:
        """Begin another part of the work: count from 0 to ``total`` of what ``title`` says."""
        self.done = 0

    def note(self, name: str, text: str) -> None:
        """Show a line of text beneath; one of the same name replaces it."""

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Clear the terminal for the block, so that it can be written on."""
        yield

    def close(self) -> None:
        """Clear the terminal. A second call does nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_progress(total: int | None, *, unit: str = "image", quiet: bool = False) -> Progress:
    """Show how many of ``total`` are done on stderr: a bar, or lines where that is no terminal.

    Args:
        total: how many there are; None where it is not known.
        unit: what is counted, in the singular.
        quiet: show nothing.

    Returns:
        the progress, to be used in a ``with`` statement.

    Example:
        >>> with open_progress(3, quiet=True) as progress:
        ...     progress.update(3)
    """
    if quiet:
        return Progress()
    if not sys.stderr.isatty():
        return Lines(total, unit=unit)
    return open_bar(total, unit=unit) or Count(total, unit=unit)


def open_bar(total: int | None, *, unit: str, done: int = 0, transient: bool = True) -> Bar | None:
    """Open the bar alone: None where stderr shows none, or rich is not installed.

    Args:
        total: how many there are; None where it is not known.
        unit: what is counted, in the singular.
        done: how many were done before; the rate does not count them.
        transient: clear it from the terminal at the end, rather than leave it there.

    Example:
        >>> open_bar(200, unit="step") is None  # stderr is no terminal here
        True
    """
    if not sys.stderr.isatty():
        return None
    try:
        from rich.console import Console

        from raz.progress.bar import Bar
    except ImportError:
        return None
    console = Console(stderr=True)
    if console.is_dumb_terminal:
        return None
    return Bar(console, total, unit=unit, done=done, transient=transient)


class Count(Progress):
    """A line ``2/3 images``, overwritten: what needs no library."""

    def __init__(self, total: int | None, *, unit: str) -> None:
        super().__init__()
        self._width = 0
        self.begin(f"{unit}s", total)

    def begin(self, title: str, total: int | None) -> None:
        super().begin(title, total)
        self.close()
        self._ending = f" {title}" if total is None else f"/{total} {title}"
        self.update(0)

    def update(self, done: int) -> None:
        super().update(done)
        line = f"{done}{self._ending}"
        self._width = len(line)
        sys.stderr.write(f"\r{line}")
        sys.stderr.flush()

    @contextmanager
    def hidden(self) -> Iterator[None]:
        self.close()
        yield
        self.update(self.done)

    def close(self) -> None:
        if not self._width:
            return
        sys.stderr.write("\r" + " " * self._width + "\r")
        sys.stderr.flush()
        self._width = 0


class Lines(Progress):
    """A line ``raz: 40 of 1000 images, 2.10 images/s, 8 min left`` now and then, for a log.

    Args:
        total: how many there are; None where it is not known.
        unit: what is counted, in the singular.
        seconds: from one line to the next at least; nothing is written before.
        clock: gives the time in seconds.

    Example:
        >>> times = iter([0.0, 5.0, 20.0])
        >>> lines = Lines(100, unit="image", clock=lambda: next(times))
        >>> lines.update(10)
        >>> lines.update(40)  # writes: raz: 40 of 100 images, 2.00 images/s, 30 s left
    """

    def __init__(
        self,
        total: int | None,
        *,
        unit: str,
        seconds: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._title, self._unit, self._total = f"{unit}s", unit, total
        self._seconds, self._clock = seconds, clock
        self._began = self._told = clock()

    def begin(self, title: str, total: int | None) -> None:
        super().begin(title, total)
        self._title, self._total = title, total
        self._began = self._clock()

    def update(self, done: int) -> None:
        super().update(done)
        now = self._clock()
        if now - self._told < self._seconds:
            return
        self._told = now
        number = f"{done}" if self._total is None else f"{done} of {self._total}"
        parts = [f"{number} {self._title}"]
        if done and now > self._began:
            rate = done / (now - self._began)
            parts.append(rate_text(rate, self._unit))
            if self._total is not None:
                parts.append(f"{duration_text((self._total - done) / rate)} left")
        sys.stderr.write(f"raz: {', '.join(parts)}\n")
        sys.stderr.flush()


def rate_text(rate: float, unit: str) -> str:
    """Return a rate in words: seconds for each where one takes longer than a second.

    Example:
        >>> rate_text(2.5, "image"), rate_text(0.25, "step")
        ('2.50 images/s', '4.00 s/step')
    """
    return f"{rate:.2f} {unit}s/s" if rate >= 1 else f"{1 / rate:.2f} s/{unit}"


def duration_text(seconds: float) -> str:
    """Return a time in words.

    Example:
        >>> duration_text(42.4), duration_text(800), duration_text(8000)
        ('42 s', '13 min', '2 h 13 min')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
