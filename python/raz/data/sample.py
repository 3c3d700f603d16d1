"""Annotated photographs, one and in sequences."""

from __future__ import annotations

import logging
import operator
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, overload

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..io.annotations import image_key
from .targets import congestion

log = logging.getLogger(__name__)

_NAMED = 5
"""How many left out images a warning names."""


@dataclass(frozen=True, eq=False)
class Annotation:
    """Size and heads of an image: all that choosing a crop needs to know.

    Args:
        size: (height, width) in pixels.
        points: float32 ``[N, 2]``, (x, y) in pixels, also outside the image.
    """

    size: tuple[int, int]
    points: npt.NDArray[np.float32]

    @cached_property
    def heads(self) -> npt.NDArray[np.float32]:
        """Points inside the image, its last edges included, float32 ``[M, 2]``."""
        height, width = self.size
        x, y = self.points.T
        inside = (x >= 0) & (y >= 0) & (x <= width) & (y <= height)
        return np.compress(inside, self.points, axis=0)

    @cached_property
    def congestion(self) -> npt.NDArray[np.float64]:
        """Mean distance of each of ``heads`` to its three nearest, in pixels, float64 ``[M]``."""
        return congestion(self.heads)


@dataclass(frozen=True, eq=False)
class Sample:
    """A photograph and the heads marked on it.

    Args:
        image: uint8 ``[H, W, 3]``, RGB.
        points: float32 ``[N, 2]``, (x, y) in pixels. Pixels are areas: pixel j covers [j, j + 1),
            its centre is j + 0.5. Points may lie outside the image, as in some published data.
        name: what to call the sample in messages and tables.

    Raises:
        TypeError: ``image`` or ``points`` is not an array of the stated dtype.
        ValueError: a shape is wrong, or a point is not finite.

    Example:
        >>> import numpy as np
        >>> from raz.data import Sample
        >>> image = np.zeros((48, 64, 3), dtype=np.uint8)
        >>> Sample(image, np.array([[12.5, 30]], dtype=np.float32), "street").size
        (48, 64)
    """

    image: npt.NDArray[np.uint8]
    points: npt.NDArray[np.float32]
    name: str

    def __post_init__(self) -> None:
        _check_array("image", self.image, np.uint8)
        _check_array("points", self.points, np.float32)
        if self.image.ndim != 3 or self.image.shape[2] != 3:
            raise ValueError(f"image has shape {self.image.shape}; it must be [H, W, 3]")
        if self.points.ndim != 2 or self.points.shape[1] != 2:
            raise ValueError(f"points has shape {self.points.shape}; it must be [N, 2]")
        if not np.isfinite(self.points).all():
            raise ValueError("points holds a NaN or an infinity; all must be finite")
        if not isinstance(self.name, str):
            raise TypeError(f"name is a {type(self.name).__name__}; it must be a str")

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the image in pixels."""
        return self.image.shape[0], self.image.shape[1]

    @cached_property
    def annotation(self) -> Annotation:
        """The sample without its pixels. It is kept, with what it has computed."""
        return Annotation(self.size, self.points)


class SampleSequence(Sequence[Sample]):
    """A sequence of samples. Subclasses define their number and how one is read.

    Example:
        >>> import numpy as np
        >>> from raz.data import Sample, SampleSequence
        >>> class Blank(SampleSequence):
        ...     def __len__(self):
        ...         return 3
        ...     def read(self, index):
        ...         image = np.zeros((48, 64, 3), dtype=np.uint8)
        ...         return Sample(image, np.zeros((0, 2), dtype=np.float32), f"blank-{index}")
        >>> Blank()[-1].name, [sample.name for sample in Blank()[:2]]
        ('blank-2', ['blank-0', 'blank-1'])
    """

    @abstractmethod
    def read(self, index: int) -> Sample:
        """Read the sample at ``index``, with 0 <= index < len(self)."""

    @overload
    def __getitem__(self, index: int) -> Sample: ...

    @overload
    def __getitem__(self, index: slice) -> Subset: ...

    def __getitem__(self, index: int | slice) -> Sample | Subset:
        if isinstance(index, slice):
            return Subset(self, range(*index.indices(len(self))))
        position = operator.index(index)
        if position < 0:
            position += len(self)
        if not 0 <= position < len(self):
            raise IndexError(f"index {index} is out of range for {len(self)} samples")
        return self.read(position)


class AnnotatedPhotographs(SampleSequence):
    """Photographs on disk with their head points: the base class of all readers of data sets.

    Nothing is read before it is asked for. Error messages name the file and the reason.

    Args:
        images: the image files, in order.
        truth: for each image, the file that holds its points. It need not exist.
        left_out: images beside them that the layout does not have; a warning names them.

    Example:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from raz.data import AnnotatedPhotographs
        >>> class OneHead(AnnotatedPhotographs):
        ...     def points(self, index):
        ...         return np.array([[12.5, 30]], dtype=np.float32)
        >>> OneHead([Path("images/street.jpg")], [Path("points/street.txt")]).names
        ('street',)
    """

    SPLITS: ClassVar[tuple[str, ...]] = ("train", "val", "test")
    """Names of the splits of the data set."""

    ORIENTED: ClassVar[bool] = False
    """Whether images are turned upright by their EXIF orientation. The points of the published data
    sets were marked on the raster as stored, so these are not turned."""

    def __init__(
        self, images: Iterable[Path], truth: Iterable[Path], left_out: Iterable[Path] = ()
    ) -> None:
        self._images = tuple(images)
        self._truth = tuple(truth)
        self._left_out = tuple(left_out)
        if len(self._images) != len(self._truth):
            raise ValueError(f"truth has {len(self._truth)} files; it must be {len(self._images)}")
        if self._left_out:
            names = ", ".join(path.name for path in self._left_out[:_NAMED])
            log.warning(
                "%s: images left out, for the layout has no such names: %s%s",
                self._left_out[0].parent,
                names,
                f" and {len(self._left_out) - _NAMED} more" if len(self._left_out) > _NAMED else "",
            )

    @classmethod
    def check_split(cls, split: str) -> None:
        """Raise ValueError if the data set has no split of this name."""
        if split not in cls.SPLITS:
            raise ValueError(f"split is {split!r}; it must be one of {', '.join(cls.SPLITS)}")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the images; see :func:`raz.io.points.image_key`."""
        return tuple(image_key(path.name) for path in self._images)

    def image_path(self, index: int) -> Path:
        """Return the image file at ``index``."""
        return self._images[index]

    def truth_path(self, index: int) -> Path:
        """Return the file that holds the points of the image at ``index``."""
        return self._truth[index]

    @abstractmethod
    def points(self, index: int) -> npt.NDArray[np.float32]:
        """Read the heads of the image at ``index``, float32 ``[N, 2]``, but not the image.

        Raises:
            InputError: the file is missing, broken, or holds something else.
        """

    def boxes(self, index: int) -> npt.NDArray[np.float32] | None:
        """Read the boxes of the same heads, float32 ``[N, 4]``, edges (x1, y1, x2, y2), if any.

        Raises:
            InputError: as `points`.
        """
        return None

    def image(self, index: int) -> npt.NDArray[np.uint8]:
        """Read the image at ``index``, uint8 ``[H, W, 3]``, RGB.

        Raises:
            InputError: the file is missing or broken.
            ResourceError: the image does not fit into memory.
        """
        from ..io.decoding import read_image

        return read_image(self.image_path(index), orient=self.ORIENTED)

    def size(self, index: int) -> tuple[int, int]:
        """Read height and width of the image at ``index``, in pixels, from its header.

        Raises:
            InputError: the file is missing or no image.
        """
        from ..io.decoding import read_image_size

        width, height = read_image_size(self.image_path(index), orient=self.ORIENTED)
        return height, width

    def stated_size(self, index: int) -> tuple[int, int] | None:
        """Return height and width as the file of points states them, or None."""
        return None

    def stated_count(self, index: int) -> int | None:
        """Read how many heads the image at ``index`` has by a number beside its points, or None.

        Raises:
            InputError: as `points`.
        """
        return None

    def check_size(self, index: int, size: tuple[int, int]) -> None:
        """Compare the stated size of the image at ``index``, if any, with its own.

        Raises:
            InputError: they differ, so the points belong to another raster.
        """
        stated = self.stated_size(index)
        if stated is not None and stated != size:
            raise InputError(
                f"{self.truth_path(index)}: says that {self.image_path(index).name} is "
                f"{stated[1]} x {stated[0]}, but it is {size[1]} x {size[0]} pixels"
            )

    def files(self) -> Iterator[Path]:
        """Yield every file that is read: images and points. Some may be missing."""
        yield from self._images
        yield from self._truth

    def lone_truth(self) -> tuple[str, ...]:
        """Return the places that hold points of missing images, as messages name them."""
        return ()

    def left_out(self) -> tuple[str, ...]:
        """Return the image files beside the images that the layout does not have."""
        return tuple(map(str, self._left_out))

    def __len__(self) -> int:
        return len(self._images)

    def read(self, index: int) -> Sample:
        """Read the image at ``index`` with its points.

        Raises:
            InputError: one of the two files is missing or broken, or the points belong to an image
                of another size.
        """
        sample = Sample(
            self.image(index), self.points(index), image_key(self.image_path(index).name)
        )
        self.check_size(index, sample.size)
        return sample

    def _without_image(self, truth: Iterable[Path]) -> tuple[str, ...]:
        return tuple(map(str, sorted(set(truth).difference(self._truth))))


class Subset(SampleSequence):
    """The samples of ``samples`` at ``indices``, in that order, read when asked for.

    Example:
        >>> from raz.data import Subset, SyntheticScenes
        >>> chosen = Subset(SyntheticScenes(10, size=(8, 8)), [7, 2])
        >>> len(chosen), chosen[0].size
        (2, (8, 8))
    """

    def __init__(self, samples: Sequence[Sample], indices: Iterable[int]) -> None:
        self.samples = samples
        self.indices = tuple(indices)
        for index in self.indices:
            if not 0 <= index < len(samples):
                raise ValueError(f"indices holds {index}; it must be in [0, {len(samples)})")

    def __len__(self) -> int:
        return len(self.indices)

    def read(self, index: int) -> Sample:
        return self.samples[self.indices[index]]


def _check_array(argument: str, value: object, dtype: type[np.generic]) -> None:
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{argument} is a {type(value).__name__}; it must be a NumPy array")
    if value.dtype != dtype:
        raise TypeError(f"{argument} has dtype {value.dtype}; it must be {np.dtype(dtype)}")
