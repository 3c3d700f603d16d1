from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from raz import ops
from raz.density import calibrated_density, points_that_stay
from raz.export import ReadNetwork
from raz.export.reading import _peaks
from raz.models import RAZNet, raznet_lite
from raz.zoom import fuse_counts

from .maps import MapsNetwork


def peaks_of(heat: torch.Tensor) -> list[list[float]]:
    images = torch.zeros(1, 3, *heat.shape)
    images[0, 0] = heat
    points: list[list[float]] = ReadNetwork(MapsNetwork())(images)[0].tolist()  # type: ignore[arg-type]
    return points


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 10_000))
def test_distinct_values_give_the_peaks_and_the_count_of_the_library(
    height: int, width: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    images = 0.001 + 0.998 * torch.rand(2, 3, height, width, generator=generator)
    network = MapsNetwork()
    point = network.operating_point
    points, scores, image, count, density, *raw = ReadNetwork(network)(images)  # type: ignore[arg-type]
    maps = network.maps(images)
    for name, found in zip(("attention", "localization", "density"), raw, strict=True):
        assert torch.equal(found, maps[name])
    heat = torch.sigmoid(maps["localization"])
    torch.testing.assert_close(density, calibrated_density(maps["density"], point, 1))
    for index in range(2):
        mine = image == index
        found, values, _ = ops.find_peaks(heat[index : index + 1], threshold=0.4)
        stay = points_that_stay(found[0], values[0], maps["density"][index], point, 1, 8)
        assert points[mine].tolist() == found[0, stay].tolist()
        torch.testing.assert_close(scores[mine], values[0, stay])
        fused = fuse_counts(density[index], found[0, stay], (width, height), 2.0)
        assert float(count[index]) == pytest.approx(fused, abs=1e-3)


@pytest.mark.parametrize(
    ("flat", "first"),
    [
        ([(8, 8), (8, 9)], [8.5, 8.5]),
        ([(8, 8), (9, 8)], [8.5, 8.5]),
        ([(8, 8), (8, 9), (9, 8), (9, 9)], [8.5, 8.5]),
        ([(8, 9), (9, 8)], [9.5, 8.5]),
    ],
)
def test_small_plateaus_are_one_point(flat: list[tuple[int, int]], first: list[float]) -> None:
    smoothed = torch.full((20, 20), 0.1)
    for row, column in flat:
        smoothed[row, column] = 0.8
    [[row, column]] = _peaks(smoothed[None], 0.4)[0].nonzero().tolist()
    assert [column + 0.5, row + 0.5] == first


def test_folded_normalisations_change_nothing_and_the_net_stays() -> None:
    torch.manual_seed(0)
    model: RAZNet = raznet_lite().eval()
    for name, value in model.state_dict().items():
        if name.endswith(("running_mean", "running_var")):
            value.uniform_(0.5, 1.5)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    reading = ReadNetwork(model)
    assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in reading.modules())
    images = torch.rand(1, 3, 40, 50)
    with torch.no_grad():
        expected, found = model.maps(images), reading.network.maps(images)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, atol=1e-4, rtol=1e-4)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
