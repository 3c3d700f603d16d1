"""``raz --print-completion SHELL``: complete commands, options and files in a shell, by shtab."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from raz.errors import installs

__all__ = ["SHELLS", "PrintCompletion"]

SHELLS = ("bash", "zsh", "tcsh")
"""Shells that shtab supports (the extra ``completion``)."""

_FILES = {"FILE", "IMAGE", "OUT", "PATH", "PRED", "GT", "SOURCE"}
_FOLDERS = {"DIR"}


class PrintCompletion(argparse.Action):
    """Prints the completion script of a shell, and ends; an argparse action.

    Example:
        >>> parser = argparse.ArgumentParser(prog="raz")
        >>> action = parser.add_argument("--print-completion", action=PrintCompletion)
        >>> action.choices
        ('bash', 'zsh', 'tcsh')
    """

    def __init__(self, option_strings: list[str], dest: str, **_: Any) -> None:
        super().__init__(
            option_strings,
            dest=argparse.SUPPRESS,
            default=argparse.SUPPRESS,
            choices=SHELLS,
            help="print a script that completes commands and options in a shell; for bash: "
            'eval "$(raz --print-completion bash)"',
        )

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: object, values: Any, option: object = None
    ) -> None:
        """Print the script for the shell ``values``; without shtab, say what to install."""
        try:
            import shtab
        except ImportError:
            parser.exit(1, f"raz: --print-completion needs shtab ({installs('completion')})\n")
        _complete_paths(parser, shtab)
        sys.stdout.write(f"{shtab.complete(parser, values)}\n")
        parser.exit()


def _complete_paths(parser: argparse.ArgumentParser, shtab: Any) -> None:
    """Let the arguments that name files and folders complete to those."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for subparser in action.choices.values():
                _complete_paths(subparser, shtab)
            continue
        names = set(action.metavar.split("|")) if isinstance(action.metavar, str) else set()
        if names & _FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        elif names & _FOLDERS:
            action.complete = shtab.DIR  # type: ignore[attr-defined]
