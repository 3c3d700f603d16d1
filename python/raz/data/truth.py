"""Tell by their signatures points that cannot be right: in another unit, or another frame (ours).

Points of a file are in pixels of its image, (x, y), y downwards. What is often found instead:
shares or percents of the image's size, x and y exchanged, y counted upwards, points of an image of
another size, or a stated number of heads that is not that of the points. Each leaves a mark that
points of heads hardly ever leave: none of 732 images of ShanghaiTech and UCF_CC_50 does. With x and
y exchanged 92 % of them do, as shares and percents of the size all that have enough heads.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..neighbours import mean_neighbour_distance
from .sample import AnnotatedPhotographs

__all__ = [
    "points_outside",
    "require_sense",
    "rising_distances",
    "wrong_frame",
    "wrong_number",
    "y_seems_upwards",
]

Points = npt.NDArray[np.floating]

_LEAST_IMAGE = 16
"""Shorter side in pixels from which one pixel at the corner is a small part of an image."""

_LEAST_PERCENT = 300
"""Shorter side in pixels from which 100 pixels are at most a third of an image."""

_EDGE = 0.02
"""Share of the shorter side by which heads that the edge cuts off may be marked outside."""

_MANY = 8
"""Heads that are not all in one corner by chance."""

_LEAST_NEIGHBOURS = 20
"""Heads from which distances between neighbours tell how an image recedes."""

_LEAST_IMAGES = 3
_FALLING = -0.3
"""Of 725 images of ShanghaiTech and UCF_CC_50 with enough heads, one falls below this; the mean is
0.67."""


def points_outside(points: Points, size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Tell which points [N, 2] lie outside an image of (height, width) pixels with its edges.

    Example:
        >>> points_outside(np.array([[1.0, 2.0], [65.0, 2.0]]), (48, 64)).tolist()
        [False, True]
    """
    beyond: npt.NDArray[np.bool_] = np.logical_or(points < 0, points > size[::-1])
    return beyond[:, 0] | beyond[:, 1]


def wrong_frame(points: Points, size: tuple[int, int]) -> str | None:
    """Say in a few words in which unit or frame points seem to be; None where they seem right.

    The first of these that holds:

    1. two or more points, all within one pixel of the corner: shares of the image's size;
    2. eight or more, all within 100 pixels of the corner of an image at least thrice as large, and
       spread over it: percents;
    3. two or more points and at least a tenth of all lie far outside, and a tenth of these at most
       outside with x and y exchanged;
    4. all have y below 0, more than half of them far, and none lies outside with its sign changed;
    5. all lie outside by more than a pixel, at least one of them far;
    6. four or more, and more than half of them far outside.

    Far is more than a pixel and more than 2 % of the shorter side: heads that the edge cuts off are
    often marked a little outside.

    Args:
        points: [N, 2], (x, y).
        size: (height, width) of the image in pixels.

    Example:
        >>> wrong_frame(np.array([[0.25, 0.5], [0.75, 0.5]]), (480, 640))
        'within one pixel of the corner, as if x and y were shares of the size'
        >>> wrong_frame(np.array([[600.0, 20.0], [610.0, 400.0]]), (480, 640)) is None
        True
    """
    distinct = np.unique(points, axis=0)
    if len(distinct) == 0:
        return None
    far = _outside_by(max(1.0, _EDGE * min(size)), points, size)
    low, high = points.min(axis=0), points.max(axis=0)
    from_corner = bool((low >= 0).all())
    if len(distinct) >= 2 and min(size) >= _LEAST_IMAGE and from_corner and (high <= 1).all():
        return "within one pixel of the corner, as if x and y were shares of the size"
    spread = high - low
    percents = from_corner and (high <= 100).all() and spread.max() > 50 and spread.min() > 20
    if percents and len(distinct) >= _MANY and min(size) >= _LEAST_PERCENT:
        return "within 100 pixels of the corner, as if x and y were percents of the size"
    exchanged = points_outside(points[:, ::-1], size)
    if far.sum() >= max(2, len(points) / 10) and 10 * exchanged.sum() <= far.sum():
        return "outside in part, but inside with x and y exchanged"
    mostly_far = 2 * far.sum() > len(points)
    above = mostly_far and (points[:, 1] < 0).all()
    if above and not points_outside(points * (1, -1), size).any():
        return "above the image, as if y were counted upwards"
    if _outside_by(1.0, points, size).all() and far.any():
        return "all outside the image"
    if len(points) >= 4 and mostly_far:
        return "mostly outside the image"
    return None


