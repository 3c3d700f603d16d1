"""How far a subcommand is, on a terminal."""

from __future__ import annotations

import sys

__all__ = ["Progress"]


class Progress:
    """Show how many images are done: a line of stderr, overwritten, only on a terminal.

    Args:
        total: number of images; None where it is not known.
        quiet: show nothing.
    """

    def __init__(self, total: int | None, *, quiet: bool) -> None:
        self._of = "" if total is None else f"/{total}"
        self._shown = sys.stderr.isatty() and not quiet
        self._width = 0
        self._done = 0

    def show(self, done: int) -> None:
        """Say that ``done`` images are done."""
        self._done = done
        if self._shown:
            line = f"{done}{self._of} images"
            self._width = len(line)
            sys.stderr.write(f"\r{line}")
            sys.stderr.flush()

    def step(self) -> None:
        """Say that one image more is done."""
        self.show(self._done + 1)

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            sys.stderr.write("\r" + " " * self._width + "\r")
            sys.stderr.flush()
