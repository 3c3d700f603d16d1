from __future__ import annotations

import time

import pytest

from raz.cli.image_progress import image_progress, images_progress
from raz.zoom import progress as passes
from raz.zoom.progress import PassProgress
from terminals import open_terminal


@pytest.fixture
def terminal(monkeypatch):
    return open_terminal(monkeypatch)


def tell(*seen: PassProgress) -> None:
    for each in seen:
        passes._watcher.get()(each)


def test_passes_over_one_image_follow_each_other(terminal, monkeypatch):
    monkeypatch.setattr("sys.stderr", terminal)
    with image_progress(quiet=False):
        tell(*(PassProgress(0.5, True, done, 2) for done in range(3)))
        tell(*(PassProgress(1.0, False, done, 9) for done in (0, 4)))
        assert "views of the whole image at 0.5x 0/2" in terminal.text()
        assert "views, zooming to 1x 0/9" in terminal.text()
    assert terminal.getvalue().endswith("\x1b[2K")  # nothing is left


def test_a_small_image_shows_nothing_unless_it_takes_a_while(terminal, monkeypatch):
    monkeypatch.setattr("sys.stderr", terminal)
    with image_progress(quiet=False):
        tell(PassProgress(1.0, True, 0, 1), PassProgress(1.0, True, 1, 1))
    assert terminal.getvalue() == ""
    now = time.monotonic()
    with image_progress(quiet=False):
        monkeypatch.setattr(time, "monotonic", lambda: now + 5)
        tell(PassProgress(1.0, True, 0, 1))
    assert "views of the whole image" in terminal.text()


def test_quiet_is_quiet(terminal, monkeypatch):
    monkeypatch.setattr("sys.stderr", terminal)
    with image_progress(quiet=True), images_progress(3, quiet=True) as progress:
        tell(PassProgress(1.0, True, 1, 5))
        progress.update(1)
    assert terminal.getvalue() == ""


def test_of_several_images_the_present_one_is_beneath(terminal, monkeypatch):
    monkeypatch.setattr("sys.stderr", terminal)
    now = time.monotonic()
    with images_progress(3, quiet=False) as progress:
        progress.update(1)
        tell(PassProgress(2.0, False, 3, 40))  # at once: not told yet
        monkeypatch.setattr(time, "monotonic", lambda: now + 5)
        tell(PassProgress(2.0, False, 4, 40))
    assert "image 2: 4 of 40 views, zooming to 2x" in terminal.text()
    assert "3 of 40" not in terminal.text()
