"""What a protocol is: one object, from which its function, class and command-line name follow."""

from __future__ import annotations

import functools
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from raz.metrics.arguments import images
from raz.metrics.state import MetricState
from raz.metrics.table import MetricTable

if TYPE_CHECKING:
    from raz.io.points import ImagePoints, PointFile

__all__ = ["CountProtocol", "PointProtocol", "Protocol", "persons"]


@dataclass(frozen=True, kw_only=True)
class Protocol(ABC):
    """One way to measure predictions.

    A subclass is a frozen dataclass. Its fields are the protocol's options, its docstring is that
    of the function, and the parameters of :meth:`update` are the function's. Derive from
    :class:`PointProtocol` or :class:`CountProtocol`, and see
    :func:`raz.metrics.register_protocol`.

    Attributes:
        name: as on the command line and in every result.
        function: name of the function in ``raz.metrics``.
        metric: name of the torchmetrics class in ``raz.metrics``.
        rule: what may match, how it is matched and how images are put together, in one line.
        figures: what :meth:`compute` gives, in one line.
        higher_is_better: which way the figures improve.
        main: the rows that sum it up, measured for each image too; all where this is empty.
        shown: the rows of the printed table; all where this is empty.
        offered: whether ``raz eval`` offers it; a part of another protocol is not.

    Example:
        >>> from raz.metrics import PROTOCOLS
        >>> fixed = PROTOCOLS["fixed"]
        >>> isinstance(fixed, Protocol), fixed.inputs()
        (True, ('predictions', 'heads'))
        >>> state = fixed.update(predictions=[[10, 10]], heads=[[13, 10]])  # of one image
        >>> fixed.compute(fixed.blank() + state)["4px"]["tp"]
        1
    """

    name: ClassVar[str]
    function: ClassVar[str]
    metric: ClassVar[str]
    rule: ClassVar[str]
    figures: ClassVar[str]
    higher_is_better: ClassVar[bool] = False
    main: ClassVar[tuple[str, ...]] = ()
    shown: ClassVar[tuple[str, ...]] = ()
    offered: ClassVar[bool] = True

    @abstractmethod
    def update(self, *arguments: Any, **more: Any) -> MetricState:
        """Return what one image (of points) or any number of images (of counts) contribute."""

    @abstractmethod
    def compute(self, state: MetricState) -> MetricTable:
        """Return the figures of a joined state."""

    @abstractmethod
    def blank(self) -> MetricState:
        """Return the state of no image."""

    @abstractmethod
    def measure(self, **inputs: Any) -> MetricTable:
        """Return the figures of a set of images; the body of the function."""

    @abstractmethod
    def read(self, predicted: ImagePoints, true: ImagePoints) -> dict[str, Any]:
        """Return the arguments of :meth:`update` for one image of two files of points."""

    @classmethod
    def inputs(cls) -> tuple[str, ...]:
        """Return the names of the parameters of :meth:`update`."""
        return _parameters(cls.update)

    def flat(self, table: MetricTable) -> dict[str, float | list[float]]:
        """Return what the torchmetrics class computes: names with a scalar or a curve each."""
        return {**table.flat()}

    def parts(self, truth: PointFile) -> Sequence[Protocol]:
        """Return what is measured on files with this ground truth, one protocol after another."""
        return (self,)

    def check(self, predicted: PointFile, true: PointFile) -> None:  # noqa: B027
        """Raise InputError where files lack what the protocol needs."""

    def remarks(self, predicted: PointFile, true: PointFile) -> Iterator[str]:
        """Yield what the user should know of the files, though it is measured as it is."""
        yield from ()

    def read_from(self, predicted: PointFile) -> str:
        """Return what of the file was taken, in one line, where that is not plain; else ""."""
        return ""


