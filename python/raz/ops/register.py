"""Registration of the operators with torch, ahead of their first call."""

from __future__ import annotations

from raz import _native


def register() -> None:
    """Register the operators, ``torch.ops.raz.*``, with torch now.

    The first call of any operator does so; importing raz does not. What names the operators without
    calling :mod:`raz.ops` needs it before: ``torch.export.load`` of a program that has them. It may
    be called again, and from several threads.

    Raises:
        RuntimeError: there is no native module, which defines the operators, or it is switched off.

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
