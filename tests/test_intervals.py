from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raz.intervals import CELL_SHARE, Spread, error_scale

residual = st.floats(0, 10)
counts = st.floats(0, 1e6)
crowdings = st.floats(0, 100)
shares = st.floats(0, 1)


@st.composite
def spreads(draw: st.DrawFn) -> Spread:
    pairs = draw(st.lists(st.tuples(residual, residual), min_size=1, max_size=30))
    images, cells = (tuple(sorted(values)) for values in zip(*pairs, strict=True))
    return Spread(images, cells, draw(st.floats(-0.5, 1)))


@given(spreads(), counts, crowdings, shares, st.tuples(st.floats(0.001, 1), st.floats(0.001, 1)))
def test_a_higher_level_never_has_a_narrower_interval(
    spread: Spread, count: float, crowding: float, share: float, parts: tuple[float, float]
) -> None:
    lower, higher = (part * spread.highest_level for part in sorted(parts))
    inner = spread.interval(lower, count, crowding, share=share)
    outer = spread.interval(higher, count, crowding, share=share)
    assert 0 <= outer[0] <= inner[0] <= count <= inner[1] <= outer[1]


@given(spreads(), counts, crowdings, st.data())
def test_the_interval_is_the_quantile_times_the_scale(
    spread: Spread, count: float, crowding: float, data: st.DataObject
) -> None:
    number = len(spread.residuals)
    rank = data.draw(st.integers(1, number))
    level = data.draw(st.sampled_from([rank / (number + 1), (rank - 0.5) / (number + 1)]))
    for share, values in ((1.0, spread.residuals), (CELL_SHARE, spread.cell_residuals)):
        half = values[rank - 1] * error_scale(count, crowding, spread.growth, share)
        low, high = spread.interval(level, count, crowding, share=share)
        assert (low, high) == pytest.approx((max(0, count - half), count + half))


@given(spreads(), counts, crowdings, shares)
def test_an_area_takes_what_lies_between_a_cell_and_the_image(
    spread: Spread, count: float, crowding: float, share: float
) -> None:
    level = spread.highest_level
    _, high = spread.interval(level, count, crowding, share=share)
    used = (high - count) / error_scale(count, crowding, spread.growth, share)
    ends = sorted((spread.residuals[-1], spread.cell_residuals[-1]))
    slack = 1e-6 * (1 + ends[1])  # the count is subtracted again
    assert ends[0] - slack <= used <= ends[1] + slack
    if share <= CELL_SHARE:
        assert used == pytest.approx(spread.cell_residuals[-1], abs=slack)


def test_whole_numbers_of_n_plus_one_times_the_level_are_not_rounded_up() -> None:
    for number in range(1, 100):
        spread = Spread(tuple(map(float, range(1, number + 1))), (1.0,) * number)
        for rank in range(1, number + 1):
            _, high = spread.interval(rank / (number + 1), 0.0, 0.0)
            assert high == pytest.approx(10 * rank)


@pytest.mark.parametrize("number", [1, 9, 99])
def test_a_level_above_the_highest_by_rounding_is_the_highest(number: int) -> None:
    spread = Spread(tuple(np.linspace(0, 1, number)), (0.5,) * number)
    highest = spread.highest_level
    assert spread.quantile(highest + 9e-10) == spread.quantile(highest) == spread.residuals[-1]


@pytest.mark.parametrize("level", [0.0, -0.5, 0.751, 1.0, math.nan])
def test_a_level_out_of_range_is_named_with_the_highest(level: float) -> None:
    with pytest.raises(ValueError, match=rf"level is {level}; .* at most 0\.75, .* 3 images"):
        Spread((0.1,) * 3, (0.2,) * 3).interval(level, 10.0, 0.0)


def test_what_no_float_holds_is_named() -> None:
    for level in (10**400, -(10**5000)):
        with pytest.raises(ValueError, match=r"level is further than 1\.8e\+308 from 0"):
            Spread((0.1,), (0.2,)).interval(level, 10.0, 0.0)


def test_without_residuals_there_is_no_interval() -> None:
    assert Spread().highest_level == 0
    with pytest.raises(ValueError, match=r"these weights carry none, .* level 0\.9"):
        Spread().interval(0.9, 10.0, 0.0)


def test_a_count_below_zero_is_zero_and_nan_stays() -> None:
    spread = Spread((0.5,), (0.5,), 0.5)
    assert spread.interval(0.5, -3.0, 0.0) == (0.0, 5.0)
    assert all(map(math.isnan, spread.interval(0.5, math.nan, 0.0)))
    assert all(map(math.isnan, spread.interval(0.5, 3.0, math.nan)))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (((0.1, math.nan), (0.1, 0.2)), "residuals holds nan"),
        (((0.1, 0.2), (-0.1, 0.2)), r"cell_residuals holds -0\.1"),
        (((0.2, 0.1), (0.1, 0.2)), r"residuals holds 0\.2, 0\.1; it must be ascending"),
        (((0.1, 0.2), (0.1,)), "cell_residuals has 1 values; .* residuals, 2"),
        (((), (), math.inf), "growth is inf"),
    ],
)
def test_what_is_no_spread_is_refused_by_name(values: tuple, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Spread(*values)
