"""Fixtures shared by every test."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
import torch

from browser import console_errors, open_chromium, requests
from raz import _native

SANDBOX = str(Path(__file__).with_name("sandbox"))
sys.path.insert(1, SANDBOX)
import offline  # noqa: E402

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

# Speed is measured in bench/, never asserted in a test.
hypothesis.settings.register_profile("raz", deadline=None)
# CI draws the same examples for the same code, so that it fails for what a change did.
hypothesis.settings.register_profile("raz-ci", deadline=None, derandomize=True)
# Under a sanitizer, where everything takes a hundred times as long.
hypothesis.settings.register_profile("raz-few", deadline=None, derandomize=True, max_examples=3)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "raz"))

# A shell ignores SIGINT and SIGHUP for jobs in the background, and what is ignored stays ignored in
# their children. Tests that send signals must mean the same there.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


offline.block()
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [SANDBOX, os.environ.get("PYTHONPATH")]))


def pytest_runtest_setup(item: pytest.Item) -> None:
    mark = item.get_closest_marker("cuda")
    if mark is not None:
        needed = mark.kwargs.get("devices", 1)
        if torch.cuda.device_count() < needed:
            pytest.skip(f"needs {needed} CUDA device(s)")


@pytest.fixture(scope="session")
def raz_data() -> Path:
    """Folder of real photographs and evaluation files, from the environment variable RAZ_DATA."""
    folder = os.environ.get("RAZ_DATA")
    if not folder:
        pytest.skip("RAZ_DATA is not set: no real photographs to test on")
    path = Path(folder)
    if not path.is_dir():
        pytest.fail(f"RAZ_DATA is {folder!r}, which is not a folder")
    return path


@pytest.fixture(scope="session")
def _chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with open_chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture
def browser(_chromium: Chrome) -> Chrome:
    """A headless Chromium that shows an empty page, with what it logged before thrown away.

    Tests that use it are marked ``slow``. They are skipped if Chromium is not installed.
    """
    _chromium.get("about:blank")
    console_errors(_chromium)
    requests(_chromium)
    return _chromium


@pytest.fixture(autouse=True, scope="session")
def _native_module() -> None:
    """Without the module the tests would hold the reference against itself."""
    assert _native.build_info() is not None, "raz._C is missing: build it (pip install .)"


@pytest.fixture(autouse=True)
def _offline() -> Iterator[None]:
    """Whoever asked another machine fails, also where the refusal was taken for something else."""
    offline.OUTSIDE.clear()
    yield
    assert not offline.OUTSIDE, f"tests may ask this machine only: {offline.OUTSIDE}"
