"""What goes wrong in a training while crops are cut, in this process or in workers."""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from raz.errors import InputError
from raz.training.engine import train

from .runs import config_of


@pytest.fixture
def broken(settings, tmp_path: Path) -> Iterator[Path]:
    """The data set, with images that break off."""
    root = tmp_path / "broken"
    shutil.copytree(settings["data_root"], root)
    for image in root.glob("part_*/train_data/images/IMG_[12].jpg"):
        image.write_bytes(image.read_bytes()[:-300])
    return root


@pytest.mark.parametrize("workers", [0, 1])
def test_a_bad_image_is_one_line_and_the_workers_end(settings, broken: Path, workers: int) -> None:
    config = config_of(settings, data_root=str(broken), workers=workers, steps=50)
    with pytest.raises(InputError) as caught:
        train(config)
    assert "IMG_" in str(caught.value)
    assert "Traceback" not in str(caught.value)
    if workers:
        assert "Traceback" in str(caught.value.__cause__)  # of the worker
    assert "\n" not in str(caught.value)
    assert not multiprocessing.active_children()  # though the error is still held here
