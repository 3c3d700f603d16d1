"""Every format by its name, the suffixes that stand for them, and what saves results by both."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from raz.errors import ResourceError
from raz.files import atomic_file, is_replaced
from raz.io.formats import (
    arrays,
    coco,
    csv,
    cvat,
    geojson,
    label_studio,
    nwpu,
    plot,
    raz_json,
    report,
)
from raz.io.formats.format import Collection, CollectionWriter, Format
from raz.io.formats.suffix import suffix_of

if TYPE_CHECKING:
    from raz.result import Result

__all__ = [
    "COLLECTIONS",
    "FORMATS",
    "SUFFIXES",
    "format_of",
    "open_collection",
    "partial_file",
    "save",
    "save_all",
]

log = logging.getLogger(__name__)

FORMATS: Mapping[str, Format] = {
    known.name: known
    for known in (
        raz_json.FORMAT,
        raz_json.LINES,
        csv.FORMAT,
        csv.COUNTS,
        coco.FORMAT,
        cvat.FORMAT,
        label_studio.FORMAT,
        geojson.FORMAT,
        nwpu.FORMAT,
        arrays.ARRAYS,
        arrays.DENSITY,
        plot.FORMAT,
        report.FORMAT,
    )
}
"""The formats by name."""

_BY_SUFFIX = {suffix: known for known in FORMATS.values() for suffix in known.suffixes}

SUFFIXES = tuple(_BY_SUFFIX)
"""Suffixes that :func:`save` knows."""

COLLECTIONS: Mapping[str, Callable[[], Collection[Result]]] = {
    suffix: known.collection for suffix, known in _BY_SUFFIX.items() if known.collection
}
"""How several results go into one file, by its suffix."""


def format_of(
    path: str | os.PathLike[str] | None, name: str | None = None, *, several: bool = False
) -> Format:
    """Return the format of a file: the one that is named, else the one that its suffix stands for.

    Args:
        path: the file's name; it may be anything, or None, where ``name`` is given.
        name: a key of :data:`FORMATS`.
        several: only formats that hold several results in one file.

    Raises:
        ValueError: there is no such format; the message lists those that there are.

    Example:
        >>> format_of("heads.coco.json").name, format_of("heads.txt", "csv").name
        ('coco', 'csv')
    """
    known = {key: form for key, form in FORMATS.items() if form.collection or not several}
    if name is not None:
        if name in known:
            return known[name]
        rule = f"it must be one of {', '.join(known)}"
        if name in FORMATS:
            raise ValueError(f"format of several images is {name!r}, which holds one image; {rule}")
        raise ValueError(f"format is {name!r}; {rule}")
    assert path is not None, "a path or a name of a format must be given"
    try:
        return _BY_SUFFIX[suffix_of(path, COLLECTIONS if several else SUFFIXES)]
    except ValueError as error:
        for suffix, form in _BY_SUFFIX.items():
            if several and not form.collection and os.fspath(path).lower().endswith(suffix):
                raise ValueError(f"{error}; {form.name} ({suffix}) holds one image") from None
        raise


def save(result: Result, path: str | os.PathLike[str], *, format: str | None = None) -> Path:
    """Write a result in the form that the suffix or the name says; see :meth:`raz.Result.save`.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import torch
        >>> from raz import Result
        >>> result = Result(
        ...     points=torch.tensor([[3.5, 4.25]]), scores=torch.tensor([0.5]),
        ...     density=torch.zeros(2, 2), count=1.0, count_density=1.0, count_points=1,
        ...     image_size=(9, 9), path="a.jpg",
        ... )
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save(result, Path(folder, "a.csv")).read_text()
        'x,y,score\\n3.5,4.25,0.5\\n'
    """
    path = Path(path)
    chosen = format_of(path, format)
    chosen.save(result, path)
    return path


def save_all(
    results: Iterable[Result], path: str | os.PathLike[str], *, format: str | None = None
) -> Path:
    """Write results, of :func:`raz.predict` on many images say, into one file as they come.

    Args:
        results: taken one at a time, and not kept; COCO keeps the names and sizes of the images.
        path: the file; it appears whole or not at all. Where an interruption, a lack of
            memory or an error of the system (a full disk) ends the results early, those until then
            are saved beside it: for ``out.jsonl`` as ``out.partial.jsonl``.
        format: "raz", "jsonl", "csv", "counts", "coco", "cvat", "label-studio", "nwpu" or
            "report"; by default what the suffix stands for.

    Raises:
        ValueError: there is no such format for several images.
        OSError: the file cannot be written.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import torch
        >>> from raz import Result
        >>> nobody = dict(points=torch.zeros(0, 2), scores=torch.zeros(0), count_points=0)
        >>> counts = dict(density=torch.zeros(2, 2), count=0, count_density=0, image_size=(9, 9))
        >>> results = (Result(**nobody, **counts, path=f"{name}.jpg") for name in "ab")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_all(results, Path(folder, "heads.txt")).read_text()
        'a 0\\nb 0\\n'
    """
    with open_collection(path, format=format) as writer:
        for result in results:
            writer.write(result)
    return Path(path)


@contextmanager
def open_collection(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    collection: Callable[[], Collection[Result]] | None = None,
) -> Iterator[CollectionWriter[Result]]:
    """Open a file for several results; see :func:`save_all`.

    Args:
        path: the file.
        format: its format; by default what the suffix stands for.
        collection: makes the collection of the file, in place of a format.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with open_collection(Path(folder, "heads.csv")) as writer:
        ...         pass
        ...     Path(folder, "heads.csv").read_text()
        'path,x,y,score\\n'
    """
    collection = collection or format_of(path, format, several=True).collection
    assert collection is not None
    kept = 0  # results that are whole in what was written

    def rest() -> Path | None:
        if not kept:
            return None
        place = partial_file(Path(path).resolve())
        log.warning("%s: holds the first %d results", place, kept)
        return place

    with atomic_file(path, rest=rest) as file:
        writer = CollectionWriter(file, collection)
        try:
            yield writer
            writer.close()
            file.flush()
            kept = writer.written
        except (KeyboardInterrupt, MemoryError, OSError, ResourceError) as error:
            # An error of the system: a full disk, here or elsewhere, a reader that is gone.
            keeps = not isinstance(error, OSError) or error.errno is not None
            # A pipe or device has what was written already.
            if keeps and is_replaced(path):
                kept = writer.keep()
            raise


def partial_file(path: Path) -> Path:
    """Return where results of several images go that are not all.

    Example:
        >>> str(partial_file(Path("heads.coco.json")))
        'heads.partial.coco.json'
    """
    try:
        suffix = suffix_of(path, COLLECTIONS)
    except ValueError:  # another one, with a format by name
        suffix = path.suffix
    stem = path.name[: len(path.name) - len(suffix)]
    return path.with_name(f"{stem}.partial{path.name[len(stem) :]}")
