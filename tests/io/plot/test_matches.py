from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from raz.io.plot import plot_difference, plot_matches
from raz.io.plot.matches import match_heads
from raz.metrics import fixed_radius_localization
from raz.result import Result

points = st.lists(st.tuples(st.floats(0, 60), st.floats(0, 40)), max_size=15).map(
    lambda rows: np.array(rows, dtype=float).reshape(-1, 2)
)


def result_of(located: np.ndarray, size=(60, 40)) -> Result:
    return Result(
        points=torch.from_numpy(np.asarray(located, np.float32)).reshape(-1, 2),
        scores=torch.ones(len(located)),
        density=torch.zeros(-(-size[1] // 8), -(-size[0] // 8)),
        count=float(len(located)),
        count_density=0.0,
        count_points=len(located),
        image_size=size,
        image=torch.zeros(3, size[1], size[0], dtype=torch.uint8),
    )


@given(points, points, st.sampled_from([0.0, 4.0, 8.0]))
def test_heads_are_matched_as_the_protocol_does(first, second, radius):
    matches = match_heads(first, second, radius)
    row = fixed_radius_localization([first], [second], radii=(radius,))[f"{radius:g}px"]
    assert matches.both == row["tp"] == matches.second.sum()
    assert (~matches.first).sum() == row["fp"]
    assert (~matches.second).sum() == row["fn"]


def colours_at(plot, places) -> list[tuple[int, ...]]:
    return [plot.getpixel(place) for place in places]


def test_found_false_and_missed_heads_look_different():
    located, truth = [[100, 100], [300, 100]], [[102, 100], [500, 100]]
    result = result_of(np.array(located), size=(600, 400))
    plot = plot_matches(result, truth, caption=False)
    found, false, missed = colours_at(plot, [(100, 100), (300, 100), (500, 100)])
    assert found[1] > 100 > found[0]  # green
    assert false[0] > 200  # orange
    assert missed == (0, 0, 0)  # a ring: the missed head is seen
    ring = np.asarray(plot)[90:111, 490:511]
    assert (ring[..., 2] > 200).any()


def test_of_two_results_the_second_is_drawn_where_it_is_alone():
    first, second = (result_of(np.array([[x, 200]]), (600, 400)) for x in (100, 500))
    plot = plot_difference(first, second, caption=False)
    assert colours_at(plot, [(100, 200)])[0][0] > 200
    assert np.asarray(plot)[190:211, 490:511, 2].max() > 200
    together = np.asarray(plot_difference(first, first, caption=False)).astype(int)
    assert not (together[..., 0] > together[..., 1] + 100).any()


def test_nobody_in_either_is_the_image():
    nobody = result_of(np.zeros((0, 2)))
    for plot in (plot_matches(nobody, []), plot_difference(nobody, nobody)):
        assert not np.asarray(plot)[:40, :60].any()


def test_errors_name_the_argument():
    result = result_of(np.zeros((0, 2)))
    with pytest.raises(ValueError, match=r"truth has shape \[3\]; it must be \[M, 2\]"):
        plot_matches(result, [1, 2, 3])
    with pytest.raises(ValueError, match="radius"):
        plot_matches(result, [[1, 2]], radius=-1)
    with pytest.raises(ValueError, match="second is of an image of 9 x 9 pixels"):
        plot_difference(result, result_of(np.zeros((0, 2)), (9, 9)))
    for scale, error in ((0, ValueError), (17, ValueError), (1.5, TypeError), (True, TypeError)):
        with pytest.raises(error, match="scale is"):
            plot_matches(result, [], scale=scale)
