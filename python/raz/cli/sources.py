"""Which images ``raz predict`` counts: its arguments, standard input, and lists of names."""

from __future__ import annotations

import argparse
import os
import sys
from typing import IO, TYPE_CHECKING, Any

from raz.cli.arguments import number
from raz.errors import InputError

if TYPE_CHECKING:
    from raz.io.video_stream import VideoStream

__all__ = [
    "STDIN",
    "add_source_options",
    "add_stream_options",
    "check_sources",
    "is_stream",
    "named_sources",
]

_LONGEST = 32_767
"""Bytes of the longest name that any system has for a file."""

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
        help="image file, folder of images, quoted pattern ('photos/**/*.jpg'), video, camera "
        "(camera:0) or address of a live video (rtsp://); - is one image on standard input",
    )  # fmt: skip
    parser.add_argument(
        "--files-from", metavar="FILE",
        help="also count the sources that FILE names, one a line, or separated by NUL characters "
        "as of find -print0; - reads the names from standard input",
    )  # fmt: skip


def add_stream_options(parser: argparse._ActionsContainer) -> None:
    """Add ``--stream`` and ``--reconnect``, which :func:`named_sources` reads.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add_stream_options(parser)
        >>> parser.parse_args([]).reconnect
        60.0
    """
    parser.add_argument(
        "--stream", action="store_true",
        help="the source, an http:// or https:// address or -, is a video",
    )  # fmt: skip
    parser.add_argument(
        "--reconnect", type=number(0), default=60.0, metavar="S",
        help="of a camera or live address that broke off: try again for S seconds; with 0 its end "
        "is an end (default: %(default)g)",
    )  # fmt: skip


def check_sources(args: argparse.Namespace) -> None:
    """End as wrong use if there is no source, or if standard input would be read twice.

    Args:
        args: of a parser that has both kinds of options, with ``parser``.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> check_sources(
        ...     argparse.Namespace(sources=["-"], files_from=None, stream=False, parser=parser)
        ... )
    """
    if not args.sources and args.files_from is None:
        args.parser.error("the following arguments are required: SOURCE, or --files-from FILE")
    if [*args.sources, args.files_from].count(STDIN) > 1:
        args.parser.error(f"{STDIN}: standard input can be read only once")
    if args.stream and not any(map(_may_be_stream, args.sources)):
        args.parser.error("--stream: is for http:// and https:// addresses and -")


def named_sources(args: argparse.Namespace) -> list[Any]:
    """Return the sources in order, those of the list last; standard input as an open file.

    Raises:
        InputError: the list cannot be read, or names nothing.

    Example:
        >>> named_sources(argparse.Namespace(sources=["a.jpg"], files_from=None, stream=False))
        ['a.jpg']
    """
    sources: list[Any] = [
        _stream(args, name) if is_stream(args, name) else _stdin() if name == STDIN else name
        for name in args.sources
    ]
    return sources if args.files_from is None else sources + _names(args.files_from)


def _stream(args: argparse.Namespace, name: str) -> VideoStream:
    from raz.io.video_stream import VideoStream

    return VideoStream(_stdin() if name == STDIN else name, reconnect=args.reconnect)


def is_stream(args: argparse.Namespace, name: str) -> bool:
    """Tell whether a source is a camera or stream, by its name or by ``--stream``.

    Example:
        >>> args = argparse.Namespace(stream=True)
        >>> is_stream(args, "http://10.0.0.2/a.mp4"), is_stream(args, "photo.jpg")
        (True, False)
    """
    from raz.io.video_stream import video_stream

    return (args.stream and _may_be_stream(name)) or video_stream(name) is not None


def _may_be_stream(name: str) -> bool:
    return name == STDIN or name.lower().startswith(("http://", "https://"))


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
    if max(map(len, lines), default=0) > _LONGEST:
        raise InputError(f"{file}: is no list: a line has more than {_LONGEST:,} bytes")
    names = [os.fsdecode(line) for line in lines if line]
    if not names:
        raise InputError(f"{file}: names no image")
    return names


def _stdin() -> IO[bytes]:
    if sys.stdin is None:  # closed by whoever started the process
        raise InputError("stdin: is closed")
    return sys.stdin.buffer
