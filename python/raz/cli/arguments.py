"""Checks of arguments that several subcommands share."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["add_threads", "at_least", "not_negative", "positive", "set_threads", "wrong_use"]


def at_least(lowest: int) -> Callable[[str], int]:
    """Return an argparse type: an integer not below ``lowest``."""

    def integer(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not an integer") from None
        if value < lowest:
            raise argparse.ArgumentTypeError(f"{value} is below {lowest}")
        return value

    return integer


def positive(text: str) -> float:
    """Read a finite number above 0; an argparse type."""
    value = _number(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a finite number above 0")
    return value


def not_negative(text: str) -> float:
    """Read a finite number, 0 or more; an argparse type."""
    value = _number(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a finite number, 0 or more")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def add_threads(parser: argparse._ActionsContainer) -> None:
    """Add ``--threads``, for :func:`set_threads`."""
    parser.add_argument(
        "--threads", type=at_least(1), metavar="N", help="CPU threads (torch's own default)"
    )


def set_threads(args: argparse.Namespace) -> None:
    """Make torch use the threads that were asked for, if any were."""
    if args.threads is not None:
        import torch

        torch.set_num_threads(args.threads)


@contextmanager
def wrong_use(args: argparse.Namespace) -> Iterator[None]:
    """End as wrong use (exit code 2) where the block finds an argument to be wrong.

    For what only the library can check, a model's name or a device. With ``--verbose`` the error
    comes through with its traceback.
    """
    try:
        yield
    except (TypeError, ValueError) as error:
        if args.verbose:
            raise
        args.parser.error(" ".join(str(error).split()))
