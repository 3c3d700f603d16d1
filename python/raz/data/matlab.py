"""MATLAB files of head points: version 5 read by SciPy, version 7.3 (HDF5) by h5py.

A file becomes a tree: a struct is a dictionary, a cell array and an array of structs are lists,
numbers and text are arrays. Points are looked for in it, whatever structs and cells are around
them: see `find_points`.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from raz.errors import installs

from ..errors import InputError
from .matlab_elements import checked_elements

__all__ = [
    "FoundPoints",
    "as_points",
    "find_points",
    "read_ann_points",
    "read_matlab",
    "stated_ann_number",
    "stated_number",
]

_NUMBERS = ("number", "human_num", "count")
"""Variables that state how many heads there are."""

_NAMES = (
    *("annpoints", "location", "locations", "points", "point", "heads", "head", "gt"),
    *("annotation", "annotations", "coordinates", "coords", "dots", "positions"),
)
"""Names of points in files of one's own, folded."""

_DEPTH = 20
"""Structs within structs; more are no points of heads."""

_HEADERS = 1 << 20
"""Bytes of a file beside those of its numbers."""

_MOST_NUMBERS = 50_000_000
"""Numbers that are read of a variable: of heads a few hundred thousand are; a file of kilobytes can
claim any number of zeros."""

_HDF5 = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class FoundPoints:
    """Where points lie in a MATLAB file.

    Attributes:
        place: of the points, as MATLAB writes it.
        values: the points.
        beside: what lies in the same struct, by name.

    Example:
        >>> FoundPoints("gt.points", np.zeros((0, 2))).beside
        {}
    """

    place: str
    values: Any
    beside: Mapping[str, Any] = field(default_factory=dict)


def read_matlab(path: str | Path) -> dict[str, Any]:
    """Read the variables of a MATLAB file, as a tree.

    Raises:
        InputError: the file is missing or is no MATLAB file that can be read.
        ImportError: SciPy, or for version 7.3 h5py, is not installed.

    Example:
        >>> import tempfile
        >>> from scipy.io import savemat
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     savemat(f"{folder}/a.mat", {"annPoints": [[12.5, 30.0]], "by": {"name": "me"}})
        ...     tree = read_matlab(f"{folder}/a.mat")
        >>> tree["annPoints"].tolist(), tree["by"]["name"].tolist()
        ([[12.5, 30.0]], ['me'])
    """
    try:
        matlab = importlib.import_module("scipy.io")
    except ImportError as error:
        raise ImportError(f"reading .mat files needs SciPy: {installs('data')}") from error
    if not os.path.isfile(path):
        raise InputError(f"{path}: no such file")
    try:
        if _is_hdf5(path):
            return _read_hdf5(path)
        with open(path, "rb") as file:
            most = 8 * _MOST_NUMBERS
            checked = checked_elements(file.read(most + _HEADERS + 1), most)
        content: dict[str, Any] = matlab.loadmat(BytesIO(checked))
        return {name: _plain(value) for name, value in content.items() if name[:2] != "__"}
    except ImportError:
        raise
    except Exception as error:  # SciPy and h5py raise whatever their parsers stumble over
        raise InputError(f"{path}: not a readable MATLAB file ({error})") from error


def find_points(
    tree: Mapping[str, Any], path: str | Path, name: str, *, without: Collection[str] = ()
) -> FoundPoints:
    """Find the head points in the tree of a MATLAB file.

    Points are an array called ``name``, wherever it lies; where there is none, an array of another
    usual name (``points``, ``location``, ``gt`` and the like), or a struct that has x and y.

    Args:
        tree: the variables, by `read_matlab`.
        path: the file, for messages.
        name: under which the layout has them.
        without: usual names that are not looked for, folded.

    Raises:
        InputError: there are none, or several.

    Example:
        >>> tree = {"gt": {"points": np.array([[12.5, 30.0]]), "number": np.array([[1]])}}
        >>> found = find_points(tree, "a.mat", "annPoints")
        >>> found.place, stated_number(found.beside)
        ('gt.points', 1)
    """
    wanted = name.casefold()
    known = [each for each in _NAMES if each not in without]
    candidates = [each for each in _walk(tree, known) if each[0] not in without]
    found = [each for key, each in candidates if key == wanted] or [each for _, each in candidates]
    if not found:
        raise InputError(f"{path}: no {name} in it, nor points of another usual name")
    if len(found) > 1:
        places = ", ".join(sorted(each.place for each in found)[:5])
        raise InputError(f"{path}: holds points in {len(found)} places ({places}); keep one")
    return found[0]


def read_ann_points(path: str | Path) -> npt.NDArray[np.float32]:
    """Read the head points of a file with ``annPoints``: UCF-QNRF, UCF_CC_50, NWPU-Crowd.

    Returns:
        float32 ``[N, 2]``, (x, y) as stored.

    Raises:
        InputError: the file is missing, is no MATLAB file, or does not hold points.
        ImportError: SciPy is not installed.

    Example:
        >>> import tempfile
        >>> from scipy.io import savemat
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     savemat(f"{folder}/a.mat", {"annPoints": [[12.5, 30.0]]})
        ...     read_ann_points(f"{folder}/a.mat").tolist()
        [[12.5, 30.0]]
    """
    found = find_points(read_matlab(path), path, "annPoints")
    return as_points(found.values, f"{path}: {found.place}")


def stated_ann_number(path: str | Path) -> int | None:
    """Return the number of heads that a file with ``annPoints`` states beside them, or None.

    Raises:
        InputError: as `read_ann_points`.

    Example:
        >>> import tempfile
        >>> from scipy.io import savemat
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     savemat(f"{folder}/a.mat", {"annPoints": [[12.5, 30.0]], "number": 1})
        ...     stated_ann_number(f"{folder}/a.mat")
        1
    """
    return stated_number(find_points(read_matlab(path), path, "annPoints").beside)


