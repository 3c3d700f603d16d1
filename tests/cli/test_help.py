"""Every command's help has examples, and they parse."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator

import pytest

from raz.cli.main import _parser


def parsers() -> Iterator[argparse.ArgumentParser]:
    below = [_parser()]
    while below:
        parser = below.pop()
        yield parser
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                below += action.choices.values()


def examples(parser: argparse.ArgumentParser) -> list[str]:
    """The commands of raz in a help's examples, without the remarks that follow two spaces."""
    epilog = (parser.epilog or "").partition("examples:\n")[2].partition("\n\n")[0]
    lines = [re.split(r"\s{2,}", line.strip())[0] for line in epilog.splitlines()]
    return [found[1] for line in lines if (found := re.search(r"\braz( [^|>]*)", line))]


@pytest.mark.parametrize("parser", [*parsers()], ids=lambda parser: parser.prog)
def test_two_examples_that_parse(parser: argparse.ArgumentParser) -> None:
    commands = examples(parser)
    assert len(commands) >= 2
    for command in commands:
        arguments = shlex.split(command)
        found = _parser().parse_args(arguments)
        name = parser.prog.split()[1:]
        assert arguments[: len(name)] == name
        assert callable(found.run)


@pytest.mark.parametrize("parser", [*parsers()], ids=lambda parser: parser.prog)
def test_help_fits_a_screen_of_a_hundred_columns(
    parser: argparse.ArgumentParser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert max(map(len, parser.format_help().splitlines())) <= 100
