"""What is drawn is drawn once: the same crop by Pillow and by torch, its points on their pixels."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from raz.data import Augmentation, Sample
from raz.data.crop_plan import (
    Changes,
    CropPlan,
    draw_changes,
    draw_window,
    draw_zoom_window,
    move_points,
    plan_points,
)
from raz.data.device_transforms import apply_plans
from raz.data.sample import Annotation
from raz.data.transforms import apply_plan

HEIGHT, WIDTH, SPACING = 330, 420, 30
STRONG = Augmentation(jitter=1, grey=0.5, gamma=0.7, blur=0.5, noise=0.5, jpeg=0.5)


def by_pillow(sample: Sample, plan: CropPlan) -> Sample:
    return apply_plan(sample, plan)


def by_torch(sample: Sample, plan: CropPlan) -> Sample:
    [image] = apply_plans([torch.tensor(sample.image).permute(2, 0, 1)], [plan])
    points = plan_points(sample.annotation, plan)
    return Sample(np.ascontiguousarray(image.permute(1, 2, 0).numpy()), points, sample.name)


Path = Callable[[Sample, CropPlan], Sample]
both_paths = pytest.mark.parametrize("make", [by_pillow, by_torch])


@functools.cache
def dots(seed: int) -> Sample:
    """White discs of 6 pixels on dark grey, centred on heads that lie in a loose grid."""
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.arange(10, WIDTH - 8, SPACING), np.arange(10, HEIGHT - 8, SPACING))
    points = np.stack([x.ravel(), y.ravel()], axis=1) + rng.uniform(-4, 4, (x.size, 2))
    rows, columns = np.indices((HEIGHT, WIDTH)) + 0.5
    image = np.full((HEIGHT, WIDTH), 40.0)
    for px, py in points:
        distance = np.hypot(columns - px, rows - py)
        image += 200 * np.clip(3.5 - distance, 0, 1)
    image = np.repeat(image.round().astype(np.uint8)[:, :, None], 3, axis=2)
    return Sample(image, points.astype(np.float32), "dots")


def brightness(sample: Sample) -> np.ndarray:
    """Dots in [0, 1] on a ground of 0, whatever happened to the colours."""
    grey = sample.image.astype(float).mean(axis=2)
    ground = np.median(grey[grey > 5]) if (grey > 5).any() else 0.0
    above = np.clip(grey - ground - 30, 0, None)
    return above / max(above.max(), 1.0)


@both_paths
@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), zoom=st.booleans(), least=st.floats(0.5, 1.6))
def test_points_stay_on_their_pixels(make: Path, seed: int, zoom: bool, least: float) -> None:
    sample, size = dots(seed % 3), 160
    rng = np.random.default_rng(seed)
    if zoom:
        window = draw_zoom_window(sample.annotation, rng, size)
    else:
        window = draw_window(sample.annotation, rng, size, (least, least * 1.25))
    crop = make(sample, CropPlan(window, size, draw_changes(rng, STRONG)))
    assert crop.size == (size, size)
    width = (window[2] - window[0]) / size
    reach = 5.5 / width + 1
    light = brightness(crop)
    rows, columns = np.indices(crop.size) + 0.5
    rest = light.copy()
    for x, y in crop.points:
        near = (abs(columns - x) < reach) & (abs(rows - y) < reach)
        rest[near] = 0
        if min(x, y) > reach and max(x, y) < size - reach:
            weight = light * near
            assert weight.sum() > 3
            found = np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()
            np.testing.assert_allclose(found, (x, y), atol=0.3)
    # No dot without its point, but for those whose centre is outside.
    margin = int(reach) + 1
    assert rest[margin:-margin, margin:-margin].max() < 0.5


@given(seed=st.integers(0, 10**6), size=st.integers(24, 200), scale=st.floats(0.3, 3))
def test_both_paths_keep_the_same_points(seed: int, size: int, scale: float) -> None:
    sample, rng = dots(0), np.random.default_rng(seed)
    window = draw_window(sample.annotation, rng, size, (scale, scale))
    plan = CropPlan(window, size, Changes(flip=bool(seed % 2)))
    np.testing.assert_array_equal(by_pillow(sample, plan).points, by_torch(sample, plan).points)


@both_paths
def test_a_mirrored_crop_is_the_mirror_of_the_crop(make: Path) -> None:
    for window in ((20.3, 10.7, 120.3, 110.7), (0.0, 0.0, 330.0, 330.0)):
        plain = make(dots(1), CropPlan(window, 100))
        mirrored = make(dots(1), CropPlan(window, 100, Changes(flip=True)))
        difference = mirrored.image[:, ::-1].astype(int) - plain.image
        assert abs(difference).max() <= 1
        np.testing.assert_allclose(mirrored.points[:, 0], 100 - plain.points[:, 0])


def test_heads_marked_outside_of_a_small_image_are_no_targets() -> None:
    points = np.array([[50, 50], [100, 100], [0, 0], [106, 50], [50, -4]], np.float32)
    annotation = Annotation((100, 100), points)
    found = move_points(annotation, (-50.0, -50.0, 206.0, 206.0), (256, 256))
    assert found.tolist() == [[100, 100], [150, 150], [50, 50]]


def test_every_change_is_drawn_as_often_as_asked() -> None:
    config = Augmentation()
    drawn = [draw_changes(np.random.default_rng(i), config) for i in range(2000)]
    shares = {
        "flip": np.mean([c.flip for c in drawn]),
        "grey": np.mean([c.grey for c in drawn]),
        "jitter": np.mean([c.brightness != 1 for c in drawn]),
        "gamma": np.mean([c.gamma != 1 for c in drawn]),
        "blur": np.mean([c.blur > 0 for c in drawn]),
        "noise": np.mean([c.noise > 0 for c in drawn]),
        "jpeg": np.mean([c.jpeg is not None for c in drawn]),
    }
    for name, share in shares.items():
        assert share == pytest.approx(getattr(config, name), abs=0.04), name
    assert len({c.noise_seed for c in drawn}) == len(drawn)


def test_what_is_switched_off_never_happens() -> None:
    off = Augmentation(flip=0, jitter=0, grey=0, gamma=0, blur=0, noise=0, jpeg=0)
    changes = draw_changes(np.random.default_rng(0), off)
    assert changes == Changes(noise_seed=changes.noise_seed)
