"""The stream of training crops: several data sets mixed by weight, addressed by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from .cache import SampleCache
from .crop_plan import (
    Augmentation,
    CropPlan,
    draw_changes,
    draw_window,
    draw_zoom_window,
)
from .sample import Annotation, Sample, SampleSequence
from .transforms import apply_plan

CACHE_BYTES = 2 << 30
"""Most bytes of decoded images that a mix or a set of scenes keeps, unless told otherwise."""

STREAM = 3
"""Number of the way in which crops are drawn and cut.

It rises with every change that gives a seed other crops, so that a training that was begun before
is not continued with them. 1 had windows of fractional pixels, and small images enlarged.
2 had heads that are marked outside of small images, on the black around them.
"""

Part = tuple[Sequence[Sample], float, tuple[float, float]]
"""Samples, weight, and scale range of a part of a mix."""


class CropStream:
    """The plan of every crop of a training stream; `TrainingMix` and `DeviceMix` cut the crops.

    Crop i depends only on (seed, i). So a resumed training sees exactly the crops that it would
    have seen.

    Args:
        parts: (samples, weight, scale range) of each part. A crop comes from a part with a
            probability proportional to its weight, and from each of its samples with the same
            probability. The scale range is that of `draw_window`. Images of nobody
            (`SyntheticScenes`) are a part like any other.
        crop_size: side of the crops in pixels.
        zoom_share: share of crops enlarged by exactly 2 (`draw_zoom_window`): as depth 2 sees them.
        seed: seed of the whole stream.
        augmentation: the ranges of `draw_changes`; None for its defaults.

    Raises:
        ValueError: no part, an empty one, weights negative or all zero, or a share not in [0, 1].
    """

    def __init__(
        self,
        parts: Sequence[Part],
        crop_size: int = 384,
        zoom_share: float = 0.3,
        seed: int = 0,
        augmentation: Augmentation | None = None,
    ) -> None:
        weights = np.array([weight for _, weight, _ in parts], dtype=np.float64)
        if not len(weights) or not (weights >= 0).all() or not weights.sum() > 0:
            raise ValueError(
                f"weights are {weights.tolist()}; they must be at least 0 with a positive sum"
            )
        if any(len(samples) == 0 for samples, _, _ in parts):
            raise ValueError("parts holds an empty sequence; it must hold samples")
        if not 0 <= zoom_share <= 1:
            raise ValueError(f"zoom_share is {zoom_share}; it must be in [0, 1]")
        self.parts = tuple(parts)
        self.crop_size = crop_size
        self.zoom_share = zoom_share
        self.seed = seed
        self.augmentation = augmentation or Augmentation()
        self._bounds = np.cumsum(weights) / weights.sum()

    def source(self, index: int) -> tuple[int, int]:
        """Return the part of crop ``index``, at least 0, and the number of its sample there."""
        if index < 0:
            raise IndexError(f"index is {index}; it must be at least 0: the stream has no end")
        rng = np.random.default_rng([self.seed, index, 0])
        part = int(np.searchsorted(self._bounds, rng.random(), side="right"))
        return part, int(rng.integers(len(self.parts[part][0])))

    def plan(self, index: int, annotation: Annotation) -> CropPlan:
        """Plan crop ``index`` of its sample, whose annotation is given."""
        part, _ = self.source(index)
        rng = np.random.default_rng([self.seed, index, 1])
        if rng.random() < self.zoom_share:
            window = draw_zoom_window(annotation, rng, self.crop_size)
        else:
            window = draw_window(annotation, rng, self.crop_size, self.parts[part][2])
        return CropPlan(window, self.crop_size, draw_changes(rng, self.augmentation))


class TrainingMix(CropStream):
    """An endless, deterministic stream of augmented training crops, made by Pillow one by one.

    ``mix[i]`` is crop i of `CropStream`, whose arguments it takes. Decoded images are kept as
    uint8, up to ``cache_bytes``; the least recently used are dropped first.

    The stream has no length. As the data set of a `torch.utils.data.DataLoader` it needs a sampler
    that yields the indices, for example ``range(start, stop)``. Each worker has a cache of its own.

    Example:
        >>> from raz.data import SyntheticScenes, TrainingMix
        >>> mix = TrainingMix([(SyntheticScenes(4, size=(64, 64)), 1.0, (0.75, 1.0))], crop_size=32)
        >>> mix[0].size, mix[0].points.shape
        ((32, 32), (0, 2))
    """

    def __init__(
        self,
        parts: Sequence[Part],
        crop_size: int = 384,
        zoom_share: float = 0.3,
        seed: int = 0,
        augmentation: Augmentation | None = None,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        super().__init__(parts, crop_size, zoom_share, seed, augmentation)
        self._samples = SampleCache(cache_bytes)

    def __getitem__(self, index: int) -> Sample:
        """Make crop ``index``, at least 0: a square of ``crop_size`` pixels."""
        part, number = self.source(index)
        sample = self._samples.get((part, number), lambda: self.parts[part][0][number])
        return apply_plan(sample, self.plan(index, sample.annotation))

    def stream(self, start: int = 0) -> Iterator[Sample]:
        """Yield crops from ``start`` on, without end."""
        index = start
        while True:
            yield self[index]
            index += 1


class SyntheticScenes(SampleSequence):
    """Drawn images of nobody, which teach a net what is not a crowd.

    Each image is drawn when it is first asked for, and kept as long as there is room. Image i
    depends only on (seed, i), the size and the shares.

    Args:
        count: number of images.
        seed: seed of all of them.
        size: (height, width) in pixels.
        share_empty: share of places without people (`raz.data.synthetic.empty_scene`).
        share_texture: share of plain textures (`raz.data.synthetic.texture`); the rest, so that
            both sum to 1.
        cache_bytes: most bytes of images kept in memory. The least recently used are dropped, and
            drawn again when they are asked for.

    Raises:
        ValueError: ``count`` is negative, or the shares are negative or do not sum to 1.

    Example:
        >>> from raz.data import SyntheticScenes
        >>> scenes = SyntheticScenes(10, size=(48, 64), share_empty=0.0, share_texture=1.0)
        >>> scenes[0].image.shape, len(scenes[0].points)
        ((48, 64, 3), 0)
    """

    def __init__(
        self,
        count: int,
        seed: int = 0,
        size: tuple[int, int] = (768, 1024),
        share_empty: float = 0.45,
        share_texture: float = 0.55,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        if count < 0:
            raise ValueError(f"count is {count}; it must be at least 0")
        if min(share_empty, share_texture) < 0 or abs(share_empty + share_texture - 1) > 1e-6:
            raise ValueError(
                f"share_empty is {share_empty} and share_texture is {share_texture}; they must be "
                "at least 0 and sum to 1 (crowds, which were the rest, are no longer drawn)"
            )
        self._count = count
        self.seed = seed
        self.size = size
        self.share_empty = share_empty
        self.share_texture = share_texture
        self._made = SampleCache(cache_bytes)

    def __len__(self) -> int:
        return self._count

    def read(self, index: int) -> Sample:
        return self._made.get(index, lambda: self._make(index))

    def _make(self, index: int) -> Sample:
        from .synthetic import empty_scene, texture

        rng = np.random.default_rng([self.seed, index])
        draw = empty_scene if rng.random() < self.share_empty else texture
        return draw(int(rng.integers(2**31)), self.size)
