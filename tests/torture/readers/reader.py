"""What a reader is: one function of raz that takes bytes of strangers, and what it promises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from raz.errors import InputError

SIZE = 4096
"""Bytes of the largest input, unless a reader asks for more."""

MEMORY = 256
"""MiB that reading one input may add to the process, unless a reader states more."""


@dataclass(frozen=True)
class Reader:
    """One function that reads, and what may come of it.

    Attributes:
        name: of the reader, apart from others.
        read: takes the bytes and an empty folder of its own. It returns if they were read and what
            they gave fulfils what is promised of it; else it raises an AssertionError.
        seeds: make what must be read without an error; mutations begin with it.
        refused: make what mutations begin with, too, and must be refused.
        promised: what it may raise instead.
        language: how inputs are changed: "bytes", "json", "lines", "xml", "toml", or any function
            of `mutations`.
        words: of its language, which changes put in.
        named: what a message must begin with; "" for none.
        memory: see `MEMORY`.
        size: see `SIZE`.
    """

    name: str
    read: Callable[[bytes, Path], object]
    seeds: Callable[[], list[bytes]]
    promised: tuple[type[Exception], ...] = (InputError,)
    language: str = "bytes"
    words: tuple[str, ...] = ()
    named: str = ""
    memory: int = MEMORY
    size: int = SIZE
    refused: tuple[bytes, ...] = ()

    def inputs(self) -> list[bytes]:
        """What mutations begin with."""
        return [*self.seeds(), *self.refused]


def placed(data: bytes, folder: Path, name: str) -> Path:
    """Write the bytes into a file of the folder."""
    path = folder / name
    path.write_bytes(data)
    return path
