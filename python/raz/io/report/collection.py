"""Reports of one result or of many, written as the results come."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL.Image import Image, Resampling

from raz.io.formats.format import Collection
from raz.io.formats.values import dumps
from raz.io.report.contents import Contents, figures, view
from raz.io.report.data_uri import as_jpeg
from raz.io.report.page import page
from raz.io.small_copy import small_copy

if TYPE_CHECKING:
    from raz.result import Result

__all__ = ["report_collection", "report_text", "save_report"]

_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}
"""Characters that mean something to HTML, as JSON spells them inside its strings."""


def report_text(result: Result, contents: Contents | None = None) -> str:
    """Return the report of one result.

    Example:
        >>> import torch
        >>> from raz import Result
        >>> nobody = Result(
        ...     points=torch.zeros(0, 2), scores=torch.zeros(0), density=torch.zeros(6, 8),
        ...     count=0.0, count_density=0.0, count_points=0, image_size=(64, 48), path="<b>.jpg",
        ... )
        >>> text = report_text(nobody)
        >>> text[:15], "<b>" in text
        ('<!doctype html>', False)
    """
    collection = report_collection(contents)
    return collection.head + collection.item(result) + collection.tail(1)


def report_collection(contents: Contents | None = None) -> Collection[Result]:
    """Make the report of several results, which takes one at a time and keeps none.

    Example:
        >>> report_collection().head[:15]
        '<!doctype html>'
    """
    head, tail = page()
    return Collection(_Items(contents or Contents()).item, head=head, tail=lambda _: tail)


def save_report(
    results: Result | Iterable[Result],
    path: str | os.PathLike[str],
    contents: Contents | None = None,
) -> Path:
    """Write a report of results, of :func:`raz.predict` on a folder or a video say.

    Args:
        results: one, or several; taken one at a time, and not kept.
        path: the file. It appears whole or not at all; see :func:`raz.io.formats.save_all` for
            what is left of results that end early.
        contents: how much goes into it.

    Raises:
        OSError: the file cannot be written.

    Example:
        >>> import tempfile
        >>> import torch
        >>> from raz import Result
        >>> nobody = Result(
        ...     points=torch.zeros(0, 2), scores=torch.zeros(0), density=torch.zeros(6, 8),
        ...     count=0.0, count_density=0.0, count_points=0, image_size=(64, 48), path="a.jpg",
        ... )
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_report([nobody], Path(folder, "report.html")).read_text()[:15]
        '<!doctype html>'
    """
    from raz.io.formats.registry import open_collection
    from raz.result import Result

    with open_collection(path, collection=lambda: report_collection(contents)) as writer:
        for result in [results] if isinstance(results, Result) else results:
            writer.write(result)
    return Path(path)


class _Items:
    """Writes one image after the other, with less of it where the limits are reached."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._view_bytes = self._thumbnail_bytes = 0

    def item(self, result: Result) -> str:
        """Return the elements of the next image: its figures, and its view if there is room."""
        contents = self._contents
        has_view = not self._view_bytes or self._view_bytes < contents.view_bytes
        has_thumbnail = self._thumbnail_bytes < contents.thumbnail_bytes
        image = None
        if has_view or has_thumbnail:  # a file is decoded once for both
            image = small_copy(result, contents.image_side if has_view else contents.thumbnail_side)
        row = figures(result)
        if has_thumbnail:
            row["thumbnail"] = None if image is None else _thumbnail(image, contents.thumbnail_side)
            self._thumbnail_bytes += len(row["thumbnail"] or "")
        text = _element("figures", row)
        if has_view:
            shown = _element("view", view(result, contents, image))
            self._view_bytes += len(shown)
            text += shown
        return text


def _thumbnail(image: Image, side: int) -> str:
    small = image.copy()
    small.thumbnail((side, side), Resampling.HAMMING)
    return as_jpeg(small, quality=75)


def _element(name: str, content: dict[str, Any]) -> str:
    """An element that holds JSON, from which no text of a file or an image can break out."""
    text = dumps(content)
    for character, escape in _ESCAPES.items():
        text = text.replace(character, escape)
    return f'<script type="application/json" class="raz-{name}">{text}</script>\n'
