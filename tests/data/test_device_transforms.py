"""The torch path does what Pillow does, to a stated tolerance in grey levels (of 255)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from crowds import crowd
from raz.data import Sample, ShanghaiTech
from raz.data import device_transforms as D
from raz.data import transforms as T
from raz.data.crop_plan import Changes, CropPlan, Window


@pytest.fixture(scope="module")
def scene() -> Sample:
    return crowd(2, (240, 320))


def planar(sample: Sample) -> torch.Tensor:
    return torch.tensor(sample.image).permute(2, 0, 1)


def errors(image: torch.Tensor, expected: Sample) -> np.ndarray:
    """Differences in grey levels of an image [3, H, W] in [0, 1]."""
    assert tuple(image.shape) == (3, *expected.size)
    return np.abs(image.permute(1, 2, 0).numpy() * 255 - expected.image)


def check_crops(sample: Sample, size: int, factors: tuple[float, ...]) -> None:
    height, width = sample.size
    for factor in factors:
        side = min(size * factor, height, width)
        # Fractional corners, and the image's own.
        for x, y in ((min(10.3, width - side), min(5.7, height - side)), (0.0, 0.0)):
            window = (x, y, x + side, y + side)
            error = errors(
                D.crop_window(planar(sample), window, size), T.crop_window(sample, window, size)
            )
            # Pillow's rounding alone makes 0.25 on average and at most 1 when enlarging.
            assert error.mean() < 1
            assert error.max() < (1.6 if side <= size else 25)


def test_crops_are_near_pillows_antialiased_ones(scene: Sample) -> None:
    check_crops(scene, 64, (0.5, 0.75, 1.0, 1.1, 1.5, 2.0, 2.4, 3.3))


def test_crops_of_photographs_are_near_pillows(raz_data: Path) -> None:
    for part in ("A", "B"):
        images = ShanghaiTech(raz_data / "shanghaitech", part)
        for index in (0, 17):
            check_crops(images[index], 256, (0.5, 1.05, 1.15, 1.8, 2.4))


def test_without_antialiasing_shrinking_would_be_far_off(scene: Sample) -> None:
    # The tolerance above tells filters apart: plain bilinear sampling misses it.
    from raz import ops

    window: Window = (0.0, 0.0, 240.0, 240.0)
    box, batch = torch.tensor([window]), torch.zeros(1, dtype=torch.int64)
    plain = ops.crop_and_resize(planar(scene)[None], box, batch, (80, 80))[0]
    error = errors(plain, T.crop_window(scene, window, 80))
    assert error.mean() > 2


@pytest.mark.parametrize(
    "window",
    [(-20.0, -30.0, 60.0, 50.0), (280.5, 200.5, 360.5, 280.5), (-50.0, -90.0, 370.0, 330.0)],
)
def test_beyond_the_image_is_black(scene: Sample, window: Window) -> None:
    expected = T.crop_window(scene, window, 160)
    error = errors(D.crop_window(planar(scene), window, 160), expected)
    assert error.mean() < 1
    # The border itself is a sharp edge.
    assert np.quantile(error, 0.99) < 6
    assert error[expected.image == 0].mean() < 1


@pytest.mark.parametrize(
    ("changes", "mean", "most"),
    [
        (Changes(), 0, 0),
        (Changes(brightness=1.15, contrast=0.85, saturation=1.1), 1, 2),
        (Changes(brightness=0.85, contrast=1.15, saturation=0.9), 1, 2),
        (Changes(gamma=0.7), 0.1, 1),
        (Changes(gamma=1.4), 0.1, 1),
        (Changes(grey=True), 0.1, 1),
        (Changes(flip=True), 0, 0),
        (Changes(blur=0.3), 1, 4),
        (Changes(blur=1.0), 1, 8),
        (Changes(jpeg=30), 2, 40),
        (Changes(jpeg=75), 2, 40),
    ],
)
def test_changes_are_pillows(scene: Sample, changes: Changes, mean: float, most: float) -> None:
    sample = T.crop_window(scene, (0, 0, 200, 200), 200)
    plan = CropPlan((0.0, 0.0, 200.0, 200.0), 200, changes)
    [image] = D.apply_plans([planar(sample)], [plan])
    error = errors(image.float() / 255, T.apply_changes(sample, changes))
    assert error.mean() <= mean
    assert error.max() <= most + 1e-3


@pytest.mark.parametrize("quality", [30, 60, 90])
def test_jpeg_loses_what_jpeg_loses(scene: Sample, quality: int) -> None:
    """Nearer to Pillow's JPEG than that is to the image, by half."""
    sample = T.crop_window(scene, (0, 0, 150, 150), 150)
    lost = T.jpeg(sample, quality)
    damage = np.abs(lost.image.astype(float) - sample.image).mean()
    assert errors(D.jpeg(planar(sample) / 255, quality), lost).mean() < damage / 2


def test_noise_depends_on_its_seed_and_is_as_strong_as_said() -> None:
    flat = torch.full((3, 200, 200), 128, dtype=torch.uint8)
    plans = [
        CropPlan((0.0, 0.0, 200.0, 200.0), 200, Changes(noise=5.0, noise_seed=seed))
        for seed in (1, 1, 2)
    ]
    first, again, other = D.apply_plans([flat] * 3, plans)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert abs(first.float().mean().item() - 128) < 0.1
    assert abs(first.float().std().item() - 5) < 0.1


def test_crops_of_a_batch_do_not_touch_each_other(scene: Sample) -> None:
    rng = np.random.default_rng(0)
    from raz.data.crop_plan import Augmentation, draw_changes, draw_window

    plans = [
        CropPlan(draw_window(scene.annotation, rng, 64), 64, draw_changes(rng, Augmentation()))
        for _ in range(12)
    ]
    together = D.apply_plans([planar(scene)] * 12, plans)
    alone = torch.cat([D.apply_plans([planar(scene)], [plan]) for plan in plans])
    assert torch.equal(together, alone)


def test_bad_batches_are_refused(scene: Sample) -> None:
    plan = CropPlan((0.0, 0.0, 8.0, 8.0), 8)
    with pytest.raises(ValueError, match=r"sizes \[8, 9\]"):
        D.apply_plans([planar(scene)] * 2, [plan, CropPlan(plan.window, 9)])
    with pytest.raises(ValueError, match="1 images for 2 plans"):
        D.apply_plans([planar(scene)], [plan, plan])
