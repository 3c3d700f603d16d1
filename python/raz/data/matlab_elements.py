"""The elements of a MATLAB file of version 5, checked before SciPy reads them.

SciPy's reader looks up the type of an element in a table without asking whether the table has it,
and so a damaged file may end the process. Here every element is walked through first, in the order
in which SciPy reads it: its type is known, it lies within the one around it, and cells and fields
are no more than there is room for ("MAT-File Format", MathWorks; the bounds are ours).
"""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass

__all__ = ["checked_elements"]

_DEEPEST = 32
_MOST_DIMENSIONS = 32
_LONGEST_NAME = 4096

_HEADER = 128
_INT32, _UINT32, _MATRIX, _COMPRESSED = 5, 6, 14, 15
_NAMES = frozenset({1, 16})
_NUMBERS = frozenset({1, 2, 3, 4, 5, 6, 7, 9, 12, 13})
_LETTERS = frozenset({1, 2, 4, 16, 17, 18})

_CELL, _STRUCT, _OBJECT, _CHAR, _SPARSE = 1, 2, 3, 4, 5
_NUMERIC = range(6, 16)  # double to uint64
_COMPLEX = 0x800  # of an array's flags


def checked_elements(content: bytes, most: int) -> bytes:
    """Return the content of a file of version 5 with what is compressed in it unpacked.

    Args:
        content: of a file, whole. One of version 4 is returned as it is.
        most: bytes of all variables, unpacked.

    Raises:
        ValueError: an element is damaged, of no known type, or too large.

    Example:
        >>> import io
        >>> from scipy.io import loadmat, savemat
        >>> file = io.BytesIO()
        >>> savemat(file, {"annPoints": [[12.5, 30.0]]}, do_compression=True)
        >>> checked = checked_elements(file.getvalue(), 1000)
        >>> loadmat(io.BytesIO(checked))["annPoints"].tolist()
        [[12.5, 30.0]]
    """
    if 0 in content[:4]:  # version 4 has no text at its beginning
        return content
    order = {b"IM": "<", b"MI": ">"}.get(content[126:_HEADER])
    if order is None:
        raise ValueError("it has no header of version 5")
    found, size, at = [content[:_HEADER]], 0, _HEADER
    while at < len(content):
        kind, length = struct.unpack(order + "II", _taken(content, at, 8))
        element = content[at : at + 8 + length]
        at += 8 + length
        if kind == _COMPRESSED:
            element = _unpacked(element[8:], order, most - size)
        kind, length = struct.unpack(order + "II", _taken(element, 0, 8))
        if size + length > most:
            raise ValueError(f"a variable has {length:,} bytes; {most:,} are read")
        element = _taken(element, 0, 8 + length)
        if kind != _MATRIX:
            raise ValueError(f"an element of type {kind} is no variable")
        _Array(element, order, 8).check()
        size += length
        found.append(element)
    return b"".join(found)


def _taken(content: bytes, at: int, length: int) -> bytes:
    part = content[at : at + length]
    if len(part) < length:
        raise ValueError("it ends within an element")
    return part


def _unpacked(content: bytes, order: str, most: int) -> bytes:
    """The element in a compressed one; of one that is too large, the tag alone."""
    stream = zlib.decompressobj()
    try:
        tag = stream.decompress(content, 8)
        length = struct.unpack(order + "II", _taken(tag, 0, 8))[1]
        if not 0 < length <= most:
            return tag
        return tag + stream.decompress(stream.unconsumed_tail, length)
    except zlib.error as error:
        raise ValueError(f"what is compressed is damaged ({error})") from None


@dataclass
class _Array:
    """One array: its place in the content moves from element to element."""

    content: bytes
    order: str
    at: int = 0
    end: int = -1
    depth: int = 0

    def __post_init__(self) -> None:
        if self.end < 0:
            self.end = len(self.content)
        if self.depth > _DEEPEST:
            raise ValueError("structs lie too deep")

    def check(self) -> int:
        """Walk through the array; return where it ends."""
        flags = self._element({_UINT32})
        if len(flags) != 8:
            raise ValueError("an array has no flags")
        (word,) = struct.unpack(self.order + "I", flags[:4])
        dimensions = self._whole_numbers()
        if not 1 < len(dimensions) <= _MOST_DIMENSIONS or min(dimensions) < 0:
            raise ValueError(f"an array has dimensions {dimensions[:4]}")
        self._element(_NAMES)  # its name
        self._check_values(word & 0xFF, math.prod(dimensions), bool(word & _COMPLEX))
        return self.at

    def _check_values(self, kind: int, number: int, complex_numbers: bool) -> None:
        if kind == _CELL:
            self._arrays(number)
        elif kind in (_STRUCT, _OBJECT):
            if kind == _OBJECT:
                self._element(_NAMES)  # the name of its class
            length = self._whole_numbers()
            if len(length) != 1 or not 0 < length[0] <= _LONGEST_NAME:
                raise ValueError("a struct has no names")
            names = len(self._element(_NAMES)) // length[0]
            if names == 0 and number > _LONGEST_NAME:
                raise ValueError("structs without fields are too many")
            self._arrays(number * names)
        elif kind == _CHAR:
            self._element(_LETTERS)
        elif kind in _NUMERIC or kind == _SPARSE:
            for _ in range((2 if kind == _SPARSE else 0) + 1 + complex_numbers):
                self._element(_NUMBERS)
        else:
            raise ValueError(f"an array of class {kind}, no numbers, text, cells or structs")

    def _arrays(self, number: int) -> None:
        if number > (self.end - self.at) // 8:  # each has a tag at least
            raise ValueError(f"{number} arrays do not fit into their element")
        for _ in range(number):
            kind, length = struct.unpack_from(self.order + "II", self._room(8))
            end = self.at + 8 + length
            if kind != _MATRIX or end > self.end:
                raise ValueError("a cell or field holds no array")
            if length:
                inner = _Array(self.content, self.order, self.at + 8, end, self.depth + 1)
                if inner.check() != end:
                    raise ValueError("an array is shorter than its element")
            self.at = end

    def _whole_numbers(self) -> tuple[int, ...]:
        content = self._element({_INT32, _UINT32})
        if len(content) % 4 or len(content) > 4 * _MOST_DIMENSIONS:
            raise ValueError("whole numbers are expected")
        return struct.unpack(f"{self.order}{len(content) // 4}i", content)

    def _element(self, kinds: frozenset[int] | set[int]) -> bytes:
        """Step over an element of one of these types, and over what fills it up."""
        (word,) = struct.unpack(self.order + "I", self._room(4))
        kind, length = word & 0xFFFF, word >> 16
        if length:  # a small one, in the tag itself
            if length > 4:
                raise ValueError("a small element of more than 4 bytes")
            content = self._room(8)[4 : 4 + length]
            self.at += 8
        else:
            (length,) = struct.unpack(self.order + "I", self._room(8)[4:])
            content = self._room(8 + length)[8:]
            self.at = min(self.end, self.at + 8 + length + -length % 8)
        if kind not in kinds:
            raise ValueError(f"an element of type {kind}, where {sorted(kinds)} may be")
        return content

    def _room(self, length: int) -> bytes:
        if self.at + length > self.end:
            raise ValueError("an element does not lie within its array")
        return self.content[self.at : self.at + length]
