"""The torchmetrics class of a protocol: thin over its object, exact under DDP.

The states of a metric are those of :class:`raz.metrics.MetricState`. What adds up is a sum state,
in int64 or float64. Protocols ranked by score keep one row per prediction; equal scores of
different images then follow the order in which the images were given, process after process.
``compute()`` returns the figures of the function of the same protocol, flattened: row and name
joined by "_" ("sigma_l_f1"), without the row where that is "all" ("mae"). The work is done on the
CPU.
"""

from __future__ import annotations

import inspect
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from inspect import Parameter, Signature
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from raz.errors import installs

try:
    from torchmetrics import Metric
except ImportError as error:
    raise ImportError(
        f"the metric classes of raz.metrics need torchmetrics: {installs('metrics')} "
        "(the functions of raz.metrics work without it)"
    ) from error

from raz.metrics.arguments import images
from raz.metrics.derived import option_parameters
from raz.metrics.protocol import PointProtocol, Protocol
from raz.metrics.state import Array, MetricState

__all__ = ["CountMetric", "PointMetric", "metric_class"]

Images = Sequence[Mapping[str, Any]]
"""One mapping per image, like those that RAZ-Net gives for a list of images."""


class _ProtocolMetric(Metric):
    """A metric whose states are those of a protocol.

    Args:
        options: the protocol's options, in order.
        kwargs: the protocol's options by name, and torchmetrics' own.
    """

    is_differentiable = False
    full_state_update = False
    protocol_type: ClassVar[type[Protocol]]
    __signature__: ClassVar[Signature]

    def __init__(self, *options: Any, **kwargs: Any) -> None:
        given = type(self).__signature__.bind(*options, **kwargs).arguments
        own = given.pop("kwargs", {})
        super().__init__(**own)
        self.protocol = self.protocol_type(**{name: _plain(v) for name, v in given.items()})
        blank = self.protocol.blank()
        self._empty_rows = blank.rows
        for name, value in blank.sums.items():
            self.add_state(name, default=torch.as_tensor(value), dist_reduce_fx="sum")
        for name in self._empty_rows:
            self.add_state(name, default=[], dist_reduce_fx="cat")
        self._sums = tuple(blank.sums)
        # A MetricCollection lets metrics share their states for good where these have the same
        # names and, after the first batch, the same values. Other options need another name.
        number = zlib.crc32(repr(self.protocol).encode())
        self.add_state(f"protocol_{number:08x}", default=torch.zeros(()), dist_reduce_fx="sum")

    def compute(self) -> dict[str, Tensor]:
        """Return the figures as float64 tensors, NaN where undefined."""
        rows = {name: self._joined(name) for name in self._empty_rows}
        sums = {name: getattr(self, name).cpu().numpy() for name in self._sums}
        state = MetricState(sums, rows)
        figures = self.protocol.flat(self.protocol.compute(state))
        return {
            name: torch.tensor(value, dtype=torch.float64, device=self.device)
            for name, value in figures.items()
        }

    def extra_repr(self) -> str:
        """Return the options that are not the defaults, for ``repr``."""
        default = self.protocol_type()
        names = [field.name for field in fields(default)]
        chosen = {name: getattr(self.protocol, name) for name in names}
        changed = {k: value for k, value in chosen.items() if value != getattr(default, k)}
        return ", ".join(f"{name}={value!r}" for name, value in changed.items())

    def _sync_dist(self, *args: Any, **kwargs: Any) -> None:
        # A process without an image must send rows of the shape and type of the others'.
        for name, empty in self._empty_rows.items():
            if not getattr(self, name):
                setattr(self, name, [torch.as_tensor(empty, device=self.device)])
        super()._sync_dist(*args, **kwargs)

    def _add(self, change: MetricState) -> None:
        for name, value in change.sums.items():
            setattr(self, name, getattr(self, name) + torch.as_tensor(value, device=self.device))
        for name, value in change.rows.items():
            getattr(self, name).append(torch.as_tensor(value, device=self.device))

    def _joined(self, name: str) -> Array:
        state = getattr(self, name)
        parts = [state] if isinstance(state, Tensor) else state  # torchmetrics may have joined them
        tensors = [torch.as_tensor(self._empty_rows[name]), *(part.cpu() for part in parts)]
        return torch.cat(tensors).numpy()


