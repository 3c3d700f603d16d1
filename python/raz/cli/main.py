"""Entry point of ``raz``: run a command, and turn errors into exit codes.

Exit codes: 0 ok, 1 error, 2 wrong use, 3 bad input, 4 weights, 5 resources, 6 some of several
inputs were bad, 130 interrupted. Data goes to stdout; progress and messages go to stderr.
"""

from __future__ import annotations

import argparse
import logging
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from raz.cli import (
    backbone,
    bench,
    compare,
    data,
    demo,
    doctor,
    eval,
    export,
    predict,
    serve,
    train,
)
from raz.cli.completion import PrintCompletion
from raz.cli.streams import is_of_stdout, standard_streams
from raz.cli.wording import Parser, printable, spoken
from raz.errors import InputError, ResourceError, WeightsError
from raz.training.interruption import Interruption, terminates_as_interrupt

__all__ = ["COMMANDS", "main"]

log = logging.getLogger("raz")

COMMANDS = (predict, eval, compare, train, backbone, export, serve, demo, data, bench, doctor)
"""The commands, in the order of ``raz --help``."""

_EPILOG = """\
examples:
  raz predict photo.jpg
  raz predict photos --output heads.csv

raz COMMAND --help prints the options of a command.
"""

_EXIT_CODES: dict[type[BaseException], int] = {
    InputError: 3,
    WeightsError: 4,
    ResourceError: 5,
    MemoryError: 5,
    KeyboardInterrupt: 130,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``raz`` and return the exit code.

    Args:
        argv: arguments, by default those of the process.

    Example:
        >>> main(["predict", "missing.jpg", "--quiet"])
        3
    """
    for stream in (sys.stdout, sys.stderr):  # names of files need not be valid text
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    with terminates_as_interrupt() as interruption, standard_streams() as printed:
        try:
            code = _parse_and_run(argv, interruption)
            sys.stdout.flush()
        except KeyboardInterrupt:  # outside of the command
            sys.stderr.write("raz: interrupted\n")
            code = 130
        except OSError as error:  # of stdout: those of the command are reported there
            printed.lose(error)
            code = 1
    return code or int(printed.lost)


def _parse_and_run(argv: Sequence[str] | None, interruption: Interruption) -> int:
    try:
        args = _parser().parse_args(argv)
        with _messages_on_stderr(_level(args)):
            return _run(args, interruption)
    except SystemExit as exit:  # argparse: 0 after --help and --version, 2 after a wrong use
        return int(exit.code or 0)


def _run(args: argparse.Namespace, interruption: Interruption) -> int:
    try:
        code: int = args.run(args)
        sys.stdout.flush()
        return code
    except SystemExit:
        raise
    except BaseException as error:
        if interruption.requested:  # safetensors makes an error of its own of it
            return _report(KeyboardInterrupt(), verbose=False)
        if is_of_stdout(error):
            raise
        return _report(error, verbose=args.verbose)


def _report(error: BaseException, *, verbose: bool) -> int:
    code = next((code for kind, code in _EXIT_CODES.items() if isinstance(error, kind)), 1)
    text = spoken(" ".join(str(error).split()))
    if isinstance(error, KeyboardInterrupt):
        text = "interrupted"
    elif isinstance(error, MemoryError) and not text:
        text = "memory ran out"
    elif isinstance(error, OSError) and error.filename is not None and error.strerror:
        text = f"{error.filename}: {error.strerror}"
    elif not text or (code == 1 and not isinstance(error, (ValueError, OSError))):
        text = f"{type(error).__name__}: {text}"
    log.error(text, exc_info=error if verbose and code != 130 else None)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="raz",
        description="Count the people in images, and locate each of them.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_PrintVersion)
    parser.add_argument("--print-completion", action=PrintCompletion)
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(subparsers)
    for subparser in _within(subparsers):
        _add_message_options(subparser)
    parser.set_defaults(quiet=False, verbose=False)
    return parser


class _PrintVersion(argparse.Action):
    """Print the version, and end. What is installed is asked only then: it takes a while."""

    def __init__(self, option_strings: list[str], dest: str, **_: Any) -> None:
        super().__init__(
            option_strings,
            dest=argparse.SUPPRESS,
            nargs=0,
            help="show program's version number and exit",
        )

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from raz import __version__

        sys.stdout.write(f"raz {__version__}\n")
        parser.exit()


def _within(
    subparsers: argparse._SubParsersAction[Any],
) -> Iterator[argparse.ArgumentParser]:
    """Yield the parsers of the commands, and of the commands within them."""
    for subparser in subparsers.choices.values():
        yield subparser
        for action in subparser._actions:
            if isinstance(action, argparse._SubParsersAction):
                yield from _within(action)


def _add_message_options(parser: argparse.ArgumentParser) -> None:
    # Without defaults of their own, so that an inner parser keeps what an outer one found.
    group = parser.add_argument_group("messages").add_mutually_exclusive_group()
    group.add_argument(
        "-q", "--quiet", action="store_true", default=argparse.SUPPRESS,
        help="print only errors to stderr",
    )  # fmt: skip
    group.add_argument(
        "-v", "--verbose", action="store_true", default=argparse.SUPPRESS,
        help="print more to stderr, and tracebacks of errors",
    )  # fmt: skip


def _level(args: argparse.Namespace) -> int:
    if args.quiet:
        return logging.ERROR
    if args.verbose or getattr(args, "shows_progress", False):
        return logging.INFO
    return logging.WARNING


@contextmanager
def _messages_on_stderr(lowest: int) -> Iterator[None]:
    """Write log records and Python warnings to stderr as single lines ``raz: ...``."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines("raz: %(message)s"))
    level, propagate = log.level, log.propagate
    log.addHandler(handler)
    log.propagate = False
    log.setLevel(lowest)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _log_warning
            yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
        log.propagate = propagate


class _Lines(logging.Formatter):
    """Messages in one line each, whatever the names in them hold."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = printable(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:
        return "\n".join(map(printable, super().formatException(ei).split("\n")))


def _log_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    log.warning("%s", " ".join(str(message).split()))
