"""A result against the truth, and two results against each other: which heads both have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from raz import ops
from raz.io.count_text import people
from raz.io.plot.canvas import open_canvas
from raz.io.plot.marks import Colour, Floats, Shape, draw_marks, mark, mark_radii, points_of
from raz.io.plot.strip import Entry, headline, legend, plain, with_strip

if TYPE_CHECKING:
    import torch

    from raz.result import Result

__all__ = ["Matches", "match_heads", "plot_difference", "plot_matches"]

RADIUS = 8.0
"""Pixels, the greater distance of the protocol "fixed"."""

# Told apart by their shape and by people who see fewer colours (Okabe and Ito's green and orange).
_BOTH: tuple[Colour, Shape] = ((0, 158, 115), "dot")
_ONLY_FIRST: tuple[Colour, Shape] = ((225, 80, 0), "cross")
_ONLY_SECOND: tuple[Colour, Shape] = ((30, 90, 230), "ring")


@dataclass(frozen=True)
class Matches:
    """Which points of two sets are the same heads, as the protocol "fixed" of `raz.metrics` says.

    Attributes:
        first, second: bool [N] and [M], whether each point has a partner in the other set.

    Example:
        >>> match_heads(np.array([[10.0, 10.0], [50.0, 50.0]]), np.array([[16.0, 10.0]])).both
        1
    """

    first: npt.NDArray[np.bool_]
    second: npt.NDArray[np.bool_]

    @property
    def both(self) -> int:
        """The number of pairs."""
        return int(self.first.sum())


def match_heads(first: Floats, second: Floats, radius: float = RADIUS) -> Matches:
    """Match points one to one, as many as possible, as the protocol "fixed" does.

    Args:
        first: float64 [N, 2], (x, y) in pixels; floored before they are compared.
        second: float64 [M, 2], likewise.
        radius: greatest distance in pixels; the border is inside.

    Raises:
        ValueError: a shape is wrong, a coordinate is not finite, or ``radius`` is below 0.

    Example:
        >>> match_heads(np.array([[10.0, 10.0], [50.0, 50.0]]), np.array([[16.0, 10.0]])).first
        array([ True, False])
    """
    chosen = ops.match_points(np.floor(first), np.floor(second), radius)
    partners = np.zeros(len(first), bool), np.zeros(len(second), bool)
    for partner, indices in zip(partners, chosen, strict=True):
        partner[indices] = True
    return Matches(*partners)


def plot_matches(
    result: Result,
    truth: npt.ArrayLike,
    *,
    radius: float = RADIUS,
    image: torch.Tensor | npt.NDArray[np.uint8] | Image.Image | None = None,
    caption: bool = True,
    scale: int = 1,
) -> Image.Image:
    """Draw a result against the true heads: which were found, which missed, what is no head.

    They are matched one to one within a distance, as many as possible, as the protocol "fixed" of
    :mod:`raz.metrics` does; precision and recall stand below the image with the distance.

    Args:
        result: of the image.
        truth: [M, 2], (x, y) of each true head, pixels of the original image.
        radius: greatest distance of a pair, in pixels of the original image.
        image: as in :meth:`raz.Result.plot`.
        caption: write figures and legend below the image.
        scale: enlarge the image so many times before anything is drawn, 1 to 16.

    Returns:
        a PIL image, RGB.

    Raises:
        InputError: as :meth:`raz.Result.plot`.
        ValueError: as there; or ``truth`` is not [M, 2], a coordinate not finite, or ``radius``
            below 0.

    Example:
        >>> import torch
        >>> from raz import Result
        >>> result = Result(
        ...     points=torch.tensor([[32.0, 24.0]]), scores=torch.tensor([0.75]),
        ...     density=torch.zeros(6, 8), count=1.0, count_density=0.0, count_points=1,
        ...     image_size=(64, 48),
        ... )
        >>> image = torch.zeros(3, 48, 64, dtype=torch.uint8)
        >>> plot_matches(result, [[30, 20], [5, 5]], image=image, caption=False).size
        (64, 48)
    """
    heads = np.asarray(truth, dtype=np.float64)
    if heads.size == 0:
        heads = heads.reshape(0, 2)
    found = points_of(result)
    if heads.ndim != 2 or heads.shape[1] != 2:
        raise ValueError(f"truth has shape {list(heads.shape)}; it must be [M, 2]")
    matches = match_heads(found, heads, radius)
    texts = (
        f"{matches.both} found (TP)",
        f"{int((~matches.first).sum())} located where no head is (FP)",
        f"{int((~matches.second).sum())} missed (FN)",
    )
    precision, recall = _share(matches.both, len(found)), _share(matches.both, len(heads))
    canvas = open_canvas(result, image, scale)
    _draw(canvas, found * scale, heads * scale, matches)
    if not caption:
        return canvas
    rows = [
        headline(f"counted {people(result.count)}, truth {len(heads)}"),
        legend(_entries(texts)),
        plain(f"matched within {radius:g} pixels: precision {precision}, recall {recall}"),
    ]
    return with_strip(canvas, rows)


def plot_difference(
    first: Result,
    second: Result,
    *,
    names: tuple[str, str] = ("first", "second"),
    radius: float = RADIUS,
    image: torch.Tensor | npt.NDArray[np.uint8] | Image.Image | None = None,
    caption: bool = True,
    scale: int = 1,
) -> Image.Image:
    """Draw two results of one image: which heads both located, and which only one of them.

    Args:
        first: a result.
        second: another result of the same image, of another net or other settings.
        names: what they are called below the image.
        radius: greatest distance of two points that are one head, in pixels of the original image.
        image: as in :meth:`raz.Result.plot`; by default that of ``first``.
        caption: write counts and legend below the image.
        scale: enlarge the image so many times before anything is drawn, 1 to 16.

    Returns:
        a PIL image, RGB.

    Raises:
        InputError: as :meth:`raz.Result.plot`.
        ValueError: as there; or the images' sizes differ, or ``radius`` is below 0.

    Example:
        >>> import torch
        >>> from raz import Result
        >>> result = Result(
        ...     points=torch.tensor([[32.0, 24.0]]), scores=torch.tensor([0.75]),
        ...     density=torch.zeros(6, 8), count=1.0, count_density=0.0, count_points=1,
        ...     image_size=(64, 48),
        ... )
        >>> image = torch.zeros(3, 48, 64, dtype=torch.uint8)
        >>> plot_difference(result, result, image=image, caption=False).size
        (64, 48)
    """
    if first.image_size != second.image_size:
        raise ValueError(
            f"second is of an image of {second.image_size[0]} x {second.image_size[1]} pixels; "
            f"it must be {first.image_size[0]} x {first.image_size[1]}, as first"
        )
    points = points_of(first), points_of(second)
    matches = match_heads(*points, radius)
    texts = (
        f"{matches.both} located by both",
        f"{int((~matches.first).sum())} by {names[0]} alone",
        f"{int((~matches.second).sum())} by {names[1]} alone",
    )
    canvas = open_canvas(first, image, scale)
    _draw(canvas, points[0] * scale, points[1] * scale, matches)
    if not caption:
        return canvas
    rows = [
        headline(f"{names[0]}: {people(first.count)}; {names[1]}: {people(second.count)}"),
        legend(_entries(texts)),
        plain(f"one head: within {radius:g} pixels of each other"),
    ]
    return with_strip(canvas, rows)


def _draw(canvas: Image.Image, first: Floats, second: Floats, matches: Matches) -> None:
    """Draw the partners where ``first`` has them, and on them what has no partner."""
    radii = mark_radii(np.concatenate([first, second[~matches.second]]), canvas.size)
    of_first, of_second = radii[: len(first)], radii[len(first) :]
    draw_marks(canvas, first[matches.first], of_first[matches.first], *_BOTH)
    draw_marks(canvas, second[~matches.second], of_second, *_ONLY_SECOND)
    draw_marks(canvas, first[~matches.first], of_first[~matches.first], *_ONLY_FIRST)


def _entries(texts: tuple[str, str, str]) -> list[Entry]:
    return [
        Entry(_symbol(*style), text)
        for style, text in zip((_BOTH, _ONLY_FIRST, _ONLY_SECOND), texts, strict=True)
    ]


def _symbol(colour: Colour, shape: Shape) -> Any:
    return lambda line: mark(0.28 * line, colour, shape)


def _share(part: int, whole: int) -> str:
    return "undefined" if not whole else f"{part / whole:.3f}"
