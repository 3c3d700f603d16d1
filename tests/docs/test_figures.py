"""The figures of the documentation are what the library draws today; each is on some page."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
FIGURES = ROOT / "docs/figures"
if not FIGURES.is_dir():
    pytest.skip("docs are not in the source distribution", allow_module_level=True)

BLOCK = 16
STORED = sorted(path.name for path in FIGURES.glob("*.jpg"))


def blocks(path: Path) -> npt.NDArray[np.float64]:
    """Mean colours of blocks of 16 x 16 pixels: [h, w, 3]."""
    image = Image.open(path).convert("RGB")
    size = (max(1, image.width // BLOCK), max(1, image.height // BLOCK))
    return np.asarray(image.resize(size, Image.Resampling.BOX), dtype=np.float64)


def share_that_differs(one: Path, other: Path) -> float:
    """Return which share of the blocks differs by more than 6 of 255 levels in some colour."""
    a, b = blocks(one), blocks(other)
    return 1.0 if a.shape != b.shape else float((np.abs(a - b).max(axis=2) > 6).mean())


@pytest.mark.parametrize("name", STORED)
def test_every_figure_is_shown(name: str) -> None:
    pages = (ROOT / "docs").rglob("*.md")
    assert any(f"figures/{name})" in page.read_text(encoding="utf-8") for page in pages)


@pytest.mark.slow
def test_figures_are_up_to_date(tmp_path: Path) -> None:
    command = [sys.executable, str(FIGURES), "--output", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    assert sorted(path.name for path in tmp_path.glob("*.jpg")) == STORED, "run make figures"
    # A head at a threshold may come or go with the rounding of another machine.
    old = {name: share_that_differs(tmp_path / name, FIGURES / name) for name in STORED}
    assert max(old.values()) < 0.005, f"run make figures: {old}"


def test_a_figure_of_other_points_is_out_of_date(tmp_path: Path) -> None:
    image = Image.open(FIGURES / "match_points.jpg")
    part = image.crop((0, 0, image.width // 2, image.height)).transpose(
        Image.Transpose.FLIP_LEFT_RIGHT
    )
    image.paste(part)
    image.save(tmp_path / "other.jpg")
    assert share_that_differs(tmp_path / "other.jpg", FIGURES / "match_points.jpg") > 0.1
