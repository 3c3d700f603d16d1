"""Which shapes of an annotation tool are heads, and where in each shape the head is."""

from __future__ import annotations

import logging
import math
import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from raz.errors import InputError
from raz.io.annotations import ImagePoints, PointFile, image_key, image_place, keyed_apart
from raz.io.formats.head_area import head_levels, head_radii
from raz.io.text import clipped

__all__ = [
    "Anchor",
    "DrawnImage",
    "Head",
    "HeadRule",
    "check_extent",
    "drawn_file",
    "drawn_record",
    "folded",
    "placed",
    "unnamed_key",
    "upright_box",
    "warn_of_others",
]

log = logging.getLogger(__name__)

Anchor = Literal["center", "top"]
"""Where in a box or an ellipse the head is: its centre, or the middle of its upper edge."""

Box = tuple[float, float, float, float]

_USUAL_LABELS = ("head", "person")
_MOST_LISTED = 10


@dataclass(frozen=True, kw_only=True)
class HeadRule:
    """Rule by which drawn shapes become heads.

    Args:
        anchor: where in boxes and ellipses the head is. "center" for boxes of heads, "top" for
            boxes of persons.
        labels: labels of heads, compared without case and surrounding white space. By default
            "head" if the file has that label, else "person", else the file's only label. Several
            other labels are an error: nothing is guessed.
        ids: in an array of COCO's results, which has the ids of categories alone, those of heads.
        else_usual: a file that has none of ``labels`` is read as if none were given.

    Example:
        >>> HeadRule().chosen(["Head", "car"], "file")
        frozenset({'head'})
        >>> HeadRule(labels=("Kopf",)).chosen(["Kopf", "Hut"], "file")
        frozenset({'kopf'})
    """

    anchor: Anchor = "center"
    labels: Sequence[str] | None = None
    ids: Sequence[str] = ()
    else_usual: bool = False

    def __post_init__(self) -> None:
        anchors = get_args(Anchor)
        if self.anchor not in anchors:
            raise ValueError(f"anchor is {self.anchor!r}; it must be one of {', '.join(anchors)}")
        if isinstance(self.labels, str):
            raise TypeError(f"labels is {self.labels!r}; it must be a sequence of labels")

    def chosen(self, known: Iterable[str], where: str) -> frozenset[str]:
        """Return the labels of a file that are labels of heads, folded.

        Args:
            known: labels of the file; "" stands for shapes without one.
            where: the file, for messages.

        Raises:
            InputError: the file has none of ``labels``, or it is not clear which labels are heads.
        """
        labels: dict[str, str] = {}
        for label in known:
            labels.setdefault(folded(label), label)
        listed = ", ".join(repr(clipped(label)) for label in list(labels.values())[:_MOST_LISTED])
        if self.labels is not None:
            wanted = frozenset(map(folded, self.labels))
            if not labels or wanted & labels.keys():
                return wanted
            if not self.else_usual:
                raise InputError(f"{where}: has the labels {listed}; none of them is one of labels")
        for usual in _USUAL_LABELS:
            if usual in labels:
                return frozenset({usual})
        if len(labels) > 1:
            raise InputError(
                f"{where}: has the labels {listed}; rename that of heads to head, "
                "or name it: --category of raz eval and raz data, labels in Python"
            )
        return frozenset(labels)

    def place(
        self, center: tuple[float, float], height: float, degrees: float
    ) -> tuple[float, float]:
        """Return where the head is in a box or ellipse.

        Args:
            center: (x, y) in pixels.
            height: of the box in pixels.
            degrees: how far it is turned about its centre, clockwise.
        """
        if self.anchor == "center":
            return center
        turn = math.radians(degrees)
        x, y = center
        return x + math.sin(turn) * height / 2, y - math.cos(turn) * height / 2

    @property
    def keeps_boxes(self) -> bool:
        """Whether boxes are those of heads; a person's says nothing of the head's size."""
        return self.anchor == "center"


