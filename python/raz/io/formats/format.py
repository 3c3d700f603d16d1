"""What a format is: its name, its suffixes, and what writes one image or many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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
        tail: what gives the text after the last.

    Example:
        >>> lines = Collection(lambda name: f"{name}\\n", head="names\\n")
        >>> lines.head + lines.item("a")
        'names\\na\\n'
    """

    item: Callable[[T], str]
    head: str = ""
    separator: str = ""
    tail: Callable[[], str] = str


class CollectionWriter(Generic[T]):
    """Write results as they come; nothing of a result is kept, but where its format says so.

    Args:
        file: open for text.
        collection: makes the collection of this file.

    Example:
        >>> import io
        >>> file = io.StringIO()
        >>> writer = CollectionWriter(file, lambda: Collection(str, "[", ",", lambda: "]"))
        >>> writer.write(1), writer.write(2), writer.close()
        (None, None, None)
        >>> file.getvalue()
        '[1,2]'
    """

    def __init__(self, file: IO[str], collection: Callable[[], Collection[T]]) -> None:
        self._file, self._collection = file, collection()
        self._separator = ""
        self.written = 0
        file.write(self._collection.head)

    def write(self, result: T) -> None:
        """Write the next one."""
        self._file.write(self._separator + self._collection.item(result))
        self.written += 1
        self._separator = self._collection.separator

    def close(self) -> None:
        """Write the end; the file stays open."""
        self._file.write(self._collection.tail())


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