class PointProtocol(Protocol):
    """A protocol that compares located heads, image by image.

    :meth:`update` takes one image. Its parameters are chosen from these names; the function takes
    a list of each, with one entry per image:

    ===========  ===========================  ==============================  ==================
    name         value for one image          in a file of points             in the class
    ===========  ===========================  ==============================  ==================
    predictions  [N, 2], (x, y) in pixels     predicted points                preds "points"
    scores       [N]                          predicted scores, else all 0    preds "scores"
    heads        [M, 2], (x, y) in pixels     true points                     target "points"
    sigmas       [M, 2], sigma_s and sigma_l  true radii                      target "sigmas"
    levels       [M]                          true levels                     target "levels"
    sizes        (H, W) in pixels, or None    true sizes, else predicted      target "size"
    ===========  ===========================  ==============================  ==================

    Example:
        >>> from raz.metrics import PROTOCOLS
        >>> fixed = PROTOCOLS["fixed"]
        >>> state = fixed.update([[10, 10]], [[12, 10]]) + fixed.update([[0, 0]], [])
        >>> fixed.compute(state)["4px"]["precision"]
        0.5
    """

    _ENTRIES: ClassVar[dict[str, tuple[str, str]]] = {
        "predictions": ("preds", "points"),
        "scores": ("preds", "scores"),
        "heads": ("target", "points"),
        "sigmas": ("target", "sigmas"),
        "levels": ("target", "levels"),
        "sizes": ("target", "size"),
    }

    def entry(self, name: str) -> tuple[str, str]:
        """Return where the class finds a parameter: "preds" or "target", and the key there."""
        return self._ENTRIES[name]

    def blank(self) -> MetricState:
        nothing = {name: None if name == "sizes" else () for name in self.inputs()}
        return self.update(**nothing).blank()

    def measure(self, **inputs: Iterable[Any]) -> MetricTable:
        states = (self.update(*entry) for entry in images(**inputs))
        return self.compute(self.blank().joined_with(states))

    def read(self, predicted: ImagePoints, true: ImagePoints) -> dict[str, Any]:
        number = len(predicted.points)
        size = true.size or predicted.size
        values = {
            "predictions": predicted.points,
            "scores": np.zeros(number) if predicted.scores is None else predicted.scores,
            "heads": true.points,
            "sigmas": () if true.sigmas is None else true.sigmas,
            "levels": () if true.levels is None else true.levels,
            "sizes": None if size is None else (size[1], size[0]),
        }
        return {name: values[name] for name in self.inputs()}

    def check(self, predicted: PointFile, true: PointFile) -> None:
        from raz.errors import InputError

        found = [image for image in predicted.images.values() if len(image.points)]
        if "scores" in self.inputs() and len({image.scores is None for image in found}) > 1:
            raise InputError(f"{predicted.path}: some images have scores and some have none")

    def remarks(self, predicted: PointFile, true: PointFile) -> Iterator[str]:
        found = [image for image in predicted.images.values() if len(image.points)]
        if "scores" in self.inputs() and any(image.scores is None for image in found):
            yield f"{predicted.path}: has no scores; predictions rank in the order of the file"


class CountProtocol(Protocol):
    """A protocol that compares counts.

    :meth:`update` takes any number of images: ``predicted`` and ``true`` counts [B] in persons,
    then labels [B] where it needs them: "weather", "levels" or "luminances".

    Example:
        >>> from raz.metrics import PROTOCOLS
        >>> count = PROTOCOLS["count"]
        >>> count.compute(count.update([3, 4], [1, 4]))["all"]["mae"]
        1.0
    """

    _LABELS: ClassVar[dict[str, str]] = {
        "weather": "weather",
        "levels": "level",
        "luminances": "luminance",
    }

    def blank(self) -> MetricState:
        return self.update(**dict.fromkeys(self.inputs(), ())).blank()

    def measure(self, **inputs: Any) -> MetricTable:
        return self.compute(self.update(**inputs))

    def read(self, predicted: ImagePoints, true: ImagePoints) -> dict[str, Any]:
        labels = {name: true.labels.get(label, 0) for name, label in self._LABELS.items()}
        values = {"predicted": persons(predicted), "true": len(true.points), **labels}
        return {name: [values[name]] for name in self.inputs()}


@functools.cache  # it is asked for every image
def _parameters(update: Callable[..., MetricState]) -> tuple[str, ...]:
    return tuple(inspect.signature(update).parameters)[1:]


def persons(image: ImagePoints) -> float:
    """Return the predicted count: what the file says, else the number of points.

    Example:
        >>> from raz.io.points import ImagePoints
        >>> points = np.array([[10.0, 10.0], [50.0, 50.0]])
        >>> persons(ImagePoints(points=points)), persons(ImagePoints(points=points, count=2.6))
        (2, 2.6)
    """
    return len(image.points) if image.count is None else image.count
