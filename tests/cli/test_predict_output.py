"""Names of plots."""

from __future__ import annotations

import argparse

import pytest

from raz.cli import predict_output
from raz.cli.predict_output import PlotFolder
from serve.serving import make


@pytest.fixture
def plots(tmp_path):
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "a-2.png").touch()
    args = argparse.Namespace(
        plot=tmp_path / "plots", model="raznet_lite", weights="DEFAULT", output=None, report=None,
        plot_counts=None, sources=["a.jpg"], files_from=None, zones=None,
    )  # fmt: skip
    return PlotFolder(args, [str(tmp_path / "plots" / "a-2.png")])


def test_images_of_one_name_get_numbers_and_no_image_is_replaced(plots):
    names = ["x/a.jpg", "y/a.jpg", "b.jpg", "z/a.jpg", "a-3.jpg", "x/A.jpg"]
    found = [plots.file_for(make(path=name)).name for name in names[:-1]]
    assert found == ["a.png", "a-3.png", "b.png", "a-4.png", "a-3-2.png"]
    assert plots.file_for(make(path=names[-1])).name.casefold() not in found


def test_the_names_before_are_not_tried_again(plots, monkeypatch):
    asked = []
    monkeypatch.setattr(
        predict_output, "file_identity", lambda path: asked.append(path) or str(path)
    )
    for _ in range(100):
        plots.file_for(make(path="a.jpg"))
    assert len(asked) <= 2 * 100
