"""The stream of crops is a function of seed and index, and mixes as told."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

from raz.data import Sample, SampleSequence, Subset, SyntheticScenes, TrainingMix
from raz.data.transforms import Augmentation

STILL = Augmentation(flip=0, jitter=0, grey=0, gamma=0, blur=0, noise=0, jpeg=0)


class Flat(SampleSequence):
    """Images of one shade, with a grid of heads every 10 pixels; counts how often it is read."""

    def __init__(self, shade: int, count: int = 3) -> None:
        self.shade, self.count, self.reads = shade, count, 0

    def __len__(self) -> int:
        return self.count

    def read(self, index: int) -> Sample:
        self.reads += 1
        image = np.full((100, 120, 3), self.shade + index, dtype=np.uint8)
        grid = np.stack(np.meshgrid(np.arange(5, 120, 10), np.arange(5, 100, 10)), axis=-1)
        return Sample(image, grid.reshape(-1, 2).astype(np.float32), f"flat{index}")


def make(seed: int = 0, zoom_share: float = 0.3, **options: object) -> TrainingMix:
    parts = [(Flat(40), 1.0, (0.75, 2.0)), (Flat(200), 3.0, (0.75, 2.5))]
    return TrainingMix(parts, 32, zoom_share, seed, **options)  # type: ignore[arg-type]


def same(first: Sample, second: Sample) -> bool:
    return (
        first.name == second.name
        and np.array_equal(first.image, second.image)
        and np.array_equal(first.points, second.points)
    )


def test_a_crop_depends_on_seed_and_index_alone() -> None:
    forwards, backwards = make(7), make(7)
    crops = [forwards[i] for i in range(20)]
    for i in reversed(range(20)):
        assert same(crops[i], backwards[i])
    assert not all(same(crops[i], make(8)[i]) for i in range(20))
    assert not all(same(crops[0], crop) for crop in crops[1:])


def test_resuming_continues_the_stream() -> None:
    whole = [crop for crop, _ in zip(make().stream(), range(9), strict=False)]
    rest = [crop for crop, _ in zip(make().stream(5), range(4), strict=False)]
    assert all(same(a, b) for a, b in zip(whole[5:], rest, strict=True))


def test_parts_are_drawn_by_weight() -> None:
    mix = make(augmentation=STILL)
    bright = sum(int(mix[i].image[0, 0, 0]) >= 200 for i in range(400))
    assert 260 < bright < 340


def test_a_part_of_no_weight_is_never_drawn() -> None:
    silent = Flat(40)
    mix = TrainingMix([(silent, 0.0, (1, 1)), (Flat(200), 1.0, (1, 1)), (silent, 0.0, (1, 1))], 16)
    for i in range(50):
        mix[i]
    assert silent.reads == 0


@pytest.mark.parametrize(("zoom_share", "spacing"), [(1.0, 20.0), (0.0, 5.0)])
def test_the_share_of_zoomed_crops(zoom_share: float, spacing: float) -> None:
    mix = TrainingMix([(Flat(40), 1.0, (2.0, 2.0))], 48, zoom_share, augmentation=STILL)
    for i in range(20):
        x = np.unique(mix[i].points[:, 0])
        np.testing.assert_allclose(np.diff(x), spacing, atol=1e-3)


def test_samples_are_read_once() -> None:
    samples = Flat(40)
    mix = TrainingMix([(samples, 1.0, (1, 1))], 16)
    for i in range(60):
        mix[i]
    assert samples.reads == 3


def test_crops_are_square_and_hold_their_points() -> None:
    mix = make()
    for i in range(40):
        crop = mix[i]
        assert crop.size == (32, 32)
        assert (crop.points >= 0).all()
        assert (crop.points <= 32).all()


def test_a_data_loader_with_a_worker_gives_the_same_crops() -> None:
    mix = make()
    loader = torch.utils.data.DataLoader(
        mix,  # type: ignore[arg-type]
        sampler=range(4, 8),
        batch_size=None,
        num_workers=1,
    )
    for i, crop in enumerate(loader, start=4):
        assert same(crop, mix[i])


def test_bad_mixes_are_refused() -> None:
    with pytest.raises(ValueError, match="weights are"):
        TrainingMix([])
    with pytest.raises(ValueError, match="weights are"):
        TrainingMix([(Flat(1), -1.0, (1, 1)), (Flat(2), 2.0, (1, 1))])
    with pytest.raises(ValueError, match="parts holds an empty sequence"):
        TrainingMix([(Flat(1, 0), 1.0, (1, 1))])
    with pytest.raises(ValueError, match="zoom_share is 2"):
        make(zoom_share=2)
    with pytest.raises(IndexError, match="index is -1"):
        make()[-1]


def test_subset_reads_the_chosen() -> None:
    subset = Subset(Flat(40, 9), [7, 2])
    assert [sample.name for sample in subset] == ["flat7", "flat2"]
    assert [sample.name for sample in subset[::-1]] == ["flat2", "flat7"]
    with pytest.raises(ValueError, match="indices holds 9"):
        Subset(Flat(40, 9), [9])


def test_synthetic_scenes_are_kept_and_reproducible() -> None:
    first, second = (SyntheticScenes(6, 3, (64, 96), 0.4, 0.6) for _ in range(2))
    assert len(first) == 6
    assert first[2] is first[2]
    for i in (4, 0):
        assert same(first[i], second[i])
        assert first[i].size == (64, 96)


@pytest.mark.parametrize(("empty", "texture"), [(1.0, 0.0), (0.0, 1.0)])
def test_scenes_without_people(empty: float, texture: float) -> None:
    scenes = SyntheticScenes(3, 0, (64, 96), empty, texture)
    assert sum(len(scene.points) for scene in scenes) == 0


def test_scenes_come_in_their_shares() -> None:
    names = [scene.name for scene in SyntheticScenes(60, 0, (4, 4), 0.3, 0.7)]
    assert 9 < sum(name.startswith("empty") for name in names) < 27
    assert all(name.startswith(("empty", "texture")) for name in names)


def test_bad_scenes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"share_empty is 0\.7"):
        SyntheticScenes(1, share_empty=0.7, share_texture=0.7)
    with pytest.raises(ValueError, match="crowds, which were the rest, are no longer drawn"):
        SyntheticScenes(1, share_empty=0.35, share_texture=0.35)
    with pytest.raises(ValueError, match="share_texture is -1"):
        SyntheticScenes(1, share_empty=2, share_texture=-1)
    with pytest.raises(ValueError, match="count is -1"):
        SyntheticScenes(-1)


def test_a_mix_keeps_to_its_memory() -> None:
    image = 100 * 120 * 3 + 120 * 8
    samples = Flat(40)
    small = TrainingMix([(samples, 1.0, (1, 1))], 16, cache_bytes=2 * image)
    large = TrainingMix([(Flat(40), 1.0, (1, 1))], 16)
    for i in range(60):
        assert same(small[i], large[i])
        assert small._samples.bytes <= 2 * image
    assert 3 < samples.reads < 60


def test_scenes_keep_to_their_memory() -> None:
    scenes = SyntheticScenes(3, 0, (64, 96), 1.0, 0.0, cache_bytes=2 * 64 * 96 * 3)
    first = scenes[0]
    assert scenes[0] is first
    assert scenes[1] is scenes[1]
    scenes[2]
    assert scenes[0] is not first
    assert same(scenes[0], first)


def test_a_pickled_mix_gives_the_same_crops() -> None:
    mix = make()
    crop = mix[3]
    assert same(pickle.loads(pickle.dumps(mix))[3], crop)
