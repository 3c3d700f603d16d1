"""The function of a protocol, and the signatures of what is derived from it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import fields
from inspect import Parameter, Signature
from typing import Any

from raz.metrics.protocol import PointProtocol, Protocol
from raz.metrics.table import MetricTable

__all__ = ["function_of", "function_signature", "metric_of", "option_parameters"]


@functools.cache
def function_of(protocol: type[Protocol]) -> Callable[..., MetricTable]:
    """Return the function that measures a set of images by a protocol.

    It takes the parameters of ``protocol.update``, as lists with one entry per image where the
    protocol compares points, and the protocol's options as keywords.
    """
    signature = function_signature(protocol)
    options = {field.name for field in fields(protocol)}

    def function(*args: Any, **kwargs: Any) -> MetricTable:
        given = signature.bind(*args, **kwargs).arguments
        chosen = {name: given.pop(name) for name in options & given.keys()}
        return protocol(**chosen).measure(**given)

    function.__name__ = function.__qualname__ = protocol.function
    function.__module__ = "raz.metrics"
    function.__doc__ = protocol.__doc__
    function.__signature__ = signature  # type: ignore[attr-defined]
    return function


def function_signature(protocol: type[Protocol]) -> Signature:
    """Return the signature of a protocol's function.

    Example:
        >>> from raz.metrics import PROTOCOLS
        >>> signature = function_signature(type(PROTOCOLS["fixed"]))
        >>> list(signature.parameters), signature.return_annotation
        (['predictions', 'heads', 'radii'], 'MetricTable')
        >>> signature.parameters["heads"].annotation  # update() takes one image, the function many
        'Iterable[npt.ArrayLike]'
    """
    parameters = list(inspect.signature(protocol.update).parameters.values())[1:]
    if issubclass(protocol, PointProtocol):
        parameters = [
            parameter.replace(annotation=f"Iterable[{parameter.annotation}]")
            for parameter in parameters
        ]
    keywords = [
        parameter.replace(kind=Parameter.KEYWORD_ONLY) for parameter in option_parameters(protocol)
    ]
    return Signature([*parameters, *keywords], return_annotation="MetricTable")


def option_parameters(protocol: type[Protocol]) -> list[Parameter]:
    """Return a protocol's options as parameters.

    Example:
        >>> from raz.metrics import PROTOCOLS
        >>> [option] = option_parameters(type(PROTOCOLS["fixed"]))
        >>> option.name, option.default
        ('radii', (4.0, 8.0))
    """
    return [
        Parameter(
            field.name,
            Parameter.POSITIONAL_OR_KEYWORD,
            default=field.default,
            annotation=field.type,
        )
        for field in fields(protocol)
    ]


@functools.cache
def metric_of(protocol: type[Protocol]) -> Any:
    """Return the torchmetrics class of a protocol.

    Raises:
        ImportError: torchmetrics is not installed.
    """
    from raz.metrics.metric import metric_class

    return metric_class(protocol)
