"""Progress of ``raz predict``: the images, and how far the passes over the present one are."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from raz.progress import Progress, open_progress

if TYPE_CHECKING:
    from raz.zoom.progress import PassProgress

__all__ = ["image_progress", "images_progress"]

_SHOWN_AFTER = 0.7
"""Seconds that an image of a single view may take before anything is shown of it."""

_UNIT = "view"
"""What goes through the net at once: a tile of the image, or a region of it."""


@contextmanager
def image_progress(*, quiet: bool) -> Iterator[None]:
    """Show how far the passes over one image are, if they take a while.

    Example:
        >>> with image_progress(quiet=True):
        ...     result = raz.predict("photo.jpg")  # doctest: +SKIP
    """
    from raz.zoom.progress import watched

    started = time.monotonic()
    shown: list[Progress] = []

    def show(seen: PassProgress) -> None:
        late = time.monotonic() - started >= _SHOWN_AFTER
        opens = not shown and (late or seen.total > 1)
        if opens:
            shown.append(open_progress(seen.total, unit=_UNIT, quiet=quiet))
        for progress in shown:
            if opens or not seen.done:
                progress.begin(_title(seen), seen.total)
            progress.update(seen.done)

    try:
        with watched(show):
            yield
    finally:
        for progress in shown:
            progress.close()


@contextmanager
def images_progress(total: int | None, *, quiet: bool) -> Iterator[Progress]:
    """Show how many of several images are done, and how far the present one is.

    Example:
        >>> with images_progress(3, quiet=True) as progress:
        ...     progress.update(1)
    """
    from raz.zoom.progress import watched

    with open_progress(total, quiet=quiet) as progress:
        told = time.monotonic()

        def show(seen: PassProgress) -> None:
            nonlocal told
            now = time.monotonic()
            if now - told >= _SHOWN_AFTER:
                told = now
                number = f"{seen.done} of {seen.total}"
                progress.note("image", f"image {progress.done + 1}: {number} {_title(seen)}")

        with watched(show):
            yield progress


def _title(seen: PassProgress) -> str:
    if seen.first:
        reduced = f" at {seen.scale:.3g}x" if seen.scale < 1 else ""
        return f"{_UNIT}s of the whole image{reduced}"
    return f"{_UNIT}s, zooming to {seen.scale:.3g}x"
