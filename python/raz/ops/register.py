"""Registration of the operators with torch, ahead of their first call."""

from __future__ import annotations

from raz import _native


def register() -> None:
    """Register the operators, ``torch.ops.raz.*``, with torch now.

    The first call of any operator does so; importing raz does not. Code that refers to the
    operators without calling :mod:`raz.ops` needs it first, e.g. ``torch.export.load`` of a program
    that uses them. It may be called again, and from several threads.

    Raises:
        RuntimeError: the native module, which defines the operators, is missing or switched off.

    Example:
        >>> import torch
        >>> register()
        >>> torch.ops.raz.point_map.default
        <OpOverload(op='raz.point_map', overload='default')>
    """
    if _native.load() is None:
        raise RuntimeError(
            "raz has no native module here, so torch cannot be given its operators; "
            "`raz doctor` says why"
        )