def wrong_number(points: Points, stated: int | None) -> str | None:
    """Say how many heads are stated where that is not the number of points, else None.

    Example:
        >>> wrong_number(np.zeros((2, 2)), 3)
        '2, but the number of heads is stated as 3'
    """
    if stated is None or stated == len(points):
        return None
    return f"{len(points)}, but the number of heads is stated as {stated}"


def rising_distances(points: Points) -> float | None:
    """Correlate (by ranks) y with the distance to the nearest heads: how an image recedes.

    In photographs that people take, heads further down are nearer to the camera and further apart.

    Args:
        points: [N, 2], (x, y).

    Returns:
        -1 to 1; None of fewer than 20 heads, 0 of fewer at different places.

    Example:
        >>> rows = np.arange(1.0, 9.0) ** 2
        >>> y, x = np.meshgrid(rows, np.arange(4), indexing="ij")
        >>> receding = np.column_stack([(x * y).ravel(), y.ravel()])
        >>> rising_distances(receding) > 0.9
        True
    """
    if len(points) < _LEAST_NEIGHBOURS:
        return None
    # Heads at one place say nothing, and many of them take the square of their number in time.
    heads = np.unique(points.astype(np.float64), axis=0)
    if len(heads) < _LEAST_NEIGHBOURS:
        return 0.0
    height, distance = _ranks(heads[:, 1]), _ranks(mean_neighbour_distance(heads, 3))
    if np.ptp(height) == 0 or np.ptp(distance) == 0:
        return 0.0
    return float(np.corrcoef(height, distance)[0, 1])


def y_seems_upwards(correlations: Iterable[float | None]) -> bool:
    """Tell by `rising_distances` of the images of a set whether y seems to be counted upwards.

    At least three images with enough heads are needed, of which most recede downwards.

    Example:
        >>> y_seems_upwards([-0.7, None, -0.6, -0.8]), y_seems_upwards([0.7, -0.6, 0.8])
        (True, False)
    """
    known = [each for each in correlations if each is not None]
    return len(known) >= _LEAST_IMAGES and float(np.median(known)) < _FALLING


def require_sense(samples: AnnotatedPhotographs) -> None:
    """Raise InputError if the points of an image cannot be right; only headers of images are read.

    What cannot be read at all is passed over: reading it says why.

    Raises:
        InputError: the message names the first file and says how many others there are.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from raz.data import AnnotatedFolder
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("RGB", (64, 48)).save(Path(folder, "a.png"))
        ...     _ = Path(folder, "a.txt").write_text("0.25 0.5\\n0.75 0.5\\n")
        ...     try:
        ...         require_sense(AnnotatedFolder(folder))
        ...     except InputError as error:
        ...         print(str(error).split(": ", 1)[1])
        the 2 points of a.png are within one pixel of the corner, as if x and y were shares of the \
size
    """
    wrong: list[str] = []
    for index in range(len(samples)):
        try:
            points, size = samples.points(index), samples.size(index)
            stated = samples.stated_count(index)
        except InputError:
            continue
        wrong += described(samples, index, points, size, stated)[:1]
    if wrong:
        more = f" ({len(wrong) - 1} other images have such points)" if len(wrong) > 1 else ""
        raise InputError(f"{wrong[0]}{more}")


def described(
    samples: AnnotatedPhotographs,
    index: int,
    points: Points,
    size: tuple[int, int] | None,
    stated: int | None,
) -> list[str]:
    """Return whole messages of what cannot be right with the points of an image; mostly none."""
    name = samples.image_path(index).name
    where = f"{samples.truth_path(index)}: the {len(points)} points of {name} are"
    number = wrong_number(points, stated)
    frame = None if size is None else wrong_frame(points, size)
    found = [] if frame is None else [f"{where} {frame}"]
    if number is not None:
        found.append(f"{samples.truth_path(index)}: points of {name}: {number}")
    return found


def _outside_by(margin: float, points: Points, size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    high = np.add(size[::-1], margin)
    beyond: npt.NDArray[np.bool_] = np.logical_or(points < -margin, points > high)
    return beyond[:, 0] | beyond[:, 1]


def _ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Ranks of values; equal ones share the mean of theirs."""
    _, inverse, number = np.unique(values, return_inverse=True, return_counts=True)
    middle: npt.NDArray[np.float64] = np.cumsum(number) - (number - 1) / 2
    return np.take(middle, inverse)
