"""The ground plane of an image: how many square metres an area of it covers.

A homography maps pixels to metres on a plane. It holds for people who stand on that plane, as far
as their heads are taken for their places: in an oblique view a head lies in front of the feet.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from raz.areas import polygon_area
from raz.arrays import Floats, as_floats
from raz.intervals import as_number

__all__ = ["Ground"]


@dataclass(frozen=True, eq=False)
class Ground:
    """A homography from pixels to metres on the ground.

    Attributes:
        matrix: float64 [3, 3], invertible; maps (x, y, 1) in pixels to metres, up to a factor
            above 0. Its third row gives a number above 0 on the ground, and below 0 beyond the
            horizon; negate a matrix for which that is the other way round.
        source: what it was made of, in words.

    Raises:
        ValueError: the matrix has another shape, is not finite or not invertible.

    Example:
        >>> ground = Ground.of_sampling_distance(0.5)
        >>> ground.area([(0, 0), (8, 0), (8, 4), (0, 4)])
        8.0
    """

    matrix: Floats
    source: str = "a homography"

    def __post_init__(self) -> None:
        matrix = as_floats("matrix", self.matrix)
        if matrix.shape != (3, 3):
            raise ValueError(f"matrix has shape {list(matrix.shape)}; it must be [3, 3]")
        if not np.isfinite(matrix).all() or not abs(np.linalg.det(matrix)) > 0:
            raise ValueError(f"matrix is {matrix.tolist()}; it must be finite and invertible")
        object.__setattr__(self, "matrix", matrix)

    @classmethod
    def of_sampling_distance(cls, metres: float) -> Ground:
        """Make the ground of an image taken straight from above.

        Args:
            metres: metres per pixel, the ground sampling distance.

        Raises:
            TypeError: it is no number.
            ValueError: it is not finite and above 0.
        """
        side = as_number("ground_sampling_distance", metres)
        if not 0 < side < math.inf:
            raise ValueError(
                f"ground_sampling_distance is {metres}; it must be finite metres per pixel, above 0"
            )
        return cls(np.diag([side, side, 1.0]), f"{side:g} metres per pixel")

    @classmethod
    def of_points(cls, pixels: npt.ArrayLike, metres: npt.ArrayLike) -> Ground:
        """Fit the homography of known points on the ground (direct linear transform).

        Args:
            pixels: [N, 2], N >= 4, (x, y) in the image. No three of four may lie on a line.
            metres: [N, 2], where those points lie on the ground, in any metric system.

        Returns:
            the homography; exact for four points, of least algebraic error for more.

        Raises:
            ValueError: the shapes are others, or the points do not determine it.

        Example:
            >>> corners = [(0, 100), (100, 100), (70, 50), (30, 50)]
            >>> ground = Ground.of_points(corners, [(0, 0), (10, 0), (10, 20), (0, 20)])
            >>> round(ground.area(corners), 6)
            200.0
        """
        images, places = as_floats("pixels", pixels), as_floats("metres", metres)
        if images.ndim != 2 or images.shape[1] != 2 or len(images) < 4:
            raise ValueError(
                f"pixels has shape {list(images.shape)}; it must be [N, 2] with N at least 4"
            )
        if places.shape != images.shape:
            raise ValueError(
                f"metres has shape {list(places.shape)}; it must be {list(images.shape)}, as pixels"
            )
        if not np.isfinite(images).all() or not np.isfinite(places).all():
            raise ValueError("pixels or metres holds NaN or infinity; all must be finite")
        return cls(_fitted(images, places), f"{len(images)} known points")

    def area(self, polygon: npt.ArrayLike) -> float:
        """Measure a polygon of the image on the ground.

        Args:
            polygon: [M, 2], M >= 3 corners (x, y) in pixels. Where it intersects itself, the
                even-odd rule tells what is inside.

        Returns:
            square metres.

        Raises:
            ValueError: it has another shape, or reaches the horizon, where the ground has no end,
                or lies beyond it, where there is none.
        """
        corners = as_floats("polygon", polygon)
        if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3:
            raise ValueError(
                f"polygon has shape {list(corners.shape)}; it must be [M, 2] with M at least 3"
            )
        x, y, w = self.matrix @ np.column_stack([corners, np.ones(len(corners))]).T
        if not (w > 0).all():
            raise ValueError("polygon reaches the horizon of the ground; it must lie below")
        return polygon_area(np.column_stack([x / w, y / w]))


def _fitted(images: Floats, places: Floats) -> Floats:
    """Fit by the direct linear transform of centred and scaled points (Hartley, 1997)."""
    first, second = _centred(images), _centred(places)
    x, y, _ = first @ _homogeneous(images).T
    u, v, _ = second @ _homogeneous(places).T
    one, zero = np.ones_like(x), np.zeros_like(x)
    equations = np.concatenate(
        [
            np.stack([-x, -y, -one, zero, zero, zero, u * x, u * y, u], axis=1),
            np.stack([zero, zero, zero, -x, -y, -one, v * x, v * y, v], axis=1),
        ]
    )
    _, sizes, rows = np.linalg.svd(equations)
    matrix: Floats = np.linalg.inv(second) @ rows[-1].reshape(3, 3) @ first
    # Four points in general position leave one solution; of a solution that is no homography the
    # determinant is 0, in the scale of the centred points.
    if not sizes[7] > 1e-9 * sizes[0] or abs(np.linalg.det(rows[-1].reshape(3, 3))) < 1e-9:
        raise ValueError("pixels and metres must hold four points of which no three lie on a line")
    w = _homogeneous(images) @ matrix[2]
    if not ((w > 0).all() or (w < 0).all()):
        raise ValueError("pixels lie on both sides of the horizon that metres would give them")
    return matrix if w[0] > 0 else -matrix


def _centred(points: Floats) -> Floats:
    """Return the matrix that moves points to their centre, at a mean distance of about 1."""
    centre = points.mean(axis=0)
    distance = float(np.hypot(*(points - centre).T).mean()) or 1.0
    return np.array([[1, 0, -centre[0]], [0, 1, -centre[1]], [0, 0, distance]]) / distance


def _homogeneous(points: Floats) -> Floats:
    return np.column_stack([points, np.ones(len(points))])
