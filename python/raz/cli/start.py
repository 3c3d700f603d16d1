"""The first thing that runs: signals are handled before anything else is imported."""

from __future__ import annotations

import signal
import sys

from raz.training.interruption import terminates_as_interrupt

__all__ = ["start"]


def start() -> int:
    """Run ``raz`` with the arguments of the process, and return the exit code.

    Afterwards SIGINT ends the process as the system does: nothing is left that it could interrupt.

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
    finally:
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
