"""DeviceMix makes the crops of TrainingMix, and keeps to its memory."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from raz.data import (
    Augmentation,
    DeviceMix,
    Sample,
    SampleSequence,
    ShanghaiTech,
    SyntheticScenes,
    TrainingMix,
)
from raz.data.mix import Part
from raz.errors import ResourceError

PLAIN = Augmentation(jpeg=0, noise=0, blur=0)
IMAGE = 90 * 120 * 3


class Smooth(SampleSequence):
    """Colour ramps with a few crowded heads; counts how often each is read."""

    def __init__(self, count: int = 4) -> None:
        self.reads = [0] * count
        self.lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.reads)

    def read(self, index: int) -> Sample:
        with self.lock:
            self.reads[index] += 1
        image = np.zeros((90, 120, 3), dtype=np.uint8)
        image[:, :, 0] = np.arange(120) * 2
        image[:, :, 1] = np.arange(90)[:, None] * 2
        image[:, :, 2] = 50 * index
        points = np.random.default_rng(index).uniform(0, 90, (30, 2)).astype(np.float32)
        return Sample(image, points, f"smooth{index}")


def parts() -> list[Part]:
    return [(Smooth(), 1.0, (0.5, 2.0)), (Smooth(2), 2.0, (1.0, 2.5))]


def device_mix(**options: object) -> DeviceMix:
    settings = {"crop_size": 32, "seed": 5, "device": "cpu"} | options
    return DeviceMix(parts(), **settings)  # type: ignore[arg-type]


def test_the_crops_are_those_of_the_training_mix() -> None:
    mix = TrainingMix(parts(), 32, seed=5, augmentation=PLAIN)
    images, points, names = device_mix(augmentation=PLAIN).batch(range(40))
    assert images.shape == (40, 3, 32, 32)
    assert images.dtype == torch.uint8
    for index in range(40):
        sample = mix[index]
        assert names[index] == sample.name
        np.testing.assert_array_equal(points[index].numpy(), sample.points)
        error = np.abs(images[index].permute(1, 2, 0).numpy().astype(int) - sample.image)
        assert error.mean() < 1.5
        assert error.max() <= 12


def test_photographs_too(raz_data: Path) -> None:
    folder = raz_data / "shanghaitech"
    mixed = [
        (ShanghaiTech(folder, "A")[:4], 1.0, (0.75, 2.0)),
        (ShanghaiTech(folder, "B")[:4], 1.0, (0.75, 2.5)),
    ]
    mix = TrainingMix(mixed, 128, 0.3, 1, PLAIN)
    images, points, names = DeviceMix(mixed, 128, 0.3, 1, PLAIN, device="cpu").batch(range(16))
    for index in range(16):
        sample = mix[index]
        assert names[index] == sample.name
        np.testing.assert_array_equal(points[index].numpy(), sample.points)
        error = np.abs(images[index].permute(1, 2, 0).numpy().astype(int) - sample.image)
        assert error.mean() < 2


def test_a_crop_depends_on_seed_and_index_alone() -> None:
    mix = device_mix()
    images, points, names = mix.batch([3, 4, 5, 6])
    mix.batch(range(20))
    later, moved, again = mix.batch([6, 3])
    assert torch.equal(later, images[[3, 0]])
    assert torch.equal(moved[1], points[0])
    assert again == [names[3], names[0]]
    assert not torch.equal(device_mix(seed=6).batch([3])[0], images[:1])


def test_images_are_decoded_once() -> None:
    mix = device_mix(threads=3)
    for start in range(0, 60, 10):
        mix.batch(range(start, start + 10))
    mix.load()
    assert all(part[0].reads == [1] * len(part[0]) for part in mix.parts)  # type: ignore[attr-defined]
    assert mix.device_bytes_used == 6 * IMAGE


def test_loading_leaves_a_part_of_no_weight_alone() -> None:
    silent = Smooth()
    mix = DeviceMix([*parts(), (silent, 0.0, (1, 1))], 32, device="cpu")
    mix.load()
    assert silent.reads == [0] * 4


def test_memory_is_bounded() -> None:
    mix = device_mix(device_bytes=3 * IMAGE)
    with pytest.raises(ResourceError, match=rf"device_bytes = {3 * IMAGE} and host_bytes = 0"):
        mix.load()
    assert mix.device_bytes_used == 3 * IMAGE


def test_what_does_not_fit_on_the_device_stays_beside_it() -> None:
    mix = device_mix(device="meta", device_bytes=2 * IMAGE, host_bytes=3 * IMAGE)
    with pytest.raises(ResourceError):
        mix.load()
    kept = [image.pixels.device.type for image in mix._decoded.values()]
    assert kept == ["meta"] * 2 + ["cpu"] * 3


class NoValues(TorchDispatchMode):
    """Refuses operations whose result or size depends on values: they wait for a device."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        name = func.name()
        if name in {"aten::_local_scalar_dense", "aten::nonzero", "aten::masked_select"}:
            raise AssertionError(f"{name} waits for the device")
        return func(*args, **(kwargs or {}))


def test_no_value_of_the_device_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    mix = device_mix(zoom_share=0.5)
    mix.load()
    # On the CPU the operators look at their arguments' values; on an accelerator they do not.
    monkeypatch.setattr("raz.ops._check.readable", lambda value: False)
    with NoValues():
        mix.batch(range(40))


@pytest.mark.cuda
@pytest.mark.filterwarnings("ignore:Synchronization debug mode")  # torch's, of a prototype
def test_a_batch_does_not_wait_for_the_device() -> None:
    mix = device_mix(device="cuda", device_bytes=3 * IMAGE)
    mix.load()
    mix.batch(range(40))
    torch.cuda.set_sync_debug_mode("error")
    try:
        images, points, _ = mix.batch(range(40))
    finally:
        torch.cuda.set_sync_debug_mode("default")
    expected = device_mix(augmentation=PLAIN).batch(range(40))
    assert all(torch.equal(a, b) for a, b in zip(points, expected[1], strict=True))
    assert images.device.type == "cuda"


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_negatives_are_a_share_of_the_mix(share: float) -> None:
    scenes = SyntheticScenes(6, 0, (64, 96), share_empty=0.5, share_texture=0.5)
    mixed: list[Part] = [(Smooth(), 1 - share, (1.0, 1.0)), (scenes, share, (1.0, 1.0))]
    mix = DeviceMix(mixed, 32, 0.2, device="cpu")
    images, points, names = mix.batch(range(200))
    negative = [not name.startswith("smooth") for name in names]
    assert np.mean(negative) == pytest.approx(share, abs=0.1)
    for is_negative, heads, image in zip(negative, points, images, strict=True):
        if is_negative:
            assert len(heads) == 0
            assert image.any()
    training = TrainingMix(mixed, 32, 0.2)
    assert [training[i].name for i in range(20)] == names[:20]


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="threads is 0; it must be at least 1"):
        device_mix(threads=0)
    with pytest.raises(ValueError, match="zoom_share is 2"):
        device_mix(zoom_share=2)
    with pytest.raises(IndexError, match="index is -1"):
        device_mix().batch([-1])