class PointMetric(_ProtocolMetric):
    """A metric that compares located heads, image by image.

    Example:
        >>> import raz.metrics
        >>> metric = raz.metrics.FixedRadiusLocalization(radii=(4,))
        >>> isinstance(metric, PointMetric)
        True
        >>> metric.update([{"points": [[10, 10], [50, 50]]}], [{"points": [[12, 10]]}])
        >>> metric.update([{"points": []}], [{"points": [[5, 5]]}])
        >>> float(metric.compute()["4px_recall"])  # one of two heads
        0.5
    """

    protocol: PointProtocol

    def update(self, preds: Images, target: Images) -> None:
        """Add images, in the same order in both lists.

        Args:
            preds: for each image a mapping with the entries that the protocol needs.
            target: for each image a mapping with the entries that the protocol needs.

        Raises:
            ValueError: the lists differ in length, an entry is missing or has a wrong shape. No
                image has been added then.
            TypeError: not lists of mappings.
        """
        for name, value in (("preds", preds), ("target", target)):
            if isinstance(value, Mapping | Tensor):
                raise TypeError(
                    f"{name} is a {type(value).__name__}; "
                    "it must be a list of one mapping per image"
                )
        places = [self.protocol.entry(name) for name in self.protocol.inputs()]
        states = []
        for index, (pred, truth) in enumerate(images(preds=preds, target=target)):
            sides = {"preds": pred, "target": truth}
            values = (_entry(sides[side], key, f"{side}[{index}]") for side, key in places)
            states.append(self.protocol.update(*values))
        self._add(self.protocol.blank().joined_with(states))


class CountMetric(_ProtocolMetric):
    """A metric that compares counts.

    Example:
        >>> import raz.metrics
        >>> metric = raz.metrics.CrowdCount()
        >>> isinstance(metric, CountMetric)
        True
        >>> metric.update(torch.tensor([12.0]), torch.tensor([10]))
        >>> metric.update([7.0, 5.0], [8, 5])
        >>> float(metric.compute()["mae"])  # (2 + 1 + 0) / 3
        1.0
    """

    def update(self, preds: Any, target: Any, *labels: Any) -> None:
        """Add images: predicted and true counts [B] in persons, then labels [B] if any."""
        self._add(self.protocol.update(*map(_array, (preds, target, *labels))))


def metric_class(protocol: type[Protocol]) -> type[PointMetric | CountMetric]:
    """Return a new metric class of a protocol.

    Example:
        >>> from raz.metrics import PROTOCOLS
        >>> made = metric_class(type(PROTOCOLS["fixed"]))
        >>> made.__name__, made.__bases__ == (PointMetric,)
        ('FixedRadiusLocalization', True)
        >>> made(radii=(2,)).protocol.radii
        (2,)
    """
    base = PointMetric if issubclass(protocol, PointProtocol) else CountMetric
    rest = Parameter("kwargs", Parameter.VAR_KEYWORD, annotation="Any")
    members = {
        "__module__": "raz.metrics",
        "__doc__": _document(protocol),
        "__signature__": Signature([*option_parameters(protocol), rest]),
        "higher_is_better": protocol.higher_is_better,
        "protocol_type": protocol,
    }
    if base is CountMetric:
        members["update"] = _named_update(protocol)
    return type(protocol.metric, (base,), members)


def _named_update(protocol: type[Protocol]) -> Callable[..., None]:
    """``update`` with the names of the protocol's labels, which collections pass by keyword."""
    own = list(inspect.signature(protocol.update).parameters.values())
    names = {"predicted": "preds", "true": "target"}
    signature = Signature([p.replace(name=names.get(p.name, p.name)) for p in own])

    def update(self: CountMetric, *args: Any, **kwargs: Any) -> None:
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        CountMetric.update(*bound.args)

    update.__doc__ = CountMetric.update.__doc__
    update.__signature__ = signature  # type: ignore[attr-defined]
    return update


def _plain(option: Any) -> Any:
    """An option that compares and prints whole: an array does neither."""
    if isinstance(option, np.ndarray | Tensor):
        option = option.tolist()
    return tuple(option) if isinstance(option, list) else option


def _document(protocol: type[Protocol]) -> str:
    first, _, rest = inspect.getdoc(protocol).partition("\n")  # type: ignore[union-attr]
    return (
        f"{first}\n\n"
        f'A torchmetrics metric: protocol "{protocol.name}", computed like '
        f":func:`raz.metrics.{protocol.function}`,\nwhich this describes.\n{rest}"
    )


def _entry(image: Mapping[str, Any], key: str, name: str) -> Any:
    if not isinstance(image, Mapping):
        raise TypeError(f"{name} is a {type(image).__name__}; it must be a mapping with {key!r}")
    if key not in image:
        raise ValueError(f"{name} has no entry {key!r}, but {', '.join(map(repr, image))}")
    return _array(image[key])


def _array(value: Any) -> Any:
    if not isinstance(value, Tensor):
        return value
    value = value.detach().cpu()
    return (value.double() if value.is_floating_point() else value).numpy()
