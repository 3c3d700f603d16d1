"""The form of a net for prediction: the same maps, computed faster, without gradients (ours)."""

from __future__ import annotations

import copy
import threading
from typing import TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn

from raz.forking import held_while_forking
from raz.models.layers import fold_norms

Net = TypeVar("Net", bound=nn.Module)

_Form = tuple[tuple[object, ...], nn.Module]
"""What a form was made of, and the form."""

_forms: WeakKeyDictionary[nn.Module, dict[torch.dtype, _Form]] = WeakKeyDictionary()
"""Nets in use, each with its forms by the type that they compute in."""

_lock = held_while_forking(threading.Lock())

_TYPES = (torch.float32, torch.int64)
"""Of the weights and buffers of a net that has a form."""

_LAST = ("output", "empty")
"""Names of the layers of the branches whose results are the maps."""


def for_inference(net: Net, dtype: torch.dtype = torch.float32) -> Net:
    """Return a copy of a net for prediction, made once and again whenever its weights change.

    Normalisations are folded into convolutions, and weights lie channels-last: activations follow
    them, and no convolution needs to rearrange them. The maps are the same up to rounding. The net
    itself stays as it is; the copy takes the memory of its weights again.

    A change of the weights is seen by the tensors' addresses, versions and sums.

    Args:
        net: A net in evaluation mode, in float32 on the CPU; any other is returned as it is, and so
            is one with hooks, which are to be called with the net's own parts.
        dtype: In which its layers compute, float32 or bfloat16. Images are normalised, and the last
            layer of each branch computes, in float32, as the maps are: rounded to bfloat16 the
            pixels of a peak would be equal.
    """
    if any(
        part.training or part._forward_hooks or part._forward_pre_hooks for part in net.modules()
    ):
        return net
    state = _state(net)
    if state is None:
        return net
    with _lock:
        forms = _forms.setdefault(net, {})
        known = forms.get(dtype)
        if known is None or known[0] != state:
            known = forms[dtype] = state, _form(net, dtype)
    form = known[1]
    assert isinstance(form, type(net))
    return form


def _form(net: Net, dtype: torch.dtype) -> Net:
    form = copy.deepcopy(net)
    with torch.no_grad():
        fold_norms(form)
    for parameter in form.parameters():
        parameter.requires_grad_(False)
    if dtype != torch.float32:
        _lower(form, dtype)
    return form.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _lower(form: nn.Module, dtype: torch.dtype) -> None:
    """Convert the weights but for those of the last layers; buffers normalise the images."""
    for name, part in form.named_modules():
        last = name.rpartition(".")[2] in _LAST
        if not last:
            for parameter in part.parameters(recurse=False):
                parameter.data = parameter.data.to(dtype)
        if last or name == "backbone":
            part.register_forward_pre_hook(_as_weights)


def _as_weights(part: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    dtype = next(part.parameters()).dtype
    return tuple(each.to(dtype) for each in inputs)


def _state(net: nn.Module) -> tuple[object, ...] | None:
    """What tells the net's weights from others: addresses, versions, sums; else None.

    NumPy adds in one thread: waking others takes longer than the sums.
    """
    tensors = [*net.parameters(), *net.buffers()]
    if not all(each.device.type == "cpu" and each.dtype in _TYPES for each in tensors):
        return None
    return (
        *(each.data_ptr() for each in tensors),
        *(_version(each) for each in tensors),
        *(float(np.add.reduce(each.detach().numpy(), axis=None)) for each in tensors),
    )


def _version(tensor: Tensor) -> int:
    return -1 if tensor.is_inference() else tensor._version
