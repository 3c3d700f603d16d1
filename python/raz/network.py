"""The contract between a network and the code that reads its maps.

The ground floor of `raz.models`, which builds such networks, and of `raz.zoom`, which runs them.
Importing this module imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

from raz.operating_point import OperatingPoint

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = [
    "PAD_MULTIPLE",
    "Network",
    "OperatingPoint",
    "as_network",
    "for_inference",
    "known_values",
    "padded_length",
    "unwrapped",
    "values_are_known",
]

PAD_MULTIPLE = 32
"""A network pads its input, with the mean colour, to a multiple of this many pixels."""


class Network(Protocol):
    """What counting, locating and zooming need of a model.

    `raz.models.RAZNet` has all of it. A network of your own needs these attributes and the call.
    Class attributes are enough.

    Example:
        >>> import torch
        >>> class Empty:
        ...     stride, architecture = 8, "empty"
        ...     receptive_field = bytes_per_pixel = 0
        ...     operating_point = OperatingPoint()
        ...     def __call__(self, images):
        ...         batch, _, height, width = images.shape
        ...         cells = images.new_zeros(batch, -(-height // 8), -(-width // 8))
        ...         logits = images.new_full((batch, height, width), -10.0)
        ...         return {"localization": logits, "density": cells, "attention": cells}
        >>> from raz.zoom import count_and_locate
        >>> count_and_locate(Empty(), torch.zeros(3, 64, 48, dtype=torch.uint8)).count
        0.0
    """

    @property
    def architecture(self) -> str:
        """Name of the network, kept in every result."""
        ...

    @property
    def stride(self) -> int:
        """Image pixels per cell of the density and attention maps; a divisor of 32."""
        ...

    @property
    def operating_point(self) -> OperatingPoint:
        """Thresholds chosen for these weights."""
        ...

    @property
    def receptive_field(self) -> int:
        """Pixels beyond a border on which the maps up to that border depend.

        0 if it is not known: then the network sees every image whole, never in tiles.
        """
        ...

    @property
    def bytes_per_pixel(self) -> int:
        """Peak memory of one pass per input pixel; 0 if it is not known."""
        ...

    def __call__(self, images: Tensor, /) -> Any:
        """Map float RGB [B, 3, H, W] in [0, 1] to a mapping of three maps.

        "localization" [B, H, W], logits; "density", persons per cell, and "attention", in [0, 1],
        [B, ceil(H / stride), ceil(W / stride)] each.
        """
        ...


def padded_length(length: int) -> int:
    """Round a side up to the next multiple of `PAD_MULTIPLE` pixels.

    Example:
        >>> padded_length(33)
        64
    """
    # Not -(-length // multiple): ONNX divides negative numbers towards zero.
    return (length + PAD_MULTIPLE - 1) // PAD_MULTIPLE * PAD_MULTIPLE


_known: ContextVar[bool] = ContextVar("raz_known_values", default=False)


@contextmanager
def known_values() -> Iterator[None]:
    """Call a network, in the block, on parts of an image whose values are known to be colours.

    A network that looks at the values of its input need not look then: a part may well be black.

    Example:
        >>> with known_values():
        ...     values_are_known()
        True
    """
    token = _known.set(True)
    try:
        yield
    finally:
        _known.reset(token)


def values_are_known() -> bool:
    """Tell whether this thread is in a block of `known_values`.

    Example:
        >>> values_are_known()
        False
    """
    return _known.get()


def unwrapped(model: Any, *names: str, keep_compiled: bool = False) -> Any:
    """Take off what torch wraps around a model; anything else is returned as it is.

    Wrappers are ``torch.nn.DataParallel``, ``DistributedDataParallel``, ``AveragedModel`` of
    ``torch.optim.swa_utils``, and that of ``torch.compile``, in any order. Those that hold a part
    of the weights alone, such as ``FullyShardedDataParallel``, cannot be taken off.

    Args:
        model: a model, wrapped or not.
        names: attributes that the model must have.
        keep_compiled: leave ``torch.compile``'s wrapper if it is the innermost one: it passes the
            model's attributes on, and what is called is the compiled model.

    Raises:
        TypeError: the model lacks an attribute; the message names its class.

    Example:
        >>> import torch
        >>> net = torch.nn.Linear(2, 1)
        >>> unwrapped(torch.nn.DataParallel(net)) is net
        True
    """
    import torch

    if torch.compiler.is_compiling():
        return model
    compiled = model
    while (inner := _inside(model)) is not None:
        compiled, model = model, inner
    lacking = [name for name in names if not hasattr(model, name)]
    if lacking:
        raise TypeError(f"model is {type(model).__name__} without {', '.join(lacking)}")
    return compiled if keep_compiled and hasattr(compiled, "_orig_mod") else model


def _inside(model: Any) -> Any:
    """The model in a wrapper, or None."""
    import torch
    from torch.nn.parallel import DataParallel, DistributedDataParallel
    from torch.optim.swa_utils import AveragedModel

    if isinstance(model, (DataParallel, DistributedDataParallel, AveragedModel)):
        return model.module
    # By its attribute: importing the class would import torch's compiler.
    inner = getattr(model, "_orig_mod", None)
    return inner if isinstance(inner, torch.nn.Module) else None


def as_network(model: Any) -> Network:
    """Return a model without wrappers (see `unwrapped`; a compiled one stays compiled).

    Raises:
        TypeError: it cannot be called, or lacks an attribute of `Network`.

    Example:
        >>> import torch
        >>> as_network(torch.nn.Linear(2, 1))  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        TypeError: model is Linear without architecture, stride, ...
    """
    if not callable(model):
        raise TypeError(f"model is {type(model).__name__}; it must be a name or a model")
    try:
        network: Network = unwrapped(model, *_ATTRIBUTES, keep_compiled=True)
    except TypeError as error:
        raise TypeError(f"{error}; it must have the attributes of raz.network.Network") from None
    return network


def for_inference(model: Network, dtype: torch.dtype | None = None) -> Network:
    """Return the form of a model that gives the same maps faster, if it has one, else the model.

    That is what its method ``for_inference()`` returns, or ``for_inference(dtype)`` where another
    type than that of the weights is asked for. A compiled model is asked for none.

    Args:
        model: the model.
        dtype: type that the form is to compute in; its maps are float32. None is the weights' own.

    Example:
        >>> import raz
        >>> model = raz.get_model("raznet_lite", weights=None).eval()
        >>> for_inference(model).architecture
        'raznet_lite'
    """
    form = None if hasattr(model, "_orig_mod") else getattr(model, "for_inference", None)
    if form is None:
        return model
    found: Network = form() if dtype is None else form(dtype)
    return found


_ATTRIBUTES = tuple(name for name, value in vars(Network).items() if isinstance(value, property))
