"""Every public function and class shows an example, and every example does what it says."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import raz
from raz.models import registry

OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def public_modules() -> Iterator[str]:
    """Names of raz's modules that promise names, without those that begin with an underscore."""
    for found in pkgutil.walk_packages(raz.__path__, "raz."):
        if not any(part.startswith("_") for part in found.name.split(".")):
            yield found.name


def promised() -> dict[str, Any]:
    """Functions and classes of every ``__all__``, by the module that defines them and their name.

    A constant, a type alias and a module have no docstring of their own and are left out.
    """
    names: dict[str, Any] = {}
    for module_name in ("raz", *public_modules()):
        module = importlib.import_module(module_name)
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            ours = getattr(value, "__module__", None)
            if (inspect.isclass(value) or inspect.isfunction(value)) and ours and ours[:3] == "raz":
                names[f"{value.__module__}.{value.__qualname__}"] = value
    return names


PROMISED = promised()


def examples_of(value: Any) -> list[doctest.DocTest]:
    """The doctests of an object and of a class's methods; they see the names of its module."""
    finder = doctest.DocTestFinder(recurse=inspect.isclass(value), exclude_empty=True)
    return [test for test in finder.find(value) if test.examples]


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Examples find ``photo.jpg``, grey, 64 wide and 48 high; they leave files and models here."""
    Image.new("RGB", (64, 48), (90, 90, 90)).save(tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_models", dict(registry._models))


@pytest.mark.parametrize("name", sorted(PROMISED))
def test_every_promised_name_has_an_example_that_holds(name: str) -> None:
    tests = examples_of(PROMISED[name])
    own = [test for test in tests if test.name == PROMISED[name].__name__]
    assert own, f"{name} has no Example (>>>) in its docstring"
    for test in tests:
        failed = doctest.DocTestRunner(optionflags=OPTIONS).run(test)
        assert failed.failed == 0, f"{test.name}: {failed.failed} examples fail (see stdout)"


def test_a_name_without_an_example_is_found() -> None:
    def bare() -> None:
        """Do nothing."""

    def wrong() -> None:
        """Add.

        >>> 1 + 1
        3
        """

    assert examples_of(bare) == []
    [test] = examples_of(wrong)
    runner = doctest.DocTestRunner(verbose=False)
    assert runner.run(test, out=lambda _: None).failed == 1