class Head(NamedTuple):
    """One shape that may be a head.

    Attributes:
        x, y: in pixels.
        labels: all that it has; ("",) for none.
        score: None where it has none.
        box: edges (x1, y1, x2, y2) in pixels; None where it has no extent.

    Example:
        >>> Head(3.5, 4.25, ("head",)).score is None
        True
    """

    x: float
    y: float
    labels: tuple[str, ...]
    score: float | None = None
    box: Box | None = None


@dataclass
class DrawnImage:
    """One image of an annotation tool's file, and the shapes on it that may be heads.

    Example:
        >>> DrawnImage("a.jpg", heads=[Head(3.5, 4.25, ("head",))]).heads[0].x
        3.5
    """

    name: str
    size: tuple[int, int] | None = None
    line: int | None = None
    heads: list[Head] = field(default_factory=list)


def folded(label: str) -> str:
    """Return a label as labels are compared.

    Example:
        >>> folded(" Head")
        'head'
    """
    return label.strip().casefold()


def upright_box(center: tuple[float, float], width: float, height: float) -> Box:
    """Return the edges of a box about a centre; a turn is not looked at, only sides count.

    Example:
        >>> upright_box((5, 4), 2, 6)
        (4.0, 1.0, 6.0, 7.0)
    """
    x, y = center
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def placed(
    center: tuple[float, float],
    width: float,
    height: float,
    labels: tuple[str, ...],
    rule: HeadRule,
    *,
    degrees: float = 0.0,
) -> Head:
    """Return the head of a box or an ellipse.

    Args:
        center: (x, y) in pixels.
        width, height: in pixels, at least 0.
        labels: of the shape.
        rule: where in it the head is.
        degrees: how far it is turned about its centre, clockwise.

    Example:
        >>> placed((5, 4), 2, 6, ("person",), HeadRule(anchor="top"))
        Head(x=5.0, y=1.0, labels=('person',), score=None, box=None)
    """
    x, y = rule.place(center, height, degrees)
    box = upright_box(center, width, height) if rule.keeps_boxes else None
    return Head(x, y, labels, box=box)


def check_extent(
    points: npt.NDArray[np.float64], boxes: npt.NDArray[np.float64], where: str
) -> None:
    """Refuse heads whose place or area is not finite, though each number of the file may be.

    Args:
        points: [N, 2], (x, y).
        boxes: [M, 4], edges (x1, y1, x2, y2).
        where: begins the message.

    Raises:
        InputError: there is such a head.

    Example:
        >>> check_extent(np.zeros((1, 2)), np.array([[0, 0, 1e200, 1e200]]), "a.xml:2")
        Traceback (most recent call last):
        raz.errors.InputError: a.xml:2: a head lies or reaches too far out; its place and area \
must be finite
    """
    with np.errstate(over="ignore", invalid="ignore"):
        areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    if not (np.isfinite(points).all() and np.isfinite(boxes).all() and np.isfinite(areas).all()):
        raise InputError(
            f"{where}: a head lies or reaches too far out; its place and area must be finite"
        )


