"""The stream of training crops: several data sets mixed by weight, addressed by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from .sample import Sample, SampleSequence
from .transforms import Augmentation, augment, random_crop, zoom_crop


class TrainingMix:
    """An endless, deterministic stream of augmented training crops.

    ``mix[i]`` depends only on (seed, i), whatever was asked before, so that a resumed training
    sees exactly the crops it would have seen. Samples are read once and kept in memory as uint8.

    It has no length. As the data set of a `torch.utils.data.DataLoader` it needs a sampler that
    yields the indices, for example ``range(start, stop)``; each worker keeps its own memory of
    samples.

    Args:
        parts: (samples, weight, scale range) each: a crop is drawn from a part with probability
            proportional to its weight, then from any of its samples alike; the scale range is that
            of `random_crop`.
        crop_size: side of the crops in pixels.
        zoom_share: share of crops that are `zoom_crop`, enlarged by exactly 2: what depth 2 sees.
        seed: seed of the whole stream.
        augmentation: what `augment` does; None for its default.

    Raises:
        ValueError: no part, an empty one, weights negative or all zero, or a share not in [0, 1].
    """

    def __init__(
        self,
        parts: Sequence[tuple[Sequence[Sample], float, tuple[float, float]]],
        crop_size: int = 384,
        zoom_share: float = 0.3,
        seed: int = 0,
        augmentation: Augmentation | None = None,
    ) -> None:
        weights = np.array([weight for _, weight, _ in parts], dtype=np.float64)
        if not len(weights) or not (weights >= 0).all() or not weights.sum() > 0:
            raise ValueError(f"weights are {weights.tolist()}, must be >= 0 with a positive sum")
        if any(len(samples) == 0 for samples, _, _ in parts):
            raise ValueError("parts holds an empty sequence, must hold samples")
        if not 0 <= zoom_share <= 1:
            raise ValueError(f"zoom_share is {zoom_share}, must be in [0, 1]")
        self.parts = tuple(parts)
        self.crop_size = crop_size
        self.zoom_share = zoom_share
        self.seed = seed
        self.augmentation = augmentation or Augmentation()
        self._bounds = np.cumsum(weights) / weights.sum()
        self._read: dict[tuple[int, int], Sample] = {}

    def __getitem__(self, index: int) -> Sample:
        """Crop number ``index`` (0 and up) of the stream, ``crop_size`` pixels square."""
        if index < 0:
            raise IndexError(f"index is {index}, must be at least 0: the stream has no end")
        rng = np.random.default_rng([self.seed, index])
        part = int(np.searchsorted(self._bounds, rng.random(), side="right"))
        samples, _, scale = self.parts[part]
        sample = self._sample(part, int(rng.integers(len(samples))))
        if rng.random() < self.zoom_share:
            crop = zoom_crop(sample, rng, self.crop_size)
        else:
            crop = random_crop(sample, rng, self.crop_size, scale)
        return augment(crop, rng, self.augmentation)

    def stream(self, start: int = 0) -> Iterator[Sample]:
        """Crops from number ``start`` on, without end."""
        index = start
        while True:
            yield self[index]
            index += 1

    def _sample(self, part: int, index: int) -> Sample:
        key = part, index
        if key not in self._read:
            self._read[key] = self.parts[part][0][index]
        return self._read[key]


class SyntheticScenes(SampleSequence):
    """Rendered scenes, made when first asked for and then kept.

    Scene i depends only on (seed, i) and the arguments below it; empty scenes and textures have no
    heads, and teach a counter what is not a crowd.

    Args:
        count: how many scenes.
        seed: seed of all of them.
        size: (height, width) in pixels.
        share_empty: share of scenes without people.
        share_texture: share of pure textures. The rest are crowds.

    Raises:
        ValueError: ``count`` is negative, or the shares are not in [0, 1] together.
    """

    def __init__(
        self,
        count: int,
        seed: int = 0,
        size: tuple[int, int] = (768, 1024),
        share_empty: float = 0.2,
        share_texture: float = 0.1,
    ) -> None:
        if count < 0:
            raise ValueError(f"count is {count}, must be at least 0")
        if min(share_empty, share_texture) < 0 or share_empty + share_texture > 1:
            raise ValueError(
                f"share_empty is {share_empty} and share_texture {share_texture}, "
                "must be >= 0 and at most 1 together"
            )
        self._count = count
        self.seed = seed
        self.size = size
        self.share_empty = share_empty
        self.share_texture = share_texture
        self._made: dict[int, Sample] = {}

    def __len__(self) -> int:
        return self._count

    def read(self, index: int) -> Sample:
        if index not in self._made:
            self._made[index] = self._make(index)
        return self._made[index]

    def _make(self, index: int) -> Sample:
        from .synthetic import crowd_scene, empty_scene, texture

        rng = np.random.default_rng([self.seed, index])
        kind = rng.random()
        seed = int(rng.integers(2**31))
        if kind < self.share_empty:
            return empty_scene(seed, self.size)
        if kind < self.share_empty + self.share_texture:
            return texture(seed, self.size)
        return crowd_scene(seed, self.size)
