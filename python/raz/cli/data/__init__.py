"""``raz data``: check, convert or describe a data set; one module per command."""

from __future__ import annotations

import argparse

from raz.cli.data import check, convert, stats

COMMANDS = (check, convert, stats)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command and those within it."""
    parser = subparsers.add_parser(
        "data",
        help="check, convert or describe images with known heads",
        description="Check, convert or describe a data set: images with known heads, in the\n"
        "layout of a published data set or in a folder of your own.",
        epilog="examples:\n  raz data check photos\n  raz data stats photos",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    inner = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(inner)
