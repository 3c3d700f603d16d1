"""The field's evaluation protocols, exact to the digit: how far predictions are from the truth.

Each protocol is one object in :mod:`raz.metrics.protocols`, with ``update`` and ``compute``. What
users call follows from it (:mod:`raz.metrics.derived`):

- a function. It takes NumPy arrays with one entry per image, and returns rows of named figures
  (:class:`raz.metrics.MetricTable`), NaN where a figure is undefined.
- a torchmetrics class (``pip install ".[metrics]"``).
- a name of ``raz eval --protocol`` and of :func:`evaluate`, for files of points.

:func:`register_protocol` adds another. ``__init__.pyi`` is written from the protocols for type
checkers and editors.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "CountProtocol": "protocol",
    "Evaluation": "evaluation",
    "MetricState": "state",
    "MetricTable": "table",
    "PointProtocol": "protocol",
    "evaluate": "evaluation",
    "register_protocol": "registry",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"raz.metrics.{_HOMES[name]}"), name)
    if name == "__all__" or not name.startswith("_"):
        found = _derived(name)
        if found is not None:
            return found
    raise AttributeError(f"module 'raz.metrics' has no attribute {name!r}")


def _derived(name: str) -> Any:
    """Return what follows from the protocols under a name, None where nothing does."""
    from raz.metrics.registry import default_protocols, protocol_types

    if name == "PROTOCOLS":
        return default_protocols()
    types = protocol_types().values()
    if name == "__all__":
        derived = (name for protocol in types for name in (protocol.function, protocol.metric))
        return sorted((*_HOMES, "PROTOCOLS", *derived))
    from raz.metrics.derived import function_of, metric_of

    for protocol in types:
        if name == protocol.function:
            return function_of(protocol)
        if name == protocol.metric:
            return metric_of(protocol)
    return None


def __dir__() -> list[str]:
    return sorted({*globals(), *__getattr__("__all__")})
