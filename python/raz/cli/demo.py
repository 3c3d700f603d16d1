"""``raz demo``: a page on which to drop an image."""

from __future__ import annotations

import argparse
import logging
import time

from raz.cli.arguments import at_least, set_threads
from raz.cli.model_options import add_model_options, make_predictor
from raz.training.interruption import deferred_interrupts

log = logging.getLogger(__name__)

_DESCRIPTION = """\
Open a page on which to drop an image: it shows the count with its interval, the heads from a score
on, and the density. Only this machine reaches the page, and nothing is sent to other hosts.
"""
_EPILOG = """\
examples:
  raz demo
  raz demo --port 8001 --quality best

exit codes: 2 wrong use; 4 weights; 130 ended by a signal; 1 any other error
"""
_POLL_SECONDS = 0.2


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command's arguments."""
    parser = subparsers.add_parser(
        "demo",
        help="open a page on which to drop an image",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--port", type=at_least(1, 65535), default=7860, metavar="N",
        help="port to listen at (default: %(default)s)",
    )  # fmt: skip
    add_model_options(parser)
    parser.set_defaults(run=run, parser=parser, shows_progress=True)


def run(args: argparse.Namespace) -> int:
    """Show the page until a signal comes; return the exit code."""
    from raz.demo import open_demo

    set_threads(args)
    with deferred_interrupts() as interruption:
        address = open_demo(make_predictor(args), port=args.port)
        log.info("the page is at %s", address)
        while not interruption.requested:
            time.sleep(_POLL_SECONDS)
    return 130
