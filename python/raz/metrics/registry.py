"""The index of protocols. It imports nothing heavy: ``raz eval --help`` reads it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from raz.metrics.protocol import Protocol

__all__ = [
    "default_protocols",
    "protocol_names",
    "protocol_types",
    "register_protocol",
    "unregister_protocol",
]

_BUILT_IN = ("nwpu", "fixed", "qnrf", "coco", "coco-macro", "nap", "mle", "count")
"""Protocols of ``raz eval``, in the order of its help.

Each is a module of :mod:`raz.metrics.protocols`, "_" for "-". Its class registers itself.
"""

_PARTS = ("game", "jhu", "nwpu-count")
"""Parts of "count" that have functions and classes of their own; modules likewise."""

_registered: dict[str, type[Protocol]] = {}

P = TypeVar("P", bound="type[Protocol]")


def register_protocol(protocol: P) -> P:
    """Add a protocol; a class decorator.

    ``raz.metrics`` then has the protocol's function and torchmetrics class,
    :data:`raz.metrics.PROTOCOLS` and ``raz eval --protocol`` have its name.

    Raises:
        ValueError: another protocol has its name, its function's or its class's.

    Example:
        >>> from dataclasses import dataclass
        >>> import raz.metrics
        >>> from raz.metrics import CountProtocol, MetricState, MetricTable, register_protocol
        >>> @register_protocol
        ... @dataclass(frozen=True, kw_only=True)
        ... class CountBias(CountProtocol):
        ...     '''Mean of predicted minus true counts.'''
        ...
        ...     name = "bias"
        ...     function = "count_bias"
        ...     metric = "CountBias"
        ...     rule = "predicted minus true counts; mean over images"
        ...     figures = "bias, in persons"
        ...
        ...     def update(self, predicted, true):
        ...         errors = [p - t for p, t in zip(predicted, true, strict=True)]
        ...         return MetricState({"error": float(sum(errors)), "images": len(errors)})
        ...
        ...     def compute(self, state):
        ...         return MetricTable({"all": {"bias": float(state["error"] / state["images"])}})
        >>> raz.metrics.count_bias([3, 4], [1, 2])
        {'all': {'bias': 2.0}}
        >>> metric = raz.metrics.CountBias()  # a torchmetrics.Metric
        >>> metric.update([3, 4], [1, 2])
        >>> float(metric.compute()["bias"])
        2.0
        >>> raz.metrics.registry.unregister_protocol("bias")
    """
    if not protocol.__module__.startswith("raz.metrics.protocols."):
        protocol_types()  # so that it is compared with all of raz's own
    mine = (protocol.__module__, protocol.__qualname__)
    for other in _registered.values():
        if (other.__module__, other.__qualname__) == mine:
            continue  # the same class again: a cell of a notebook, a module that is reloaded
        for kind in ("name", "function", "metric"):
            if getattr(other, kind) == (value := getattr(protocol, kind)):
                raise ValueError(f"{kind} is {value!r}; it must be new, but {other.name} has it")
    _registered[protocol.name] = protocol
    return protocol


def unregister_protocol(name: str) -> None:
    """Remove a protocol that a caller registered.

    Example:
        >>> from raz.metrics.protocols.mle import MeanLocalizationError
        >>> class Renamed(MeanLocalizationError):
        ...     name, function, metric = "renamed", "renamed_error", "RenamedError"
        >>> _ = register_protocol(Renamed)
        >>> "renamed" in protocol_names()
        True
        >>> unregister_protocol("renamed")
        >>> "renamed" in protocol_names()
        False
    """
    del _registered[name]


def protocol_names() -> tuple[str, ...]:
    """Return the protocols of ``raz eval``: those of raz, then others that were registered.

    Example:
        >>> protocol_names()[:3]
        ('nwpu', 'fixed', 'qnrf')
        >>> "game" in protocol_names()  # a part of "count"
        False
    """
    others = (name for name, protocol in _registered.items() if protocol.offered)
    return tuple(dict.fromkeys((*_BUILT_IN, *others)))


def protocol_types() -> dict[str, type[Protocol]]:
    """Import and return all protocols by name, parts of others included.

    Example:
        >>> types = protocol_types()
        >>> types["fixed"].__name__, types["game"].function
        ('FixedRadius', 'game')
    """
    for name in (*_BUILT_IN, *_PARTS):
        importlib.import_module(f"raz.metrics.protocols.{name.replace('-', '_')}")
    return {name: _registered[name] for name in (*protocol_names(), *_PARTS)}


def default_protocols() -> dict[str, Protocol]:
    """Return the protocols of ``raz eval`` by name, with their default options.

    Example:
        >>> default_protocols()["fixed"]
        FixedRadius(radii=(4.0, 8.0))
        >>> list(default_protocols()) == list(protocol_names())
        True
    """
    types = protocol_types()
    return {name: types[name]() for name in protocol_names()}
