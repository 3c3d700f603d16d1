"""What a format is: its name, its suffixes, and what writes one image or many."""

from __future__ import annotations

import os
from array import array
from bisect import bisect_right
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path
from typing import IO, TYPE_CHECKING, Generic, TypeVar

from raz.files import atomic_file

if TYPE_CHECKING:
    from raz.result import Result

__all__ = ["Collection", "CollectionWriter", "Format"]

T = TypeVar("T")


@dataclass(frozen=True)
class Collection(Generic[T]):
    """How the results, or the records, of several images are written into one file, in turn.

    Attributes:
        item: text of the next one; called in the order of the file.
        head: before the first.
        separator: between two.
        tail: what gives the text after the last of so many.

    Example:
        >>> lines = Collection(lambda name: f"{name}\\n", head="names\\n")
        >>> lines.head + lines.item("a")
        'names\\na\\n'
    """

    item: Callable[[T], str]
    head: str = ""
    separator: str = ""
    tail: Callable[[int], str] = lambda _: ""


class CollectionWriter(Generic[T]):
    """Write results as they come; nothing of a result is kept, but where its format says so.

    Args:
        file: open for text.
        collection: makes the collection of this file.

    Example:
        >>> import io
        >>> file = io.StringIO()
        >>> writer = CollectionWriter(file, lambda: Collection(str, "[", ",", lambda _: "]"))
        >>> writer.write(1), writer.write(2), writer.close()
        (None, None, None)
        >>> file.getvalue()
        '[1,2]'
    """

    def __init__(self, file: IO[str], collection: Callable[[], Collection[T]]) -> None:
        self._file, self._collection = file, collection()
        self._separator = ""
        self._ends = array("q", [_bytes(self._collection.head)])  # of the results, in bytes
        file.write(self._collection.head)

    @property
    def written(self) -> int:
        """How many have been written."""
        return len(self._ends) - 1

    def write(self, result: T) -> None:
        """Write the next one."""
        text = self._separator + self._collection.item(result)
        self._file.write(text)
        self._ends.append(self._ends[-1] + _bytes(text))
        self._separator = self._collection.separator

    def close(self) -> None:
        """Write the end; the file stays open."""
        self._file.write(self._collection.tail(self.written))

    def keep(self) -> int:
        """End a file on disk after as many as it has room for, whatever went wrong before.

        Nothing else can be written to it afterwards.

        Returns:
            how many are in it, whole; 0 where not even one is.
        """
        with suppress(OSError):
            self._file.flush()
        handle = os.dup(self._file.fileno())
        # What had no room is still in the buffers, and would follow when the file is closed.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._file.fileno())
        os.close(nowhere)
        with open(handle, "r+b", buffering=0) as file:
            kept = bisect_right(self._ends, os.fstat(handle).st_size) - 1
            for number in range(kept, 0, -1):
                file.seek(self._ends[number])
                file.truncate()
                with suppress(OSError):
                    if _write_whole(file, self._collection.tail(number).encode()):
                        return number
        return 0


def _bytes(text: str) -> int:
    return len(text.encode(errors="surrogatepass"))


def _write_whole(file: RawIOBase, text: bytes) -> bool:
    while text:
        written = file.write(text)
        if not written:
            return False
        text = text[written:]
    return True


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format of files; ``text`` or ``write`` is given.

    Attributes:
        name: what ``format=`` and ``--format`` call it.
        suffixes: file names that end so are of this format when no name is given.
        text: the whole file of one result.
        write: writes a file that is no text.
        collection: makes the one file of several results; None where there is no such file.
        check_name: raises ValueError for an image's path that the format has no words for.

    Example:
        >>> from raz.io.formats import FORMATS
        >>> FORMATS["coco"].suffixes
        ('.coco.json',)
    """

    name: str
    suffixes: tuple[str, ...]
    text: Callable[[Result], str] | None = None
    write: Callable[[Result, Path], None] | None = None
    collection: Callable[[], Collection[Result]] | None = None
    check_name: Callable[[str], object] | None = None

    def save(self, result: Result, path: Path) -> None:
        """Write one result; the file appears whole or not at all."""
        if self.write is not None:
            self.write(result, path)
        elif self.text is not None:
            with atomic_file(path) as file:
                file.write(self.text(result))
