"""docs/method.md names the code of each step; what it names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINES = re.findall(
    r"^- Code: (.+(?:\n  .+)*)", (ROOT / "docs/method.md").read_text(encoding="utf-8"), re.MULTILINE
)


@pytest.mark.parametrize("line", LINES, ids=range(len(LINES)))
def test_the_code_of_a_step_exists(line: str) -> None:
    text = ""
    for name in re.findall(r"`([^`(]+)[^`]*`", line):
        if "/" in name or name.endswith(".py"):
            folder = ROOT if name.startswith("csrc") else ROOT / "python/raz"
            text = (folder / name).read_text(encoding="utf-8")
            continue
        for part in name.split("."):  # of the file before it, or imported there
            assert re.search(rf"\b{part}\b", text), f"{name} is not there"
