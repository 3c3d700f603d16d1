"""Arguments that several commands share: argparse types, options, and wrong use."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from raz.cli.wording import spoken

MOST_THREADS = 1024
"""More are no use to any machine, and the system would refuse them late."""

__all__ = [
    "MOST_THREADS",
    "add_device",
    "add_head_options",
    "add_threads",
    "at_least",
    "bands",
    "number",
    "positive",
    "set_threads",
    "wrong_use",
]


def at_least(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return an argparse type: an integer that is at least ``least``, and at most ``most``.

    Example:
        >>> at_least(1)("3")
        3
    """

    def integer(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not an integer") from None
        if value < least:
            raise argparse.ArgumentTypeError(f"{value} is below {least}")
        if most is not None and value > most:
            raise argparse.ArgumentTypeError(f"{value} is above {most}")
        return value

    return integer


def number(least: float) -> Callable[[str], float]:
    """Return an argparse type: a finite number that is at least ``least``.

    Example:
        >>> number(0)("0.5")
        0.5
    """

    def finite(text: str) -> float:
        value = _number(text)
        if not least <= value < float("inf"):
            raise argparse.ArgumentTypeError(f"{text} is not a finite number, {least:g} or more")
        return value

    return finite


def bands(text: str) -> tuple[int, ...]:
    """Read one or three numbers of bands, from 1, with commas between them; an argparse type.

    Example:
        >>> bands("4,3,2")
        (4, 3, 2)
    """
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) not in (1, 3) or min(numbers) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not one or three numbers of bands, from 1")
    return numbers


def positive(text: str) -> float:
    """Read a finite number above 0; an argparse type.

    Example:
        >>> positive("0.5")
        0.5
    """
    value = _number(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a finite number above 0")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def add_device(parser: argparse._ActionsContainer) -> None:
    """Add ``--device``, as `raz.devices.choose_device` takes it.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add_device(parser)
        >>> parser.parse_args([]).device
        'auto'
    """
    parser.add_argument(
        "--device", default="auto", metavar="NAME",
        help="auto, cpu, cuda or cuda:1; auto is CUDA if it is available (default: %(default)s)",
    )  # fmt: skip


def add_head_options(parser: argparse._ActionsContainer, *aliases: str, of: str) -> None:
    """Add ``--category`` and ``--anchor``: what of a file of shapes is a head.

    Args:
        parser: to add them to.
        aliases: other names of ``--category``.
        of: which files they are for, for the help.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add_head_options(parser, "--label", of="your own folder")
        >>> parser.parse_args(["--category", "head", "--label", "face"]).category
        ['head', 'face']
    """
    parser.add_argument(
        "--category", *aliases, action="append", metavar="NAME",
        help=f"of {of}: label (COCO: category) of heads, without regard to case; may be given "
        "several times (default: head, else person, else the only label)",
    )  # fmt: skip
    parser.add_argument(
        "--anchor", choices=("center", "top"), default="center",
        help=f"of {of}: where in boxes and ellipses the head is (default: %(default)s)",
    )  # fmt: skip


def add_threads(parser: argparse._ActionsContainer) -> None:
    """Add ``--threads``, which :func:`set_threads` reads.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add_threads(parser)
        >>> parser.parse_args(["--threads", "2"]).threads
        2
    """
    parser.add_argument(
        "--threads", type=at_least(1, MOST_THREADS), metavar="N",
        help=f"CPU threads, at most {MOST_THREADS} (default: torch's choice)",
    )  # fmt: skip


def set_threads(args: argparse.Namespace) -> None:
    """Make torch use as many threads as ``--threads`` says, if it was given.

    Example:
        >>> set_threads(argparse.Namespace(threads=None))
    """
    if args.threads is not None:
        import torch

        torch.set_num_threads(args.threads)


@contextmanager
def wrong_use(args: argparse.Namespace) -> Iterator[None]:
    """End with exit code 2 if the block finds an argument to be wrong.

    For what only the library can check, such as a model's name or a device. With ``--verbose`` the
    error is raised, so that its traceback is shown.

    Example:
        >>> args = argparse.Namespace(verbose=True)
        >>> with wrong_use(args):
        ...     raise ValueError("device is 'tpu'; it must be 'cpu' or 'cuda'")
        Traceback (most recent call last):
        ValueError: device is 'tpu'; it must be 'cpu' or 'cuda'
    """
    try:
        yield
    except (TypeError, ValueError) as error:
        if args.verbose:
            raise
        args.parser.error(spoken(" ".join(str(error).split()), args.parser))
