"""Every command in docs/data.md runs."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from raz.cli.main import main

DOCUMENT = Path(__file__).parents[1] / "docs/data.md"
if not DOCUMENT.is_file():
    pytest.skip("docs are not in the source distribution", allow_module_level=True)


def commands() -> list[str]:
    blocks = DOCUMENT.read_text(encoding="utf-8").split("```bash\n")[1:]
    return [line for block in blocks for line in block.split("```")[0].splitlines() if line]


def test_there_are_commands() -> None:
    assert {command.split()[2] for command in commands()} == {"check", "stats", "convert"}


@pytest.mark.slow
@pytest.mark.parametrize("command", commands())
def test_command_runs(
    command: str, raz_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("scipy.io")
    monkeypatch.chdir(tmp_path)
    program, *arguments = shlex.split(command.replace("$RAZ_DATA", str(raz_data)))
    assert program == "raz"
    assert main(arguments) == 0
