"""Which of some known suffixes a file name ends in."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

__all__ = ["suffix_of"]


def suffix_of(path: str | os.PathLike[str], accepted: Iterable[str]) -> str:
    """Return the accepted suffix that a file name ends in, the longest one first.

    Raises:
        ValueError: it ends in none of them.

    Example:
        >>> suffix_of("Heads.COCO.JSON", [".json", ".coco.json"])
        '.coco.json'
    """
    name, accepted = Path(path).name.lower(), tuple(accepted)
    for suffix in sorted(accepted, key=len, reverse=True):
        if name.endswith(suffix) and name != suffix:
            return suffix
    raise ValueError(f"{os.fspath(path)}: the file name must end in one of {', '.join(accepted)}")
