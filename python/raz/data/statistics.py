"""Statistics of a data set: number of images and heads, sizes, crowding."""

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
    """Minimum, median, mean and maximum of some values; NaN if there are none.

    Example:
        >>> Summary.of(np.array([1.0, 2.0, 6.0]))
        Summary(minimum=1.0, median=2.0, mean=3.0, maximum=6.0)
    """

    minimum: float
    median: float
    mean: float
    maximum: float

    @classmethod
    def of(cls, values: Floats) -> Summary:
        """Summarize an array [N]."""
        if not len(values):
            return cls(*[float("nan")] * 4)
        middle = float(np.median(values))
        return cls(float(values.min()), middle, float(values.mean()), float(values.max()))


@dataclass(frozen=True)
class Histogram:
    """Number of values in [edges[i], edges[i + 1]), for each i.

    Example:
        >>> Histogram.of(np.array([0.0, 4.0, 5.0]), [0, 3, 10, 30])
        Histogram(edges=(0, 3, 10), counts=(1, 2))
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]

    @classmethod
    def of(cls, values: Floats, edges: Iterable[float]) -> Histogram:
        """Count values [N] between increasing edges: as many bins as needed, at least one."""
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
        """The bins in words, such as "10 to 30"."""
        return tuple(
            f"{low:g} to {high:g}" for low, high in zip(self.edges, self.edges[1:], strict=False)
        )


def merged(histograms: Sequence[Histogram]) -> Histogram:
    """Add histograms, at least one, whose edges begin with the same numbers.

    Example:
        >>> merged([Histogram((0, 1), (4,)), Histogram((0, 1, 3), (1, 2))])
        Histogram(edges=(0, 1, 3), counts=(5, 2))
    """
    edges = max((histogram.edges for histogram in histograms), key=len)
    counts = np.zeros(len(edges) - 1, dtype=np.int64)
    for histogram in histograms:
        counts[: len(histogram.counts)] += histogram.counts
    return Histogram(edges, tuple(counts.tolist()))


@dataclass(frozen=True)
class Statistics:
    """Statistics of the images that can be read.

    Attributes:
        images, heads: their numbers.
        without_heads: number of images without marked heads.
        width, height: of the images, in pixels.
        heads_per_image: in persons.
        nearest_head: distance of each head to the nearest other one of its image, in pixels.
        heads_histogram: images by their number of heads.
        nearest_histogram: heads by that distance.
        bad: error messages about files that cannot be read.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from raz.data import open_data_set
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("RGB", (64, 48)).save(f"{folder}/street.png")
        ...     _ = Path(folder, "points.csv").write_text("image,x,y\\nstreet,12.5,30\\n")
        ...     statistics = describe(open_data_set(folder))
        >>> statistics.heads, statistics.width.maximum
        (1, 64.0)
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
    """Describe a data set. Sizes come from the headers of the images; no image is decoded.

    Args:
        samples: the data set.
        on_image: called after each image.

    Raises:
        ImportError: the points need SciPy, and it is not installed.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from raz.data import open_data_set
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("RGB", (64, 48)).save(f"{folder}/street.png")
        ...     _ = Path(folder, "street.txt").write_text("12 30\\n15 34\\n")
        ...     describe(open_data_set(folder)).nearest_head.mean
        5.0
    """
    from ..neighbours import mean_neighbour_distance

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
