"""Figures of a data set: how many images and heads, how large, how crowded."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from .sample import AnnotatedPhotographs

__all__ = ["Histogram", "Statistics", "Summary", "describe", "merged"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Summary:
    """Least, middle and greatest of some values; NaN where there are none."""

    minimum: float
    median: float
    mean: float
    maximum: float

    @classmethod
    def of(cls, values: Floats) -> Summary:
        """The summary of an array [N]."""
        if not len(values):
            return cls(*[float("nan")] * 4)
        middle = float(np.median(values))
        return cls(float(values.min()), middle, float(values.mean()), float(values.max()))


@dataclass(frozen=True)
class Histogram:
    """How many values lie in [edges[i], edges[i + 1]) for each i."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]

    @classmethod
    def of(cls, values: Floats, edges: Iterable[float]) -> Histogram:
        """Bins between growing edges, as many as it takes to hold all values [N], at least one."""
        chosen: list[float] = []
        for edge in edges:
            chosen.append(edge)
            if len(chosen) > 1 and (not len(values) or edge > values.max()):
                break
        # np.histogram closes the last bin; no value lies on its end.
        counts, _ = np.histogram(values, chosen)
        return cls(tuple(chosen), tuple(counts.tolist()))

    @property
    def labels(self) -> tuple[str, ...]:
        """The bins in words, "10 to 30"."""
        return tuple(
            f"{low:g} to {high:g}" for low, high in zip(self.edges, self.edges[1:], strict=False)
        )


def merged(histograms: Sequence[Histogram]) -> Histogram:
    """The sum of histograms, at least one, whose edges begin alike."""
    edges = max((histogram.edges for histogram in histograms), key=len)
    counts = np.zeros(len(edges) - 1, dtype=np.int64)
    for histogram in histograms:
        counts[: len(histogram.counts)] += histogram.counts
    return Histogram(edges, tuple(counts.tolist()))


@dataclass(frozen=True)
class Statistics:
    """Figures of the images that can be read.

    Attributes:
        images, heads: how many.
        without_heads: images in which no head is marked.
        width, height: of the images, in pixels.
        heads_per_image: persons.
        nearest_head: distance of each head to the nearest other one of its image, in pixels.
        heads_histogram: images by their number of heads.
        nearest_histogram: heads by that distance.
        bad: messages of the files that cannot be read.
    """

    images: int
    heads: int
    without_heads: int
    width: Summary
    height: Summary
    heads_per_image: Summary
    nearest_head: Summary
    heads_histogram: Histogram
    nearest_histogram: Histogram
    bad: list[str] = field(default_factory=list)


def describe(
    samples: AnnotatedPhotographs, *, on_image: Callable[[], None] = lambda: None
) -> Statistics:
    """Describe a data set. Sizes come from the headers of the images; nothing is decoded.

    Args:
        samples: the data set.
        on_image: called after each image.

    Raises:
        ImportError: the points need SciPy, and it is not installed.
    """
    from ..metrics.neighbours import mean_neighbour_distance

    sizes: list[tuple[int, int]] = []
    heads: list[int] = []
    nearest: list[Floats] = [np.zeros(0)]
    bad = []
    for index in range(len(samples)):
        try:
            size, points = samples.size(index), samples.points(index)
        except InputError as error:
            bad.append(str(error))
        else:
            sizes.append(size)
            heads.append(len(points))
            if len(points) > 1:
                nearest.append(mean_neighbour_distance(points.astype(np.float64), 1))
        on_image()
    return _statistics(np.array(sizes), np.array(heads), np.concatenate(nearest), bad)


def _statistics(
    sizes: npt.NDArray[np.int64], heads: npt.NDArray[np.int64], nearest: Floats, bad: list[str]
) -> Statistics:
    height, width = sizes.reshape(-1, 2).astype(np.float64).T
    numbers = heads.astype(np.float64)
    return Statistics(
        images=len(heads),
        heads=int(heads.sum()),
        without_heads=int((heads == 0).sum()),
        width=Summary.of(width),
        height=Summary.of(height),
        heads_per_image=Summary.of(numbers),
        nearest_head=Summary.of(nearest),
        heads_histogram=Histogram.of(numbers, _ones_and_threes()),
        nearest_histogram=Histogram.of(nearest, _doubling()),
        bad=bad,
    )


def _ones_and_threes() -> Iterator[float]:
    yield 0
    for power in itertools.count():
        yield from (10**power, 3 * 10**power)


def _doubling() -> Iterator[float]:
    yield 0
    yield from (2**power for power in itertools.count())
