"""The pages of what raz does with bad input, and of what it promises, name tests that exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "docs" / "reliability.md", ROOT / "SECURITY.md")


def named_tests() -> Iterator[tuple[str, str]]:
    """File and function of each test; a name without a file continues the file before it."""
    for row in "\n".join(page.read_text(encoding="utf-8") for page in PAGES).splitlines():
        cells = row.split(" | ")
        if not row.startswith("| ") or cells[0] == "| kind of input":
            continue
        file = ""
        for found in re.finditer(r"`(tests/[\w./]+)?(?:::(\w+))?(?:::(\w+))?`", cells[-1]):
            file = found[1] or file
            yield file, found[3] or found[2] or ""


NAMED = sorted(set(named_tests()))


def test_the_page_names_tests() -> None:
    assert len(NAMED) > 100


@pytest.mark.parametrize("file", sorted({file for file, _ in NAMED}))
def test_every_named_test_exists(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    for _, name in (each for each in NAMED if each[0] == file):
        assert not name or re.search(rf"^\s*(def|class) {name}\b", text, re.MULTILINE), name
