"""What raz needs, as `pyproject.toml`, the locks and docs/dependencies.md tell it: all the same."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
SETTINGS = tomllib.loads(TEXT)
PROJECT = SETTINGS["project"]
EXTRAS = {name: asked for name, asked in PROJECT["optional-dependencies"].items() if name != "all"}
REASON = re.compile(r'"([\w.-]+)(?:\[[\w,]+\])?[<>=][^"]*",?\]? *# (.+)')
ROW = re.compile(r"\| ([\w.-]+) \| `([^`]+)` \| (?:`(\w+)`|always) \| ([^|]+) \| ([^|]+) \|")
LOCKED = re.compile(r"^([\w.-]+)==([^ ;]+)(?: ; ([^\\]+?))? \\$", re.MULTILINE)


def told() -> list[tuple[str, str, str, str]]:
    """Name, versions, extra ("" for none) and reason of each, in the order of pyproject.toml."""
    reasons = dict(REASON.findall(TEXT[: TEXT.index("[project.scripts]")]))
    every = [("", PROJECT["dependencies"]), *EXTRAS.items()]
    return [
        (requirement.name, text[len(requirement.name) :], extra, reasons[requirement.name])
        for extra, asked in every
        for text in asked
        for requirement in [Requirement(text)]
    ]


def test_the_page_names_every_dependency_with_its_bounds_extra_and_reason() -> None:
    rows = ROW.findall((ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8"))
    assert [(name, bounds, extra, reason) for name, bounds, extra, _, reason in rows] == told()
    assert all(licence.strip() not in ("", "?") for *_, licence, _ in rows)


def test_every_dependency_is_bounded_on_both_sides() -> None:
    groups = SETTINGS["dependency-groups"].values()
    texts = [text for group in groups for text in group if isinstance(text, str)]
    texts += [*PROJECT["dependencies"], *(text for asked in EXTRAS.values() for text in asked)]
    for text in texts:
        operators = {each.operator for each in Requirement(text).specifier}
        assert operators == {">=", "<"}, text


def test_the_extra_all_is_all_but_demo_and_ray() -> None:
    (everything,) = PROJECT["optional-dependencies"]["all"]
    assert Requirement(everything).extras == set(EXTRAS) - {"demo", "ray"}


def locked(name: str) -> dict[str, list[tuple[str, str]]]:
    """Versions of each package of a lock, each with its marker."""
    found: dict[str, list[tuple[str, str]]] = {}
    for package, version, marker in LOCKED.findall((ROOT / "locks" / name).read_text("utf-8")):
        found.setdefault(canonicalize_name(package), []).append((version, marker))
    return found


def asked_by(name: str) -> list[str]:
    """The requirements that a lock was resolved from."""
    groups = SETTINGS["dependency-groups"]
    chosen = {
        "runtime.txt": [],
        "tools.txt": [EXTRAS["demo"], groups["tools"], groups["examples"]],
        "ci.txt": [
            *(asked for extra, asked in EXTRAS.items() if extra != "demo"),
            *(asked for group, asked in groups.items() if group not in ("tools", "examples")),
        ],
    }[name]
    flat = [text for asked in chosen for text in asked if isinstance(text, str)]
    return [*PROJECT["dependencies"], *flat]


@pytest.mark.parametrize("name", ["runtime.txt", "ci.txt", "tools.txt"])
def test_a_lock_has_what_is_asked_for(name: str) -> None:
    """One version for each environment, within bounds. `make lock` makes it so again."""
    versions = locked(name)
    assert "torch" not in versions
    for text in asked_by(name):
        requirement = Requirement(text)
        if requirement.name == "torch":
            continue
        pins = versions[canonicalize_name(requirement.name)]
        assert all(version in requirement.specifier for version, _ in pins), (text, pins)
        here = [version for version, marker in pins if not marker or Marker(marker).evaluate()]
        assert len(here) == 1, (text, pins)


@pytest.mark.parametrize("name", ["runtime.txt", "ci.txt", "tools.txt"])
def test_a_lock_has_hashes_and_names_no_host(name: str) -> None:
    text = (ROOT / "locks" / name).read_text("utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text
    assert "--index" not in text


def test_the_torch_of_the_constraints_is_one_that_raz_takes() -> None:
    (line,) = re.findall(r"^torch==(\S+)$", (ROOT / "constraints.txt").read_text("utf-8"), re.M)
    (asked,) = (text for text in PROJECT["dependencies"] if text.startswith("torch"))
    assert line in Requirement(asked).specifier
