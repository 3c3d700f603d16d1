from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from raz.network import OperatingPoint
from raz.zoom import ZoomSettings, collect_trace, count_and_locate
from raz.zoom.inference import ForwardCall, Inference, Maps, forwarded_by, recorded_calls

from .painting import DotModel, noise, painted


class LeaningModel(DotModel):
    """Its maps depend on the side: each column counts as much as its number says."""

    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        outputs = super().__call__(images)
        return {
            name: each * torch.linspace(0.5, 1, each.shape[-1]) for name, each in outputs.items()
        }


def forward(model: DotModel, images: Tensor, *, mirrored: bool) -> dict[str, Tensor]:
    with torch.inference_mode():
        return Inference(model, images[0], None, 0.1, mirrored=mirrored).forward(images, 1.0)


@given(st.integers(1, 70), st.integers(1, 4), st.integers(0, 1000))
def test_mirrored_passes_are_averaged(height: int, tiles: int, seed: int) -> None:
    images = noise((height, 32 * tiles), seed)[None].float() / 255
    found = forward(LeaningModel(), images, mirrored=True)
    here = forward(LeaningModel(), images, mirrored=False)
    there = forward(LeaningModel(), images.flip(-1), mirrored=False)
    for name, each in found.items():
        torch.testing.assert_close(each, (here[name] + there[name].flip(-1)) / 2)


@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 1000))
def test_cells_of_the_mirror_image_are_those_of_the_image(
    height: int, width: int, seed: int
) -> None:
    """Whatever the width: only the last column of cells, which is cut, sees the padding."""
    images = noise((height, width), seed)[None].float() / 255
    found = forward(DotModel(), images, mirrored=True)
    here = forward(DotModel(), images, mirrored=False)
    torch.testing.assert_close(found["localization"], here["localization"])
    whole = width // 8
    for name in ("density", "attention"):
        assert found[name].shape == here[name].shape
        torch.testing.assert_close(found[name][..., :whole], here[name][..., :whole])


def test_every_crowded_cell_is_seen_again() -> None:
    image = painted((96, 128), [])
    image[1, 8:16, 0:8] = image[1, 80:88, 120:128] = 200
    trace = collect_trace(DotModel(), image, ZoomSettings(context=0))
    boxes = sorted(child.box for child in trace.root.children)
    assert boxes == [(0, 8, 8, 16), (120, 80, 128, 88)]
    assert trace.depth == 2


def test_a_depth_of_one_does_not_zoom_at_any_quality() -> None:
    image = painted((64, 64), [(10, 10)], attention=255)
    model = DotModel(OperatingPoint((0.4,), 4.0, 0.01))
    for quality in ("fast", "balanced", "best"):
        found = count_and_locate(model, image, ZoomSettings(depth=1, quality=quality))
        assert found.regions == ()
        assert found.count_points == 1


@pytest.mark.parametrize(("quality", "passes"), [("fast", 1), ("balanced", 2), ("best", 4)])
def test_what_a_quality_costs(quality: str, passes: int) -> None:
    model = DotModel()
    image = painted((64, 64), [], attention=255)
    settings = ZoomSettings(quality=quality, max_regions=1)  # type: ignore[arg-type]
    count_and_locate(model, image, settings)
    assert len(model.seen) == passes


def test_calls_are_recorded_in_their_context_alone() -> None:
    image = torch.zeros(3, 40, 70, dtype=torch.uint8)
    with recorded_calls() as calls:
        count_and_locate(DotModel(), image, ZoomSettings(depth=1, quality="best"))
        with recorded_calls() as inner:
            count_and_locate(DotModel(), image, ZoomSettings(depth=1))
    count_and_locate(DotModel(), image, ZoomSettings(depth=1))
    assert [call[:3] for call in calls] == [(1, 1, (40, 70)), (1, 1, (40, 96))]
    assert [call[:3] for call in inner] == [(1, 1, (40, 70))]


def test_the_form_for_inference_is_what_sees_the_image() -> None:
    image = painted((40, 70), [(20, 10)])
    form = DotModel()

    class Other(DotModel):
        def __call__(self, images: Tensor) -> dict[str, Tensor]:
            raise AssertionError("the model itself was called")

        def for_inference(self) -> DotModel:
            return form

    found = count_and_locate(Other(), image, ZoomSettings(depth=1))
    assert found.count_points == 1


def ahead(calls: Iterator[ForwardCall]) -> Iterator[Maps]:
    """The model's maps, of which none is given before as many as four calls were taken."""
    network = Inference(SeeingDots(), torch.zeros(3, 1, 1), None, 0.1)
    taken: deque[Maps] = deque()
    for images, scale in calls:
        taken.append(network.forward(images.clone(), scale))
        if len(taken) == 4:
            yield taken.popleft()
    yield from taken


class SeeingDots(DotModel):
    receptive_field = 1


@pytest.mark.parametrize("depth", [None, 1, 3])
def test_who_computes_the_network_makes_no_difference(depth: int | None) -> None:
    image = noise((700, 900), seed=5)
    settings = ZoomSettings(depth=depth, tile=256)
    here = count_and_locate(SeeingDots(), image, settings)
    with forwarded_by(ahead), recorded_calls() as calls:
        there = count_and_locate(SeeingDots(), image, settings)
    assert calls  # of the function's own network
    assert len(here) > 0
    assert torch.equal(here.points, there.points)
    assert torch.equal(here.scores, there.scores)
    assert torch.equal(here.density, there.density)
    assert (here.count, here.regions) == (there.count, there.regions)


def test_time_that_runs_out_begins_no_further_call() -> None:
    taken: list[float] = []

    def slow(calls: Iterator[ForwardCall]) -> Iterator[Maps]:
        for images, scale in calls:
            taken.append(scale)
            if len(taken) == 3:
                monkeypatch.setattr("time.perf_counter", lambda: float("inf"))
            yield Inference(SeeingDots(), images, None, 0.1).forward(images, scale)

    image = noise((700, 900), seed=5)
    settings = ZoomSettings(depth=3, tile=512, max_seconds=1000)
    with pytest.MonkeyPatch.context() as monkeypatch, forwarded_by(slow):
        result = count_and_locate(SeeingDots(), image, settings)
    assert len(taken) >= 3
    assert {region.reason for region in result.skipped} <= {"max_seconds"}
