from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from raz.zoom import count_and_locate, probe
from raz.zoom.inference import PassOutput
from raz.zoom.probe import BLIND, GRID, SIDE, first_scale, windows
from raz.zoom.scales import doubling
from raz.zoom.views import View

from .painting import BumpModel, bumps

THRESHOLD = 0.05


class Blank:
    """An image of which nothing is read."""

    def __init__(self, width: int, height: int) -> None:
        self.image_size = (width, height)

    def read(self, window: object) -> Tensor:
        raise AssertionError(window)


class Seeing:
    """In place of the network at work: a person every so many pixels of the image.

    Args:
        visible: the scales' share of the persons that is seen.
        attention: the scales' attention.
        each: pixels of the image for each person.
    """

    stride = 8
    device = torch.device("cpu")

    def __init__(
        self,
        visible: Callable[[float], float],
        attention: Callable[[float], float] = lambda scale: 0.0,
        each: float = 1000,
    ) -> None:
        self.visible, self.attention, self.each = visible, attention, each
        self.looks: list[float] = []

    def run_each(self, groups: list[list[View]], **_: object) -> Iterator[list[PassOutput]]:
        for [view] in groups:
            yield [self._run(view)]

    def _run(self, view: View) -> PassOutput:
        rows, columns = (-(-length // 8) for length in view.size)
        scale = view.crop.scale
        self.looks.append(scale)
        persons = self.visible(scale) * (8 / scale) ** 2 / self.each
        maps = {
            "density": torch.full((rows, columns), persons),
            "attention": torch.full((rows, columns), self.attention(scale)),
        }
        return PassOutput(torch.empty(0, 2), torch.empty(0), maps)


def from_scale(least: float) -> Callable[[float], float]:
    return lambda scale: float(scale >= least)


def first(network: Seeing, scale: float, size: tuple[int, int] = (8192, 6144)) -> float:
    scales = doubling(scale, 2.0)
    return first_scale(network, Blank(*size), scales, 32, THRESHOLD)  # type: ignore[arg-type]


@pytest.mark.parametrize("scale", [1 / 4, 1 / 2, 1])
def test_no_probe_is_made_where_heads_show(scale: float) -> None:
    network = Seeing(from_scale(2))
    assert scale > BLIND
    assert first(network, scale) == scale
    assert network.looks == []


@pytest.mark.parametrize("overview", [0.064, 0.0885, 0.1225])
def test_a_probe_ends_about_at_the_scale_of_the_image(overview: float) -> None:
    network = Seeing(from_scale(1 / 2))
    tried = doubling(overview, 1.0)  # the finest is 1.024, 0.708 of 1.416, or 0.98 of 1.96
    assert max(tried) < 2**0.5 < 2 * max(tried)
    assert first(network, overview) == next(scale for scale in tried if scale >= 1 / 2)
    assert sorted(set(network.looks)) == list(tried)


@pytest.mark.parametrize("overview", [1 / 8, 1 / 16])
@pytest.mark.parametrize("least", [1 / 16, 1 / 8, 1 / 4, 1 / 2, 1])
def test_the_first_look_has_the_scale_from_which_people_are_seen(
    overview: float, least: float
) -> None:
    network = Seeing(from_scale(least))
    assert first(network, overview) == max(least, overview)
    # No window is looked at closer than the image is.
    assert sorted(set(network.looks)) == list(doubling(overview, 1.0))
    assert len(network.looks) == GRID**2 * len(set(network.looks))


def test_attention_alone_is_enough() -> None:
    assert first(Seeing(from_scale(1), from_scale(1 / 4)), 1 / 16) == 1 / 4
    nearly = Seeing(
        from_scale(1), lambda scale: THRESHOLD / 2 if scale < 1 / 2 else 1.1 * THRESHOLD
    )
    assert first(nearly, 1 / 16) == 1 / 2


def test_of_few_persons_nothing_is_learnt() -> None:
    nine = 9 * SIDE**2
    assert first(Seeing(from_scale(1), each=nine / 4.9), 1 / 8) == 1 / 8
    assert first(Seeing(from_scale(1), each=nine / 5.1), 1 / 8) == 1
    assert first(Seeing(from_scale(4)), 1 / 8) == 1 / 8


@pytest.mark.parametrize(
    ("persons", "chosen"),
    [
        ([[0, 0, 9], [9, 9, 0], [4, 0, 9], [0, 0, 0]], 1),  # none shows most; the second, the most
        ([[float("nan"), 0, 0], [0, 9, 9], [9, 9, 9], [0, 0, 0]], 2),
    ],
)
def test_where_no_scale_shows_most_the_best_one_is_taken(
    persons: list[list[float]], chosen: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter(torch.tensor(persons))
    monkeypatch.setattr(probe, "_look", lambda *_: (next(looks), torch.zeros(3)))
    scales = doubling(1 / 8, 1.0)
    assert first(Seeing(from_scale(1)), 1 / 8) == scales[chosen]


def test_half_the_persons_of_a_window_are_enough() -> None:
    assert first(Seeing(lambda scale: 0.55 if scale < 1 / 2 else 1.0), 1 / 8) == 1 / 8
    assert first(Seeing(lambda scale: 0.45 if scale < 1 / 2 else 1.0), 1 / 8) == 1 / 2


@settings(max_examples=30)
@given(
    width=st.integers(2000, 40_000),
    height=st.integers(2000, 40_000),
    overview=st.sampled_from([1 / 8, 1 / 16]),
)
def test_wherever_the_windows_lie_what_is_seen_is_seen(
    width: int, height: int, overview: float
) -> None:
    """A window has the same persons at every scale, whatever cells of it a scale has."""
    assert first(Seeing(from_scale(0)), overview, (width, height)) == overview


@given(width=st.integers(1, 20_000), height=st.integers(1, 20_000))
def test_windows_lie_in_the_image(width: int, height: int) -> None:
    found = windows((width, height))
    assert len(found) == GRID**2
    for x1, y1, x2, y2 in found:
        assert 0 <= x1 < x2 <= width
        assert 0 <= y1 < y2 <= height
        assert x2 - x1 <= SIDE
        assert y2 - y1 <= SIDE
    if min(width, height) > 2 * GRID * SIDE:
        assert {(x2 - x1, y2 - y1) for x1, y1, x2, y2 in found} == {(SIDE, SIDE)}
        assert len(set(found)) == GRID**2


HEADS = [(float(x), float(y)) for x in range(20, 512, 32) for y in range(20, 384, 32)]


@pytest.mark.parametrize(("radius", "scale"), [(24, 1 / 8), (10, 1 / 4), (5, 1 / 2), (3, 1)])
def test_heads_of_any_size_are_seen_in_a_very_large_image(
    radius: float, scale: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("raz.zoom.scales.LONG_SIDE", 64)
    monkeypatch.setattr("raz.zoom.scales.SHORT_SIDE", 32)
    heads = HEADS if radius < 20 else HEADS[::3]
    model, image = BumpModel(), bumps((384, 512), heads, radius=radius)
    result = count_and_locate(model, image)
    assert result.scale == scale
    assert 0.8 * len(heads) < result.count_points <= len(heads)
    # Without the probe, the small ones would not be there.
    monkeypatch.setattr(probe, "BLIND", 0)
    overview = count_and_locate(model, image)
    assert overview.scale == 1 / 8
    assert (overview.count_points > 0.8 * len(heads)) == (scale == 1 / 8)
