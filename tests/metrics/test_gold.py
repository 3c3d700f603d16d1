"""The figures that NWPU-Crowd's benchmark prints for its own baseline on the validation set."""

from __future__ import annotations

import pytest

from raz.io.points import read_points, validate_nwpu
from raz.metrics import evaluate


@pytest.fixture(scope="module")
def files(raz_data):
    folder = raz_data / "evaluation"
    names = ("nwpu_val_raz_loc_0.5.txt", "nwpu_val_gt_loc.txt")
    return tuple(read_points(folder / name) for name in names)


def test_localization(files):
    figures = evaluate(*files, "nwpu").figures
    printed = {
        row: [f"{100 * values[name]:.4f}" for name in ("f1", "precision", "recall")]
        for row, values in figures.items()
    }
    assert printed == {
        "sigma_l": ["62.4896", "69.2906", "56.9044"],
        "sigma_s": ["54.5231", "60.4571", "49.6499"],
    }
    large, small = figures["sigma_l"], figures["sigma_s"]
    assert (large["tp"], small["tp"]) == (111_668, 97_432)
    assert [f"{large[f'recall_level_{level}']:.6f}" for level in range(6)] == [
        *("0.035172", "0.263543", "0.544581", "0.816648", "0.606660", "0.225738"),
    ]
    assert f"{large['recall_levels']:.6f}" == "0.415390"


def test_counting(files):
    figures = evaluate(*files, "count").figures["all"]
    assert f"{figures['mae']:.3f}" == "128.710"
    assert f"{figures['rmse']:.3f}" == "665.388"
    assert f"{figures['nae']:.5f}" == "0.50818"


def test_contents(files):
    predictions, truth = files
    heads = [len(image.points) for image in truth.images.values()]
    assert (len(heads), sum(heads), heads.count(0)) == (500, 196_238, 35)
    result = validate_nwpu(predictions.path, images=truth.images)
    assert (result.problems, result.images, result.points) == ((), 500, 161_159)
