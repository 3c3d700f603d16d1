"""How far a long task is: one bar on a terminal, for predicting, training and evaluating.

:func:`open_progress` draws it with rich (the extra ``progress``): the rate and the time left beside
it. Without rich it is a plain count. Where stderr is no terminal, nothing is shown. Importing this
module imports nothing heavy.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from raz.progress.bar import Bar

__all__ = ["Progress", "open_bar", "open_progress"]


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
    """Show how many of ``total`` are done on stderr, if that is a terminal.

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
    if quiet or not sys.stderr.isatty():
        return Progress()
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
        self._ending = f" {unit}s" if total is None else f"/{total} {unit}s"
        self._width = 0
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
        sys.stderr.write("\r" + " " * self._width + "\r")
        sys.stderr.flush()
        self._width = 0
