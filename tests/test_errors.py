from __future__ import annotations

import re
import tomllib
from pathlib import Path

import raz
from raz.errors import installs

ROOT = Path(raz.__file__).parent
PROJECT = Path(__file__).parent.parent


def test_extras_are_named_as_readme_installs_them() -> None:
    """raz is on no index: `pip install raz[video]` would fetch someone else's package."""
    texts = [*ROOT.rglob("*.py"), *ROOT.rglob("*.pyi"), *PROJECT.glob("docs/*.md")]
    texts += [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md"]
    named = [
        f"{path.name}: {found[0]}"
        for path in texts
        for found in re.finditer(r"\braz\[[a-z].*", path.read_text(encoding="utf-8"))
    ]
    assert named == []
    assert 'pip install ".[' in (PROJECT / "README.md").read_text(encoding="utf-8")
    assert installs("video") == 'pip install ".[video]"'


def test_every_extra_that_a_message_names_exists() -> None:
    extras = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    known = extras["project"]["optional-dependencies"]
    named = {
        found[1]
        for path in ROOT.rglob("*.py")
        for found in re.finditer(r"installs\(['\"](\w+)['\"]\)", path.read_text(encoding="utf-8"))
        if path.name != "errors.py"
    }
    assert named <= known.keys()
    assert "video" in named
