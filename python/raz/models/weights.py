"""Weights files: safetensors with the net's name and operating point, checked before use."""

from __future__ import annotations

import importlib.metadata
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from raz.errors import WeightsError, shown
from raz.files import atomic_file
from raz.models.downloads import digest_of, downloaded_file
from raz.models.raznet import RAZNet, as_raznet
from raz.models.torch_files import (
    MOST_BYTES,
    DamagedFileError,
    ForeignFileError,
    is_torch_file,
    read_torch_file,
)
from raz.network import OperatingPoint, unwrapped

_URLS = ("https://", "http://", "file://")
_SCALE = ".scale"
"""Suffix of the name of an int8 weight's scales."""

_WRAPPERS = ("module.", "_orig_mod.")
"""Prefixes that data-parallel training and ``torch.compile`` give to the names of weights."""

_READABLE = {
    *(torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.bool),
    *(torch.int8, torch.int16, torch.int32, torch.int64),
    *(torch.uint8, torch.uint16, torch.uint32, torch.uint64),
    *(torch.float8_e4m3fn, torch.float8_e4m3fnuz, torch.float8_e5m2, torch.float8_e5m2fnuz),
}
"""Types that are read; an error says which of them hold no weights."""

_MOST_INT8 = 1 << 28
"""Numbers of a file that are multiplied by scales before their shape is known to be the net's."""

_VARIANCE = "running_var"
"""End of the names of variances."""

_DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int8)


