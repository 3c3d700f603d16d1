from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import raz
from raz.evaluation import counted
from raz.intervals import Spread
from raz.io.report import Contents
from raz.io.report.contents import view
from raz.network import OperatingPoint

unit = st.floats(0, 1)
residuals = st.lists(st.floats(0, 10), min_size=3, max_size=3).map(sorted)
points = st.builds(
    OperatingPoint,
    st.lists(unit, min_size=1, max_size=4).map(tuple),
    st.floats(0, None, allow_nan=False),
    unit,
    st.floats(0, 1e9),
    residuals=residuals,
    cell_residuals=residuals,
    residual_growth=st.floats(-1, 1),
)


@given(points)
def test_json_brings_back_the_same_point(point: OperatingPoint) -> None:
    assert OperatingPoint.from_json(point.to_json()) == point


@given(points, st.integers(1, 9))
def test_a_depth_beyond_the_last_takes_the_last(point: OperatingPoint, depth: int) -> None:
    stored = point.peak_thresholds
    expected = stored[depth - 1] if depth <= len(stored) else stored[-1]
    assert point.peak_threshold(depth) == expected


def test_an_infinite_fusion_threshold_is_strict_json() -> None:
    text = OperatingPoint(fusion_threshold=math.inf).to_json()
    assert "Infinity" not in text
    assert OperatingPoint.from_json(text).fusion_threshold == math.inf


def test_missing_fields_take_their_defaults() -> None:
    assert OperatingPoint.from_json("{}") == OperatingPoint()


def test_depth_counts_from_one() -> None:
    with pytest.raises(ValueError, match="depth is 0"):
        OperatingPoint().peak_threshold(0)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("peak_thresholds", ()),
        ("peak_thresholds", (0.5, 1.5)),
        ("peak_thresholds", (math.nan,)),
        ("fusion_threshold", -1.0),
        ("fusion_threshold", math.nan),
        ("region_threshold", 2.0),
        ("density_threshold", -0.1),
        ("density_threshold", math.inf),
        ("residuals", (0.1,)),
        ("residuals", (math.inf,)),
        ("cell_residuals", (-0.1,)),
        ("residual_growth", math.nan),
        ("residual_growth", 1e308),
        ("density_factors", (1e308,)),
        ("nms_spacings", (1e300,)),
        ("peak_thresholds", (0.5,) * 65),
        ("residuals", (1e300,)),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        OperatingPoint(**{field: value})


def test_numbers_of_numpy_are_numbers() -> None:
    point = OperatingPoint((np.float32(0.5), np.float64(0.25)), np.int64(4))  # type: ignore[arg-type]
    assert point == OperatingPoint((0.5, 0.25), 4.0)
    assert type(point.fusion_threshold) is float


def test_one_threshold_alone_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match=r"peak_thresholds is 0\.5"):
        OperatingPoint(peak_thresholds=0.5)  # type: ignore[arg-type]


def test_a_text_is_not_a_number() -> None:
    with pytest.raises(TypeError, match="region_threshold"):
        OperatingPoint(region_threshold="0.1")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"theta": 1}',
        '{"residuals": 0.5}',
        '{"peak_thresholds": 0.5}',
        '{"region_threshold": "a"}',
    ],
)
def test_bad_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the text differs by cause
        OperatingPoint.from_json(text)


def test_the_spread_of_counts_is_that_of_the_residuals() -> None:
    point = OperatingPoint(residuals=(0.1, 0.2), cell_residuals=(0.3, 0.4), residual_growth=0.5)
    assert point.spread == Spread((0.1, 0.2), (0.3, 0.4), 0.5)
    assert OperatingPoint().spread == Spread()
    assert "0.4" not in repr(point)  # of 99 each nobody wants to read


class Uniform:
    """Sees a hundredth of a person in 8 x 8 pixels everywhere, in cells of any size."""

    architecture = "uniform"
    receptive_field = bytes_per_pixel = 0

    def __init__(self, stride: int) -> None:
        self.stride = stride
        self.operating_point = OperatingPoint(
            residuals=(0.1,) * 9, cell_residuals=(0.1,) * 9, density_threshold=0
        )

    def __call__(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        batch, _, height, width = images.shape
        cells = images.new_full(
            (batch, -(-height // self.stride), -(-width // self.stride)), (self.stride / 80) ** 2
        )
        logits = images.new_full((batch, height, width), -10.0)
        return {"localization": logits, "density": cells, "attention": torch.zeros_like(cells)}


@pytest.mark.parametrize("stride", [1, 2, 4, 8, 16, 32])
def test_results_are_read_in_cells_of_any_stride(stride: int) -> None:
    image = torch.zeros(3, 96, 128, dtype=torch.uint8)
    result = raz.predict(image, model=Uniform(stride), depth=1)
    assert result.stride == stride
    left = [(0, 0), (40, 0), (40, 96), (0, 96)]
    assert result.density_in(left) == pytest.approx(0.6)
    low, high = result.interval_in(left)
    assert low < 0.6 < high
    _, cells = counted([result], [torch.zeros(0, 2)])
    assert cells.counts.sum() == pytest.approx(1.92)
    assert view(result, Contents(), None)["density"]["stride"] == stride
    assert result.plot(density=True, caption=False).size == (128, 96)
