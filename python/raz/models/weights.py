"""Weights files: safetensors with the net's name and operating point, checked before use."""

from __future__ import annotations

import importlib.metadata
import json
import os
import pickle
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from raz.errors import WeightsError
from raz.files import atomic_file
from raz.models.downloads import digest_of, downloaded_file
from raz.models.raznet import RAZNet, as_raznet
from raz.network import OperatingPoint, unwrapped

_URLS = ("https://", "http://", "file://")
_SCALE = ".scale"
"""Suffix of the name of an int8 weight's scales."""

_WRAPPERS = ("module.", "_orig_mod.")
"""Prefixes that data-parallel training and ``torch.compile`` give to the names of weights."""

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
        raise WeightsError(f"{path} holds weights of {architecture}, not of {model.architecture}")
    if metadata and metadata.get("options", "{}") != _options(model):
        raise WeightsError(
            f"{path} holds weights of a net built with the options {metadata.get('options', '{}')} "
            f"beyond the defaults, and this net has {_options(model)}"
        )
    point = model.operating_point
    if "operating_point" in metadata:
        try:
            point = OperatingPoint.from_json(metadata["operating_point"])
        except (ValueError, TypeError) as error:
            raise WeightsError(f"{path} holds a bad operating point: {error}") from error
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
        path: A file, or the URL of one (``https://``, ``http://``, ``file://``), see
            :func:`downloaded_weights`.

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
    return read_weights(downloaded_file(url), source=url)[0]


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
        path: the file.
        source: what errors call it; by default its path.

    Raises:
        WeightsError: the file is missing or unreadable, lacks the scales of an int8 weight, or
            names a tensor without saying what it holds.
    """
    source = source or str(path)
    try:
        if not _is_torch_file(path):
            with safe_open(path, framework="pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                metadata = dict(file.metadata() or {})
        else:
            with path.open("rb") as file:  # by its path, torch would go by its suffix
                if not archive_is_whole(file, legacy=True):
                    raise WeightsError(f"{source} is damaged: its checksums are of other content")
                tensors, metadata = torch.load(file, map_location="cpu", weights_only=True), {}
    except WeightsError:
        raise
    except FileNotFoundError as error:
        raise WeightsError(f"{source}: there is no such weights file") from error
    except pickle.UnpicklingError as error:  # its text advises to execute the file
        raise WeightsError(
            f"{source} cannot be read as a weights file: it holds more than tensors, or torch.save "
            "did not write it"
        ) from error
    except (OSError, SafetensorError, RuntimeError, EOFError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(f"{source} cannot be read as a weights file: {reason}") from error
    except Exception as error:  # unpickling text raises whatever its letters spell
        raise WeightsError(
            f"{source} cannot be read as a weights file: torch.save did not write it"
        ) from error
    return _dequantized(_state_dict(tensors, source), source), metadata


def archive_is_whole(file: IO[bytes], *, legacy: bool = False) -> bool:
    """Tell whether a file of ``torch.save`` agrees with its checksums, which torch does not read.

    One that was written without checksums agrees with any.

    Args:
        file: it is read, and left at its beginning.
        legacy: what to say of a file that is no archive, as torch wrote them before 1.6, without
            checksums.
    """
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            has_checksums = any(entry.CRC for entry in entries if entry.file_size)
            return not has_checksums or archive.testzip() is None
    except zipfile.BadZipFile:
        file.seek(0)
        return legacy and file.read(2) != b"PK"
    except (zlib.error, EOFError, ValueError, NotImplementedError):
        return False
    finally:
        file.seek(0)


def _is_torch_file(path: Path) -> bool:
    """Whether a file is a ZIP archive or a pickle, as ``torch.save`` writes and wrote them."""
    with path.open("rb") as file:
        return file.read(2) in (b"PK", *(bytes((0x80, protocol)) for protocol in range(2, 6)))


def _state_dict(tensors: object, source: str) -> dict[str, Tensor]:
    if not isinstance(tensors, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in tensors.items()
    ):
        raise WeightsError(f"{source} does not hold a state_dict (names and tensors)")
    for name, value in tensors.items():
        if value.layout != torch.strided or value.is_complex() or value.is_quantized:
            raise WeightsError(f"{source}: {name} is no dense tensor of real numbers")
        if value.is_meta:  # saved from a net that was built without memory
            raise WeightsError(f"{source}: {name} is a meta tensor, which holds no numbers")
    return _unwrapped(tensors)


def _unwrapped(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same under the names that the net itself gives."""
    plain = {}
    for name, value in tensors.items():
        while name.startswith(_WRAPPERS):
            name = name.partition(".")[2]
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
    for name, value in tensors.items():
        if value.dtype != torch.int8:
            continue
        scale = plain.pop(name + _SCALE, None)
        if scale is None or value.ndim < 2 or scale.shape != value.shape[:1]:
            raise WeightsError(f"{source}: {name} is int8 and has no scale for each of its rows")
        plain[name] = (value.flatten(1) * scale[:, None]).view_as(value)
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
            problems.append(f"{name} has the shape {have}, not {want}")
        else:
            problems += _unusable(name, tensors[name], wanted[name])
    if problems:
        raise WeightsError(f"{path} does not fit the net: {'; '.join(sorted(problems)[:8])}")
    module.load_state_dict(tensors)


def _unusable(name: str, value: Tensor, wanted: Tensor) -> list[str]:
    """What makes a tensor of the right name and shape no weight; nothing where it is one."""
    if wanted.is_floating_point() and not value.is_floating_point():
        return [f"{name} holds {str(value.dtype).removeprefix('torch.')}, not floats"]
    if value.is_floating_point():
        finite = value.float().isfinite()  # of every type: those of 8 bits know nothing of it
        bad = finite.numel() - int(finite.sum())
        if bad:
            example = value.float()[~finite].flatten()[0].item()
            return [f"{name} holds {bad} values that are not finite, such as {example}"]
    return []


def _names(names: list[str], limit: int = 8) -> str:
    listed = ", ".join(names[:limit])
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
