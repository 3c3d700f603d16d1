"""What the library says, in the words of the command line, and safe for a terminal."""

from __future__ import annotations

import argparse
import re
import sys
import unicodedata
from typing import Any, NoReturn

__all__ = ["Parser", "print_lines", "printable", "shown", "spoken"]

_UNSAFE = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Categories of characters that move the cursor, colour, reorder or end a line."""

_JOINERS = "\u200c\u200d\ufe0f"
"""Parts of letters and of emoji, which do none of that."""

_PHRASES = (
    (r"^(?:name|model) is '(.*?)'; it must be (one of .*)$", r"unknown model \1; \2"),
    (r"give the path of a weights file, or weights=None for an untrained net",
     "--weights takes the path of a weights file, too"),
    (r"with overlap='(\w+)'", r"with --overlap \1"),
)  # fmt: skip
_ARGUMENT = re.compile(r"^(?:argument )?(\w+)(?= (?:is|and) )")


def printable(text: str) -> str:
    """Return text without what acts on a terminal: such characters become escapes, as in Python.

    Names of files may hold anything, and would colour, overwrite or reorder what is printed, or
    fake lines of their own.

    Example:
        >>> print(printable("\\x1b[2Jphoto.jpg"))
        \\x1b[2Jphoto.jpg
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_safe, text))


def print_lines(text: str) -> None:
    """Print lines of text, each :func:`printable`: names in tables may hold anything.

    Example:
        >>> print_lines("part \\x07\\ncount 21")
        part \\x07
        count 21
    """
    print("\n".join(map(printable, text.split("\n"))))


def shown(text: str) -> str:
    """Return text in lines as stdout may take it: a terminal gets each line :func:`printable`.

    Example:
        >>> shown("x,y\\n")
        'x,y\\n'
    """
    return "\n".join(map(printable, text.split("\n"))) if sys.stdout.isatty() else text


def _safe(character: str) -> str:
    if unicodedata.category(character) not in _UNSAFE or character in _JOINERS:
        return character
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def spoken(message: str, parser: argparse.ArgumentParser | None = None) -> str:
    """Return an error of the library with the names that its options have on the command line.

    Args:
        message: such as "max_seconds is -1; it must be at least 0".
        parser: whose arguments are known, by their names in Python.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> option = parser.add_argument("--max-seconds")
        >>> spoken("max_seconds is -1; it must be at least 0", parser)
        '--max-seconds is -1; it must be at least 0'
        >>> spoken("name is 'yolo'; it must be one of raznet_lite")
        'unknown model yolo; one of raznet_lite'
    """
    for pattern, words in _PHRASES:
        message = re.sub(pattern, words, message)
    if parser is None or not (found := _ARGUMENT.match(message)):
        return message
    names = {action.dest: _spelled(action) for action in parser._actions}
    names.setdefault("path", names.get("output", "path"))
    return names.get(found[1], found[1]) + message[found.end() :]


def _spelled(action: argparse.Action) -> str:
    for option in action.option_strings:
        if option.startswith("--"):
            return option
    return str(action.metavar or action.dest)


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line; ``--help`` prints the usage.

    Example:
        >>> Parser(prog="raz").parse_args(["--nonsense"])
        Traceback (most recent call last):
        SystemExit: 2
    """

    def error(self, message: str) -> NoReturn:
        """Print a wrong use, and end with exit code 2."""
        text = printable(message.removeprefix("argument "))
        self.exit(2, f"{self.prog}: {text} (see {self.prog} --help)\n")

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse; an argument too many is an error of the command that got it."""
        found, rest = self.parse_known_args(args, namespace)
        if rest:
            parser = getattr(found, "parser", self)
            parser.error(f"unrecognized arguments: {' '.join(rest)}")
        return found
