"""Nets by name: those of the library, and those that you register."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from raz.models.pretrained import WeightsEnum
from raz.models.raznet import RAZNet

__all__ = ["PLUGINS", "Weights", "get_model", "get_model_weights", "list_models", "register_model"]

Weights = WeightsEnum | str | os.PathLike[str] | None
"""A member of a net's enum of weights or its name, the path of a file, or None for random ones."""

PLUGINS = "raz.models"
"""Group of entry points: modules of installed packages that register models when imported."""

Builder = TypeVar("Builder", bound=Callable[..., RAZNet])


class _Model(NamedTuple):
    builder: Callable[..., RAZNet]
    weights: type[WeightsEnum]


_models: dict[str, _Model] = {}


def register_model(
    name: str | None = None, *, weights: type[WeightsEnum] = WeightsEnum
) -> Callable[[Builder], Builder]:
    """Make a builder known by name to :func:`get_model`, to ``raz.predict`` and the command line.

    The builder is called as ``builder(weights=..., **options)`` and returns a :class:`RAZNet`.
    The command line knows it if its module is an entry point of an installed package, in the group
    ``raz.models``. A module that cannot be imported is left out with a warning.

    Args:
        name: by default the builder's own name.
        weights: enum of the weights that are published for it; by default there are none.

    Raises:
        ValueError: another builder has that name.

    Example:
        >>> from raz.models import raznet_lite
        >>> @register_model()
        ... def my_net(*, weights=None, **options):
        ...     return raznet_lite(weights=weights, width=16, **options)
        >>> get_model("my_net", weights=None).neck.mix.conv.out_channels
        16
    """

    def register(builder: Builder) -> Builder:
        known = name or builder.__name__
        if known in _models and not _same(_models[known].builder, builder):
            raise ValueError(f"name is {known!r}; it must be one that no other model has")
        _models[known] = _Model(builder, weights)
        return builder

    return register


def list_models() -> list[str]:
    """List the names that :func:`get_model` builds, sorted.

    Example:
        >>> "raznet_lite" in list_models()
        True
    """
    _import_plugins()
    return sorted(_models)


def get_model(name: str, weights: Weights = "DEFAULT", **options: Any) -> RAZNet:
    """Build a net by name, in evaluation mode.

    Args:
        name: one of :func:`list_models`.
        weights: ``"DEFAULT"``, a member of the net's enum of weights or its name, the path of a
            file, or None for random weights.
        options: passed to the builder, e.g. :func:`raznet_lite`.

    Raises:
        TypeError: ``weights`` is of another type.
        ValueError: no net has that name.
        WeightsError: the weights are missing or do not fit.

    Example:
        >>> get_model("raznet_lite").operating_point.peak_thresholds
        (0.34, 0.36)
    """
    return _registered(name).builder(weights=weights, **options).eval()


def get_model_weights(name: str) -> type[WeightsEnum]:
    """Return the enum of the weights that are published for a net; it may have no members.

    Args:
        name: one of :func:`list_models`.

    Raises:
        ValueError: no net has that name.

    Example:
        >>> [weights.name for weights in get_model_weights("raznet_lite")]
        ['SHANGHAITECH_V4']
    """
    return _registered(name).weights


def _same(one: Callable[..., RAZNet], other: Callable[..., RAZNet]) -> bool:
    """Whether two functions have one definition: a cell of a notebook may run again."""
    return (one.__module__, one.__qualname__) == (other.__module__, other.__qualname__)


def _registered(name: str) -> _Model:
    if name not in _models:
        names = ", ".join(list_models())  # imports the plugins
        if name not in _models:
            raise ValueError(f"name is {name!r}; it must be one of {names}")
    return _models[name]


@functools.cache
def _import_plugins() -> None:
    for entry in importlib.metadata.entry_points(group=PLUGINS):
        try:
            entry.load()
        except Exception as error:  # whatever its module raises; other models work without it
            reason = f"{type(error).__name__}: {error}"
            warnings.warn(
                f"models of {entry.value} (entry point {entry.name}) are left out: {reason}",
                stacklevel=2,
            )
