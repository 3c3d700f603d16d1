"""Blocks of commands in docs/ are run by CI, or say why not; here, how they say it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci/docs_commands.py"
if not SCRIPT.is_file():
    pytest.skip("scripts of CI are not in the source distribution", allow_module_level=True)

RUN = "```bash\nraz --version\n```\n"


def listed(page: Path, text: str) -> subprocess.CompletedProcess[str]:
    page.write_text(text)
    command = [sys.executable, str(SCRIPT), "--list", str(page)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_what_does_not_run_is_listed_with_its_reason(tmp_path: Path) -> None:
    found = listed(tmp_path / "page.md", f"{RUN}\ntext\n\n<!-- not run: needs a GPU -->\n{RUN}")
    assert found.returncode == 0
    [line] = found.stdout.splitlines()
    assert line.endswith("page.md:7 is not run: needs a GPU")


@pytest.mark.parametrize(
    "mark", ["<!-- not run: why -->\n\n", "<!-- not run -->\n", "<!-- not run: -->\n"]
)
def test_a_mark_of_no_block_or_without_a_reason_is_an_error(tmp_path: Path, mark: str) -> None:
    found = listed(tmp_path / "page.md", mark + RUN)
    assert found.returncode != 0
    assert "page.md" in found.stderr


def test_marks_of_the_documentation_are_well_formed() -> None:
    command = [sys.executable, str(SCRIPT), "--list"]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "needs a GPU" in found.stdout
