"""The floating type that a network computes in: that of its weights, or bfloat16 (ours)."""

from __future__ import annotations

import functools
import logging

import torch

from raz.devices import has_fast_bfloat16
from raz.network import Network

from .settings import Dtype

log = logging.getLogger(__name__)


def own_type(model: Network) -> torch.dtype:
    """Return the floating type of a module's weights, float32 where it has none.

    Example:
        >>> import raz
        >>> own_type(raz.get_model("raznet_lite"))
        torch.float32
    """
    parameters = model.parameters() if isinstance(model, torch.nn.Module) else ()
    return next((each.dtype for each in parameters if each.is_floating_point()), torch.float32)


def computing_type(model: Network, device: torch.device, dtype: Dtype | None) -> torch.dtype:
    """Choose the type that a network computes in; what "auto" chose is logged once (level INFO).

    Args:
        model: the network. Only one that is a module of torch computes in bfloat16.
        device: where it computes.
        dtype: what was asked for (`ZoomSettings.asked_dtype`); None is the weights' own type.

    Raises:
        ValueError: the network cannot compute in the type.

    Example:
        >>> import raz
        >>> model, cpu = raz.get_model("raznet_lite"), torch.device("cpu")
        >>> computing_type(model, cpu, None)
        torch.float32
        >>> computing_type(model.double(), cpu, "float32")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ValueError: dtype is 'float32'; the weights of raznet_lite are torch.float64...
    """
    own = own_type(model)
    if dtype is None:
        return own
    name = str(own).removeprefix("torch.")
    able = isinstance(model, torch.nn.Module) and own == torch.float32
    if dtype == "auto":
        if not able or not has_fast_bfloat16(device):
            return own
        _log_once(logging.INFO, f"{model.architecture} computes in bfloat16 on {device}")
        return torch.bfloat16
    if dtype == name:
        return own
    if not able:
        what = (
            f"the weights of {model.architecture} are {own}"
            if isinstance(model, torch.nn.Module)
            else f"{model.architecture} in a {type(model).__name__} computes in float32"
        )
        raise ValueError(f"dtype is {dtype!r}; {what}, so leave it out")
    if not has_fast_bfloat16(device):
        _log_once(
            logging.WARNING,
            f"{device} has no instructions for bfloat16: it is slower there than float32",
        )
    return torch.bfloat16


@functools.cache
def _log_once(level: int, message: str) -> None:
    log.log(level, message)
