"""The first thing that runs: signals are handled before anything else is imported."""

from __future__ import annotations

import sys

from raz.training.interruption import terminates_as_interrupt

__all__ = ["start"]


def start() -> int:
    """Run ``raz`` with the arguments of the process, and return the exit code.

    Example:
        >>> start()  # doctest: +SKIP
        0
    """
    try:
        with terminates_as_interrupt():
            from raz.cli.main import main

            return main()
    except KeyboardInterrupt:  # while modules were imported
        sys.stderr.write("raz: interrupted\n")
        return 130
