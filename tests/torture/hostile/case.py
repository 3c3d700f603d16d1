"""What one hostile file is, and what raz must answer to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

BAD = (3,)
"""Exit codes where the file cannot be used."""

EITHER = (0, 3)
"""Exit codes where a file may still hold an image, as one with a changed bit may."""

GOOD = (0,)


@dataclass(frozen=True)
class Hostile:
    """A file that is broken or means ill.

    `name` says what it is. `file` is its name on disk. `make` writes it to a path. `codes` are the
    exit codes of a command that reads only it. `arguments` are added to that command. `beside` does
    something to the file in a process of its own while the command runs.
    """

    name: str
    file: str
    make: Callable[[Path], object]
    codes: tuple[int, ...] = BAD
    arguments: tuple[str, ...] = ()
    beside: Callable[[Path], object] | None = None


def holding(
    name: str, file: str, content: bytes | Callable[[], bytes], codes: tuple[int, ...] = BAD
) -> Hostile:
    """A file with stated bytes; a function of bytes is called when the file is needed."""

    def make(path: Path) -> None:
        path.write_bytes(content if isinstance(content, bytes) else content())

    return Hostile(name, file, make, codes)
