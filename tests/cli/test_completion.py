from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from raz.cli.completion import SHELLS
from raz.cli.main import main

pytest.importorskip("shtab")


def script(shell, capsys):
    assert main(["--print-completion", shell]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_gets_commands_and_options(shell, capsys):
    text = script(shell, capsys)
    for word in ("predict", "bench", "max-zoom-pixels", "overlap", "dry-run"):
        assert word in text


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["pre"], ["predict"]),
        (["predict", "--over"], ["--overlap"]),
        (["predict", "--overlap", ""], ["exact", "fast"]),
        (["predict", "pho"], ["photo.jpg"]),
        (["predict", "--weights", "pho"], ["photo.jpg"]),
        (["predict", "--output", "pho"], ["photo.jpg"]),
        (["data", "ch"], ["check"]),
        (["data", "check", "fol"], ["folder"]),
    ],
)
def test_bash_completes(words, expected, tmp_path, capsys):
    (tmp_path / "photo.jpg").touch()
    (tmp_path / "folder").mkdir()
    line = " ".join(f"'{word}'" for word in ["raz", *words])
    commands = (
        f"{script('bash', capsys)}\nCOMP_WORDS=({line})\nCOMP_CWORD={len(words)}\n"
        'complete -p raz > /dev/null\n_shtab_raz\nprintf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    run = subprocess.run(
        ["bash", "-c", commands], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == expected


def test_a_shell_that_is_not_known(capsys):
    assert main(["--print-completion", "fish"]) == 2
    assert "choose from" in capsys.readouterr().err


def test_without_shtab_it_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["--print-completion", "bash"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == 'raz: --print-completion needs shtab (pip install ".[completion]")\n'
