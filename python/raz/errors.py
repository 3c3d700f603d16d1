"""Errors that are not in the caller's code: one class per cause.

A wrong argument is a ``ValueError`` or a ``TypeError``, as everywhere in Python. The command line
turns each class below into an exit code of its own.

Example:
    >>> try:
    ...     raise InputError("photo.jpg: no such file")
    ... except RazError as error:
    ...     print(type(error).__name__, error)
    InputError photo.jpg: no such file
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = [
    "InputError",
    "InputTooLargeError",
    "RazError",
    "ResourceError",
    "WeightsError",
    "installs",
]


def installs(extra: str) -> str:
    """Return the command that installs an optional part of raz, as README installs raz.

    Args:
        extra: a name of ``[project.optional-dependencies]`` in pyproject.toml.

    Example:
        >>> installs("video")
        'pip install ".[video]"'
    """
    return f'pip install ".[{extra}]"'


class RazError(Exception):
    """Base of all errors that raz raises about the world outside the program.

    Example:
        >>> issubclass(InputError, RazError), issubclass(RazError, ValueError)
        (True, False)
    """


class InputError(RazError):
    """An image or file is missing, damaged, or not what it claims to be (exit code 3).

    Example:
        >>> from raz.io.decoding import read_image
        >>> read_image("missing.jpg")
        Traceback (most recent call last):
        raz.errors.InputError: missing.jpg: no such file
    """


class InputTooLargeError(InputError):
    """An image is over a limit, of pixels or of bytes.

    Example:
        >>> issubclass(InputTooLargeError, InputError)
        True
    """


class WeightsError(RazError):
    """Weights are missing, damaged, or belong to another model (exit code 4).

    Example:
        >>> import raz
        >>> try:
        ...     raz.get_model("raznet_lite", weights="missing.safetensors")
        ... except WeightsError as error:
        ...     print(str(error).partition(":")[0])
        raznet_lite has no weights 'missing.safetensors'
    """


class ResourceError(RazError):
    """Memory or time ran out (exit code 5).

    Example:
        >>> with memory_errors("photo.jpg"):
        ...     raise MemoryError
        Traceback (most recent call last):
        raz.errors.ResourceError: photo.jpg: memory ran out; try a smaller tile, image or depth
    """


_NO_MEMORY = re.compile(r"out of memory|not enough memory|can't allocate memory", re.IGNORECASE)


@contextmanager
def memory_errors(name: str) -> Iterator[None]:
    """Raise a ResourceError if memory runs out in the block, whatever torch calls that.

    Args:
        name: the image or file that is processed.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not _NO_MEMORY.search(str(error)):
            raise
        raise ResourceError(
            f"{name}: memory ran out; try a smaller tile, image or depth"
        ) from error


def shown(text: object, limit: int = 200) -> str:
    """Return what a file says, or an error about it, as part of one line: short and printable.

    Example:
        >>> shown("a\\nname"), shown("x" * 1000, limit=3)
        ('a\\\\nname', 'xxx...')
    """
    words = str(text) or type(text).__name__
    if isinstance(text, BaseException):
        words = words.splitlines()[0]
    words = words[:limit] + ("..." if len(words) > limit else "")
    return words if words.isprintable() else words.encode("unicode_escape").decode()
