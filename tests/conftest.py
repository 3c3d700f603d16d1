"""Fixtures shared by every test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


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
