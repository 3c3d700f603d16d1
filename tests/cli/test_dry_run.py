from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from images import missing
from raz.cli import dry_run
from raz.cli.main import main
from videos import write_video


@pytest.fixture(autouse=True)
def rate(monkeypatch):
    """A net that takes a second for a million pixels."""
    monkeypatch.setattr(dry_run, "pixels_per_second", lambda predictor: 1e6)


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(np.zeros((1000, 3000, 3), np.uint8)).save(path)
    return str(path)


def told(capsys, *arguments: object):
    assert main(["predict", "--dry-run", "--json", *map(str, arguments)]) == 0
    return json.loads(capsys.readouterr().out)


def test_what_an_image_takes(photo, capsys):
    row = told(capsys, photo, "--depth", 1)
    assert (row["path"], row["image_size"]) == (photo, [3000, 1000])
    assert (row["tiles"], row["most_regions"], row["most_zoom_seconds"]) == (2, 0, 0)
    assert row["seconds"] == pytest.approx((3000 + 2 * 320) * 1000 / 1e6)
    assert row["windows"] is False
    assert row["bytes"] > 300 * 1000 * 2048


def test_a_smaller_tile_takes_less_memory_and_more_time(photo, capsys):
    large, small = (told(capsys, photo, "--depth", 1, "--tile", tile) for tile in (2048, 704))
    assert small["tiles"] > large["tiles"]
    assert small["bytes"] < large["bytes"]
    assert small["seconds"] > large["seconds"]
    fast = told(capsys, photo, "--depth", 1, "--tile", 704, "--overlap", "fast")
    assert fast["seconds"] < small["seconds"]


def test_budgets_bound_the_time_of_regions(photo, capsys):
    assert told(capsys, photo, "--max-seconds", 3)["most_zoom_seconds"] == 3
    assert told(capsys, photo, "--max-zoom-pixels", 0)["most_zoom_seconds"] == 0
    assert told(capsys, photo, "--depth", 2)["most_regions"] == 2 * 4  # rows, columns of tiles
    assert told(capsys, photo, "--regions", "anchors")["most_regions"] == 10


def test_lines_and_how_the_time_was_got(photo, tmp_path, capsys):
    assert main(["predict", "--dry-run", photo, str(missing(tmp_path))]) == 6
    out, err = capsys.readouterr()
    line, last = out.splitlines()
    # The overview has 1536 x 512 pixels: 2 x 4 regions, and in each as many as in an image.
    assert line.startswith(
        f"{photo}  3000 x 1000  decoded whole  tiles 1  regions up to about 40  "
    )
    assert last.startswith("times at 1.00 megapixels per second, measured now")
    assert "missing.jpg: no such file" in err


def test_what_would_be_refused_is(photo, capsys):
    assert main(["predict", "--dry-run", photo, "--max-pixels", "1000"]) == 3
    assert "over the limit of 1,000 pixels" in capsys.readouterr().err
    assert main(["predict", "--dry-run", photo, "--tile", "100"]) == 2
    assert "tile is 100; it must be a multiple of 32" in capsys.readouterr().err


def test_a_video_takes_the_time_of_its_frames(tmp_path, capsys):
    clip = write_video(tmp_path / "clip.mp4")
    (row,) = told(capsys, clip, "--every", 0.5, "--depth", 1)
    assert (row["path"], row["image_size"], row["frames"]) == (str(clip), [64, 48], 4)
    assert row["seconds"] == pytest.approx(4 * 64 * 48 / 1e6)
    assert main(["predict", "--dry-run", str(clip)]) == 0
    assert f"{clip}  64 x 48  frames about 20  " in capsys.readouterr().out