def drawn_file(
    path: str,
    kind: str,
    images: list[tuple[str, DrawnImage]],
    rule: HeadRule,
    *,
    declared: Iterable[str] = (),
    other: Mapping[str, int] | None = None,
) -> PointFile:
    """Return the heads of images that were annotated in a tool.

    The file has scores only if every head has one, for heads added by hand have none. The same
    holds for boxes.

    Args:
        path: the file.
        kind: see :class:`raz.io.annotations.PointFile`.
        images: each with the place that messages name.
        rule: which shapes are heads.
        declared: labels that the file lists, used or not.
        other: number of shapes of other kinds that were skipped, by kind.

    Raises:
        InputError: an image is there twice or has no name, or it is not clear which label stands
            for heads.

    Example:
        >>> image = DrawnImage("a.jpg", heads=[Head(3.5, 4.25, ("Head",)), Head(1, 2, ("flag",))])
        >>> file = drawn_file("f.xml", "cvat", [("f.xml:2", image)], HeadRule())
        >>> file.images["a"].points.tolist()
        [[3.5, 4.25]]
    """
    used = {label for _, image in images for head in image.heads for label in head.labels}
    chosen = rule.chosen([*declared, *sorted(used)], path) if used else frozenset()
    other = Counter(other)
    kept: dict[str, list[Head]] = {}
    for where, image in images:
        key = _key(image.name, where, path, alone=len(images) == 1)
        if key in kept:
            raise InputError(f"{where}: image {key} is there twice")
        kept[key] = []
        for head in image.heads:
            if any(folded(label) in chosen for label in head.labels):
                kept[key].append(head)
            else:
                other[f"labelled {' and '.join(head.labels) or 'nothing'}"] += 1
    warn_of_others(path, other)
    heads = [head for rows in kept.values() for head in rows]
    scored = bool(heads) and all(head.score is not None for head in heads)
    boxed = bool(heads) and all(head.box is not None for head in heads)
    return PointFile(
        path=path,
        kind=kind,
        images=keyed_apart(
            {
                key: _record(image, kept[key], where, scored=scored, boxed=boxed)
                for key, (where, image) in zip(kept, images, strict=True)
            }
        ),
        unnamed=len(images) == 1 and not images[0][1].name,
    )


def warn_of_others(where: str, other: Mapping[str, int]) -> None:
    """Warn of shapes that are not read as heads, by their kind or labels.

    Example:
        >>> warn_of_others("a.json", {})
    """
    if other:
        listed = ", ".join(f"{number} {clipped(what)}" for what, number in sorted(other.items()))
        log.warning("%s: shapes not read as heads: %s", where, listed)


def drawn_record(image: DrawnImage, chosen: Collection[str], where: str) -> ImagePoints:
    """Return the heads of an image whose file is one of several that have labels together.

    Args:
        image: all of its shapes that may be heads.
        chosen: the labels of heads, as `HeadRule.chosen` gives them.
        where: the file, for messages.

    Example:
        >>> image = DrawnImage("a.jpg", heads=[Head(3.5, 4.25, ("Head",)), Head(1, 2, ("flag",))])
        >>> drawn_record(image, {"head"}, "a.json").points.tolist()
        [[3.5, 4.25]]
    """
    heads = [head for head in image.heads if any(folded(label) in chosen for label in head.labels)]
    boxed = bool(heads) and all(head.box is not None for head in heads)
    return _record(image, heads, where, scored=False, boxed=boxed)


def unnamed_key(path: str) -> str:
    """Return the key of an image that its file does not name: the file's name without suffix.

    Example:
        >>> unnamed_key("heads/IMG_7.jpg.csv")
        'IMG_7'
    """
    name = os.path.basename(path)
    return image_key(os.path.splitext(name)[0]) or name


def _key(name: str, where: str, path: str, *, alone: bool) -> str:
    if name:
        return image_place(name)
    if not alone:
        raise InputError(f"{where}: names no image")
    return unnamed_key(path)


def _record(
    image: DrawnImage, heads: list[Head], where: str, *, scored: bool, boxed: bool
) -> ImagePoints:
    points = np.array([head[:2] for head in heads], dtype=np.float64).reshape(-1, 2)
    boxes = np.array([head.box for head in heads] if boxed else [], dtype=np.float64).reshape(-1, 4)
    check_extent(points, boxes, where)
    return ImagePoints(
        name=image.name,
        points=points,
        scores=np.array([head.score for head in heads], dtype=np.float64) if scored else None,
        boxes=boxes if boxed else None,
        sigmas=head_radii(boxes) if boxed else None,
        levels=head_levels(boxes) if boxed else None,
        head_labels=tuple(" and ".join(head.labels) for head in heads),
        size=image.size,
        line=image.line,
    )
