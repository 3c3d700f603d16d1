"""Which images ``raz predict`` counts: its arguments, standard input, and lists of names."""

from __future__ import annotations

import argparse
import os
import sys
from typing import IO, Any

from raz.errors import InputError

__all__ = ["STDIN", "add_source_options", "check_sources", "named_sources"]

STDIN = "-"
"""Stands for standard input."""


def add_source_options(parser: argparse.ArgumentParser) -> None:
    """Add what the functions below read.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add_source_options(parser)
        >>> parser.parse_args(["a.jpg", "b.jpg"]).sources
        ['a.jpg', 'b.jpg']
    """
    parser.add_argument(
        "sources", metavar="SOURCE", nargs="*",
        help="image file, folder of images, quoted pattern ('photos/**/*.jpg') or video; - is one "
        "image on standard input",
    )  # fmt: skip
    parser.add_argument(
        "--files-from", metavar="FILE",
        help="also count the sources that FILE names, one a line, or separated by NUL characters "
        "as of find -print0; - reads the names from standard input",
    )  # fmt: skip


def check_sources(args: argparse.Namespace) -> None:
    """End as wrong use if there is no source, or if standard input would be read twice.

    Args:
        args: of a parser that has :func:`add_source_options`, with ``parser``.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> check_sources(argparse.Namespace(sources=["-"], files_from=None, parser=parser))
    """
    if not args.sources and args.files_from is None:
        args.parser.error("the following arguments are required: SOURCE, or --files-from FILE")
    if [*args.sources, args.files_from].count(STDIN) > 1:
        args.parser.error(f"{STDIN}: standard input can be read only once")


def named_sources(args: argparse.Namespace) -> list[Any]:
    """Return the sources in order, those of the list last; standard input as an open file.

    Raises:
        InputError: the list cannot be read, or names nothing.

    Example:
        >>> named_sources(argparse.Namespace(sources=["a.jpg"], files_from=None))
        ['a.jpg']
    """
    sources: list[Any] = [_stdin() if name == STDIN else name for name in args.sources]
    return sources if args.files_from is None else sources + _names(args.files_from)


def _names(file: str) -> list[str]:
    try:
        if file == STDIN:
            content = _stdin().read()
        else:
            with open(file, "rb") as list_file:
                content = list_file.read()
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}") from None
    lines = content.split(b"\0") if b"\0" in content else content.splitlines()
    names = [os.fsdecode(line) for line in lines if line]
    if not names:
        raise InputError(f"{file}: names no image")
    return names


def _stdin() -> IO[bytes]:
    if sys.stdin is None:  # closed by whoever started the process
        raise InputError("stdin: is closed")
    return sys.stdin.buffer
