"""What of a result goes into a report."""

from __future__ import annotations

import base64
import math

import numpy as np
import pytest
import torch
from report_results import crowd

from raz.ground import Ground
from raz.io.report import Contents
from raz.io.report.contents import figures, view


def cells(shown) -> np.ndarray:
    density = shown["density"]
    flat = np.frombuffer(base64.b64decode(density["base64"]), "<f4")
    return flat.reshape(density["rows"], density["columns"])


def test_the_density_is_embedded_bit_for_bit() -> None:
    result = crowd()
    shown = view(result, Contents(), None)
    assert (shown["density"]["stride"], shown["density"]["factor"]) == (8, 1)
    assert torch.equal(torch.from_numpy(cells(shown).copy()), result.density)


def test_a_large_density_is_embedded_in_larger_cells_of_the_same_sum() -> None:
    result = crowd(size=(203, 149))  # 19 x 26 cells
    shown = view(result, Contents(density_cells=60), None)
    assert shown["density"]["stride"] == 8 * shown["density"]["factor"] == 24
    assert cells(shown).shape == (7, 9)
    assert cells(shown).sum() == pytest.approx(float(result.density.sum()), rel=1e-5)
    assert cells(shown)[0, 0] == pytest.approx(float(result.density[:3, :3].sum()), rel=1e-5)


def test_what_is_not_known_is_none() -> None:
    from raz.intervals import Spread

    result = crowd(count=math.nan, image=None, path=None, spread=Spread())
    row, shown = figures(result), view(result, Contents(), None)
    assert (row["name"], row["count"], row["low"], row["time"]) == ("image", None, None, None)
    assert (shown["image"], shown["interval"], shown["ground"]) == (None, None, None)


def test_the_ground_of_the_report_goes_before_that_of_the_image() -> None:
    pytest.importorskip("rasterio")
    from raz.io.georeference import Georeference

    place = Georeference(np.array([[0.5, 0, 399000], [0, -0.5, 5757000]]), 32632)
    result = crowd(georeference=place)
    by_file = view(result, Contents(), None)["ground"]
    assert by_file["source"] == "the georeference, EPSG:32632"
    given = view(result, Contents(ground=Ground.of_sampling_distance(0.25)), None)["ground"]
    assert given["matrix"] == [0.25, 0, 0, 0, 0.25, 0, 0, 0, 1]


@pytest.mark.parametrize("name", ["image_side", "density_cells", "thumbnail_side"])
def test_limits_are_at_least_one(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is 0; it must be at least 1"):
        Contents(**{name: 0})