def save_weights(
    model: RAZNet,
    path: str | os.PathLike[str],
    *,
    dtype: torch.dtype = torch.float16,
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Write a net's weights, its name and its operating point to a safetensors file.

    Args:
        model: the net, also in a wrapper of torch (see :func:`raz.network.unwrapped`); it is not
            changed.
        path: File to write; it is replaced in one step, never left half written.
        dtype: Type of the convolutions' weights: ``torch.float16``, ``bfloat16``, ``float32`` or
            ``float64``, or ``torch.int8`` for a quarter of float32's bytes, with one scale for each
            index of their first dimension (the output channel of a convolution), which
            :func:`read_weights` multiplies back (ours). Biases, normalisations and counters keep
            their own type: they are small, and their precision matters.
        metadata: More strings to store, for instance the recipe and the figures reached.

    Returns:
        The path.

    Raises:
        TypeError: ``model`` is no RAZNet.
        ValueError: ``dtype`` is another type, a weight does not fit it or is not finite, or
            metadata uses a name that is set here.

    Example:
        >>> import tempfile
        >>> from raz.models import raznet_lite
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = f"{folder}/mine.safetensors"
        ...     path = save_weights(raznet_lite(), path, metadata={"by": "me"})
        ...     load_weights(raznet_lite(), path)["by"]
        'me'
    """
    if dtype not in _DTYPES:
        raise ValueError(f"dtype is {dtype}; it must be one of {', '.join(map(str, _DTYPES))}")
    model = as_raznet(model)
    own = own_metadata(model)
    taken = sorted(set(own) & set(metadata or {}))
    if taken:
        raise ValueError(f"metadata sets {', '.join(taken)}, which save_weights writes itself")
    tensors: dict[str, Tensor] = {}
    for name, value in model.state_dict().items():
        tensors |= _stored(name, value, dtype)
    path = Path(path)
    content = save(tensors, metadata={**(metadata or {}), **own})
    with atomic_file(path, "wb", durable=True) as file:
        file.write(content)
    return path


def own_metadata(model: RAZNet) -> dict[str, str]:
    """Metadata of every file of a net: architecture, operating point (JSON) and version of raz.

    Also, as JSON, the builder's options that no weight's shape tells, if they are not the defaults.
    """
    model = unwrapped(model, "architecture", "operating_point", "options")
    own = {
        "architecture": model.architecture,
        "operating_point": model.operating_point.to_json(),
        "raz_version": _version(),
    }
    return own | ({"options": _options(model)} if model.options else {})


def load_weights(
    model: RAZNet, path: str | os.PathLike[str], *, sha256: str | None = None
) -> dict[str, str]:
    """Load a file of :func:`save_weights` into a net, and its operating point with it.

    A ``state_dict`` written by ``torch.save`` is accepted too (tensors only; nothing in it is
    executed); it brings no operating point. Names may carry data-parallel training's ``module.``
    or ``torch.compile``'s ``_orig_mod.``.

    Args:
        model: the net; unchanged if an error is raised.
        path: The file.
        sha256: Hexadecimal digest that the file must have.

    Returns:
        The file's metadata.

    Raises:
        WeightsError: the file is missing, unreadable, altered, for another net or one built with
            other options, its names or shapes are not the net's, or a weight is NaN, infinite or no
            float; the message names them.

    Example:
        >>> from raz.models import RAZNetLiteWeights, raznet_lite
        >>> metadata = load_weights(raznet_lite(), RAZNetLiteWeights.DEFAULT.path)
        >>> metadata["architecture"]
        'raznet_lite'
    """
    model, path = as_raznet(model), Path(path)
    if sha256 is not None:
        _check_digest(path, sha256)
    tensors, metadata = read_weights(path)
    architecture = metadata.get("architecture", model.architecture)
    if architecture != model.architecture:
        raise WeightsError(
            f"{path} holds weights of {shown(architecture)}, not of {model.architecture}"
        )
    if metadata and metadata.get("options", "{}") != _options(model):
        raise WeightsError(
            f"{path} holds weights of a net built with the options "
            f"{shown(metadata.get('options', '{}'))} beyond the defaults, and this net has "
            f"{_options(model)}"
        )
    point = model.operating_point
    if "operating_point" in metadata:
        try:
            point = OperatingPoint.from_json(metadata["operating_point"])
        except (ValueError, TypeError) as error:
            raise WeightsError(f"{path} holds a bad operating point: {shown(error)}") from error
    _load(model, tensors, path)
    model.operating_point = point
    return metadata


def load_backbone(model: RAZNet, path: str | os.PathLike[str]) -> None:
    """Load ImageNet weights into the backbone alone; layers beyond it are left out.

    For ``raznet_vgg16`` any file with torchvision's names of VGG-16 (``features.0.weight``, …), as
    its own ``vgg16-397923af.pth``; for ``raznet_lite`` EfficientNet-Lite0 (``_conv_stem.weight``,
    ``_blocks.0…``).

    Args:
        model: the net; unchanged if an error is raised.
        path: A file, or the URL of one (``https://``, ``file://``), see
            :func:`raz.models.downloads.downloaded_file`.

    Raises:
        WeightsError: the file is missing or unreadable, lacks a weight of the backbone, or has one
            that is no finite float.

    Example:
        >>> import tempfile
        >>> from raz.models import raznet_lite
        >>> model = raznet_lite()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = f"{folder}/backbone.pth"
        ...     torch.save(model.backbone.state_dict(), path)
        ...     load_backbone(model, path)
    """
    model = as_raznet(model)
    if isinstance(path, str) and path.startswith(_URLS):
        tensors = downloaded_weights(path)
    else:
        tensors, _ = read_weights(Path(path))
    wanted = model.backbone.state_dict()
    _load(model.backbone, {name: t for name, t in tensors.items() if name in wanted}, path)


def downloaded_weights(url: str) -> dict[str, Tensor]:
    """Tensors of a weights file from a URL, names as the net has them.

    It is read as :func:`read_weights` reads a file. A copy is kept for the next time, by its URL
    and content: see :func:`raz.models.downloads.downloaded_file`. Where its name ends in ``-`` and
    hexadecimal digits, as torchvision's do, its SHA-256 must begin with them. Only tensors are
    read; nothing in the file is executed.

    Raises:
        WeightsError: there is no connection and no copy, the digest differs, or it is no weights
            file.
    """
    while True:
        path = downloaded_file(url)
        try:
            return read_weights(path, source=url)[0]
        except WeightsError:
            if path.exists():
                raise  # else another process has replaced it by what the URL has now


def architecture_of(path: Path) -> str | None:
    """Return the name of the net that a weights file says it is of; None where it does not say.

    Only the header is read.

    Example:
        >>> from raz.models import RAZNetLiteWeights
        >>> architecture_of(RAZNetLiteWeights.DEFAULT.path)
        'raznet_lite'
    """
    try:
        with safe_open(path, framework="pt") as file:
            return (file.metadata() or {}).get("architecture")
    except Exception:  # not safetensors; reading it says what is wrong
        return None


def read_weights(
    path: Path, *, source: str | None = None
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a weights file, names as the net has them, int8 as float32.

    A file of ``torch.save`` is recognised by its first bytes; any other is read as safetensors.

    Args:
        path: the file, of at most 4 GiB.
        source: what errors call it; by default its path.

    Raises:
        WeightsError: the file is missing or unreadable, lacks the scales of an int8 weight, names a
            tensor twice, or without saying what it holds.
    """
    source = source or str(path)
    try:
        if path.exists() and not path.is_file():
            raise WeightsError(f"{source} is no regular file, and so no weights file")
        with path.open("rb") as file:  # by its path, torch would go by its suffix
            if is_torch_file(file):
                found, metadata = read_torch_file(file, legacy=True), dict[str, str]()
            else:
                found, metadata = _read_safetensors(path, file)
    except WeightsError:
        raise
    except FileNotFoundError as error:
        raise WeightsError(f"{source}: there is no such weights file") from error
    except DamagedFileError as error:
        raise WeightsError(f"{source} is damaged: {error}") from error
    except (OSError, SafetensorError, RuntimeError, ValueError) as error:
        raise WeightsError(f"{source} cannot be read as a weights file: {shown(error)}") from error
    return _dequantized(_state_dict(found, source), source), metadata


def _read_safetensors(path: Path, file: IO[bytes]) -> tuple[object, dict[str, str]]:
    size = os.fstat(file.fileno()).st_size
    if size > MOST_BYTES:
        raise ForeignFileError(f"it has {size} bytes; at most {MOST_BYTES} are read")
    with safe_open(path, framework="pt") as opened:
        names = list(opened.keys())
        _check_names(file, len(names))
        metadata = dict(opened.metadata() or {})
        return {name: opened.get_tensor(name) for name in names}, metadata


def _check_names(file: IO[bytes], count: int) -> None:
    """Refuse a header that names a tensor twice: safetensors takes the last of them."""
    header = file.read(int.from_bytes(file.read(8), "little"))
    pairs = json.loads(header, object_pairs_hook=list)
    if len(pairs) - ("__metadata__" in dict(pairs)) != count:
        raise ForeignFileError("it names a tensor twice")


def _state_dict(tensors: object, source: str) -> dict[str, Tensor]:
    if not isinstance(tensors, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in tensors.items()
    ):
        raise WeightsError(f"{source} does not hold a state_dict (names and tensors)")
    for name, value in tensors.items():
        if value.layout != torch.strided or value.is_complex() or value.is_quantized:
            raise WeightsError(f"{source}: {shown(name)} is no dense tensor of real numbers")
        if value.is_meta:  # saved from a net that was built without memory
            raise WeightsError(f"{source}: {shown(name)} is a meta tensor, which holds no numbers")
        if value.dtype not in _READABLE:
            raise WeightsError(f"{source}: {shown(name)} holds {_type(value)}, which is not read")
    return _unwrapped(tensors, source)


def _unwrapped(tensors: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    """The same under the names that the net itself gives."""
    plain: dict[str, Tensor] = {}
    for name, value in tensors.items():
        while name.startswith(_WRAPPERS):
            name = name.partition(".")[2]
        if name in plain:
            raise WeightsError(f"{source} holds {shown(name)} twice, once with a wrapper's prefix")
        plain[name] = value
    return plain


def _options(model: RAZNet) -> str:
    return json.dumps(model.options, sort_keys=True)


def _version() -> str:
    try:
        return importlib.metadata.version("raz")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def _stored(name: str, value: Tensor, dtype: torch.dtype) -> dict[str, Tensor]:
    """One weight as it is written, with its scale where it is int8."""
    value = value.detach().cpu().contiguous()
    if value.is_floating_point() and not bool(value.isfinite().all()):
        raise ValueError(f"{name} holds a number that is not finite, and no net would take it")
    if not value.is_floating_point() or value.ndim < 2:
        return {name: value}
    if dtype == torch.int8:
        return _quantized(name, value.float())
    cast = value.to(dtype)
    if bool(torch.isinf(cast).any()):
        raise ValueError(f"{name} holds {value.abs().max():g}, which does not fit {dtype}")
    return {name: cast}


def _quantized(name: str, value: Tensor) -> dict[str, Tensor]:
    """int8 in -127..127, and the float32 scale of each index of the first dimension."""
    scale = value.flatten(1).abs().amax(1) / 127
    steps = (value.flatten(1) / scale.clamp_min(torch.finfo().tiny)[:, None]).round()
    return {name: steps.to(torch.int8).view_as(value), name + _SCALE: scale}


def _dequantized(tensors: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    """Weights as the net takes them: int8 ones times their scales, which are left out."""
    plain = dict(tensors)
    left = _MOST_INT8
    for name, value in tensors.items():
        if value.dtype != torch.int8:
            continue
        scale = plain.pop(name + _SCALE, None)
        if (
            scale is None
            or value.ndim < 2
            or scale.shape != value.shape[:1]
            or not scale.is_floating_point()
        ):
            raise WeightsError(
                f"{source}: {shown(name)} is int8 and has no scale for each of its rows"
            )
        left -= value.numel()
        if left < 0 or not value.is_contiguous():  # what repeats itself takes no room in a file
            raise WeightsError(
                f"{source}: {shown(name)} is int8 of {value.numel()} numbers; at most "
                f"{_MOST_INT8} are read, one after the other"
            )
        plain[name] = (value.flatten(1) * scale.float()[:, None]).view_as(value)
    return plain


def _load(module: nn.Module, tensors: Mapping[str, Tensor], path: str | os.PathLike[str]) -> None:
    wanted = module.state_dict()
    problems = []
    if missing := [name for name in wanted if name not in tensors]:
        problems.append(f"missing {_names(missing)}")
    if unexpected := [name for name in tensors if name not in wanted]:
        problems.append(f"unexpected {_names(unexpected)}")
    for name in wanted.keys() & tensors.keys():
        if wanted[name].shape != tensors[name].shape:
            have, want = tuple(tensors[name].shape), tuple(wanted[name].shape)
            problems.append(f"{name} has the shape {shown(have)}, not {want}")
        else:
            problems += unusable(name, tensors[name], wanted[name])
    if problems:
        raise WeightsError(f"{path} does not fit the net: {'; '.join(sorted(problems)[:8])}")
    module.load_state_dict(tensors)


def unusable(name: str, value: Tensor, wanted: Tensor) -> list[str]:
    """Say what makes a tensor of the right name and shape no weight; nothing where it is one.

    Args:
        name: of the tensor in the net.
        value: what a file holds.
        wanted: what the net holds.

    Example:
        >>> unusable("bias", torch.tensor([torch.nan]), torch.zeros(1))
        ['bias holds 1 values that are not finite, such as nan']
    """
    if not wanted.is_floating_point():  # a counter
        if value.is_floating_point() or value.dtype == torch.bool:
            return [f"{name} holds {_type(value)}, not integers"]
        below = bool((value.to(torch.int64) < 0).any())  # 2^63 and more are below 0 then
        return [f"{name} holds a number outside 0..2^63 - 1"] if below else []
    if not value.is_floating_point():
        return [f"{name} holds {_type(value)}, not floats"]
    # As the net will hold it: 1e300 is infinite there. Types of 8 bits know nothing of isfinite.
    held = value.to(wanted.dtype) if value.dtype.itemsize > 1 else value.float()
    finite = held.isfinite()
    bad = finite.numel() - int(finite.sum())
    if bad:
        example = value.float()[~finite].flatten()[0].item()
        return [f"{name} holds {bad} values that are not finite, such as {example}"]
    if name.endswith(_VARIANCE) and bool((held < 0).any()):
        return [f"{name} holds a negative variance"]
    return []


def _type(value: Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")


def _names(names: list[str], limit: int = 8) -> str:
    listed = ", ".join(map(shown, names[:limit]))
    return listed if len(names) <= limit else f"{listed} and {len(names) - limit} more"


def _check_digest(path: Path, expected: str) -> None:
    try:
        found = digest_of(path)
    except OSError as error:
        raise WeightsError(f"{path}: the weights file cannot be read ({error.strerror})") from error
    if found != expected:
        raise WeightsError(
            f"{path} is not the file that was published: its SHA-256 is {found}, not {expected}"
        )
