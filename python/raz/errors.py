"""What can go wrong that is not the caller's code: one class per cause.

A wrong argument is a ``ValueError`` or a ``TypeError``, as everywhere in Python. The command line
turns each class below into its own exit code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["InputError", "RazError", "ResourceError", "WeightsError"]


class RazError(Exception):
    """Base of every error that raz raises about the world outside the program."""


class InputError(RazError):
    """An image or file is missing, broken, or not what it says it is (exit code 3)."""


class WeightsError(RazError):
    """Weights are missing, damaged, or do not belong to the model (exit code 4)."""


class ResourceError(RazError):
    """Memory or time ran out (exit code 5)."""


_NO_MEMORY = re.compile(r"out of memory|not enough memory|can't allocate memory", re.IGNORECASE)


@contextmanager
def memory_errors(name: str) -> Iterator[None]:
    """Raise memory that ran out in the block, by whichever name torch gives it, as ResourceError.

    Args:
        name: of the image or file that it ran out for.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not _NO_MEMORY.search(str(error)):
            raise
        raise ResourceError(
            f"{name}: memory ran out; try a smaller tile, image or depth"
        ) from error
