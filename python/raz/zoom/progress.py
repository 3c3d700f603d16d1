"""How far the passes over one image are, told to whoever asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

__all__ = ["PassProgress", "Teller", "watched"]


class PassProgress(NamedTuple):
    """How far the passes at one scale are.

    Args:
        scale: pixels of what the network sees per pixel of the image; below 1 it is seen reduced.
        first: whether this is the pass over the whole image, rather than over regions of it.
        done: tiles and regions that went through the network.
        total: all of them.

    Example:
        >>> PassProgress(2.0, False, 3, 12).total
        12
    """

    scale: float
    first: bool
    done: int
    total: int


Watcher = Callable[[PassProgress], None]

_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


@contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """Let a function be called as the passes over an image go on, in this thread.

    It is called when the pass over the whole image and each round of zooming begin, and after each
    tile or batch of regions; it should be quick.

    Example:
        >>> import raz, torch
        >>> seen = []
        >>> with watched(seen.append):
        ...     result = raz.predict(torch.zeros(3, 64, 48, dtype=torch.uint8), depth=1)
        >>> [(progress.done, progress.total) for progress in seen]
        [(0, 1), (1, 1)]
    """
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


class Teller:
    """Tells the context's watcher, if there is one.

    Example:
        >>> seen = []
        >>> with watched(seen.append):
        ...     teller = Teller()
        >>> teller.begin(2.0, 3, first=False)
        >>> teller.advance(2)
        >>> seen[-1]
        PassProgress(scale=2.0, first=False, done=2, total=3)
    """

    def __init__(self) -> None:
        self._watcher = _watcher.get()
        self._seen = PassProgress(1.0, True, 0, 0)

    def begin(self, scale: float, total: int, *, first: bool) -> None:
        """Begin the passes at a scale."""
        self._tell(PassProgress(scale, first, 0, total))

    def advance(self, number: int) -> None:
        """Tell that so many more tiles or regions are done; those of a probe have no total."""
        if self._seen.total:
            self._tell(self._seen._replace(done=self._seen.done + number))

    def _tell(self, progress: PassProgress) -> None:
        self._seen = progress
        if self._watcher is not None:
            self._watcher(progress)