def as_points(value: Any, where: str) -> npt.NDArray[np.float32]:
    """Convert points to float32 ``[N, 2]``; anything without elements gives ``[0, 2]``.

    Raises:
        InputError: they are no numbers, have another shape, or are not finite. The message begins
            with ``where``.

    Example:
        >>> as_points([], "a.mat: annPoints").shape
        (0, 2)
    """
    try:
        with np.errstate(over="ignore"):  # what float32 cannot hold is found below
            points = np.asarray(value).astype(np.float32)
    except (TypeError, ValueError):
        raise InputError(f"{where}: holds no numbers") from None
    if points.size == 0:
        return np.zeros((0, 2), dtype=np.float32)
    if points.ndim != 2 or points.shape[1] != 2:
        raise InputError(f"{where}: has shape {points.shape}; it must be [N, 2]")
    if not np.isfinite(points).all():
        raise InputError(f"{where}: holds a NaN or an infinity")
    return points


def stated_number(values: Mapping[str, Any]) -> int | None:
    """Return the number of heads that is stated beside points, if it is a whole number.

    Args:
        values: by name: the variables of a MATLAB file, or an object of a JSON document.

    Example:
        >>> stated_number({"number": [[12]]}), stated_number({"count": 11.5}), stated_number({})
        (12, None, None)
    """
    for name in _NUMBERS:
        if name not in values:
            continue
        number = np.asarray(values[name]).ravel()
        if number.size == 1 and number.dtype.kind in "uif" and float(number[0]).is_integer():
            return int(number[0])
    return None


def _walk(
    node: Any, names: Collection[str], place: str = "", key: str = "", depth: int = 0
) -> Iterator[tuple[str, FoundPoints]]:
    """Yield what may be points, with the folded name it has."""
    if depth > _DEPTH:
        return
    if isinstance(node, dict):
        pair = _pair(node)
        if pair is not None:
            yield key, FoundPoints(place or "x, y", pair, node)
        for name, value in node.items():
            inner, folded = f"{place}.{name}" if place else name, name.casefold()
            if isinstance(value, np.ndarray) and folded in names:
                yield folded, FoundPoints(inner, value, node)
            elif isinstance(value, (dict, list)):
                yield from _walk(value, names, inner, folded, depth + 1)
    elif isinstance(node, list):
        rows = [_pair(each) if isinstance(each, dict) else None for each in node]
        if node and all(row is not None and len(row) == 1 for row in rows):
            yield key, FoundPoints(place, np.concatenate([r for r in rows if r is not None]))
            return
        for index, each in enumerate(node, start=1):
            inner = f"{place}{{{index}}}"
            if isinstance(each, np.ndarray) and key in names:
                yield key, FoundPoints(inner, each)
            elif isinstance(each, (dict, list)):
                yield from _walk(each, names, inner, key, depth + 1)


def _pair(struct: Mapping[str, Any]) -> npt.NDArray[Any] | None:
    """The points [N, 2] of a struct with x and y of one length; None where it has none."""
    folded = {name.casefold(): value for name, value in struct.items()}
    x, y = folded.get("x"), folded.get("y")
    if not (isinstance(x, np.ndarray) and isinstance(y, np.ndarray)):
        return None
    if x.dtype.kind not in "uif" or y.dtype.kind not in "uif" or x.size != y.size:
        return None
    return np.column_stack([x.ravel(), y.ravel()])


def _plain(value: Any) -> Any:
    """The tree of what SciPy reads."""
    if isinstance(value, np.void) and value.dtype.names:
        return {name: _plain(value[name]) for name in value.dtype.names}
    if not isinstance(value, np.ndarray):
        return np.asarray(value) if np.isscalar(value) else value
    if value.dtype.names:
        structs = [_plain(each) for each in value.ravel(order="F")]
        return structs[0] if len(structs) == 1 else structs
    if value.dtype == object:
        return [_plain(each) for each in value.ravel(order="F")]
    return value


def _is_hdf5(path: str | Path) -> bool:
    """Whether a file is MATLAB's of version 7.3: HDF5, mostly after a block of 512 bytes."""
    with open(path, "rb") as file:
        begin = file.read(512 + len(_HDF5))
    return begin.startswith(_HDF5) or begin[512:] == _HDF5


def _read_hdf5(path: str | Path) -> dict[str, Any]:
    try:
        h5py = importlib.import_module("h5py")
    except ImportError as error:
        raise ImportError(
            f"{path}: MATLAB files of version 7.3 need h5py: {installs('matlab')}"
        ) from error

    def tree(node: Any, depth: int = 0) -> Any:
        if depth > _DEPTH:
            raise ValueError("structs lie too deep")
        if isinstance(node, h5py.Group):
            return {name: tree(node[name], depth + 1) for name in node if name[:1] != "#"}
        if node.attrs.get("MATLAB_empty", 0):
            return np.zeros((0, 0))
        if node.size is not None and node.size > _MOST_NUMBERS:
            raise ValueError(f"{node.name} has {node.size:,} numbers; {_MOST_NUMBERS:,} are read")
        if h5py.check_ref_dtype(node.dtype) is not None:
            # HDF5 has the axes of MATLAB's arrays the other way round.
            return [tree(file[each], depth + 1) for each in np.ravel(node[()])]
        values = np.asarray(node[()])
        if node.attrs.get("MATLAB_class") == b"char":
            return np.array(["".join(map(chr, values.ravel()))])
        return values.T

    with h5py.File(path, "r") as file:
        content: dict[str, Any] = tree(file)
    return content
