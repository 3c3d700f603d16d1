"""Files of ``torch.save``, read without trust: nothing in them runs, and none grows in memory.

``torch.load(weights_only=True)`` runs nothing of a file, but builds what the file says: a
``bytearray`` of a billion bytes takes twelve bytes to ask for. So the file is looked over first.
"""

from __future__ import annotations

import errno
import os
import pickletools
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import IO

import torch

MOST_BYTES = 4 << 30
"""Size of the greatest file that is read: it is taken into memory whole."""

_MOST_OPERATIONS = 1_000_000
"""Operations of the pickle of one file; those of a network and its optimizer are about 10,000."""

_ARCHIVE = b"PK\x03\x04"
"""First bytes of an archive."""

_FOLDER = 0x10
"""Bit of an entry's attributes. Of a folder torch reads nothing, and leaves memory as it was."""

_PICKLES = 5
"""What a file of torch before 1.6 holds before its numbers: one after the other."""

_GLOBALS = {
    "collections OrderedDict",
    "torch Size",
    "torch device",
    "torch._utils _rebuild_meta_tensor_no_storage",
    "torch._utils _rebuild_parameter",
    "torch._utils _rebuild_sparse_tensor",
    "torch._utils _rebuild_tensor",
    "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_tensor_v3",
    "torch.nn.parameter Parameter",
    "torch.serialization _get_layout",
    "torch.storage UntypedStorage",
}
"""What tensors are made of, beside storages and types; none makes memory out of a number."""


class DamagedFileError(ValueError):
    """The file is not as ``torch.save`` wrote it."""


class ForeignFileError(ValueError):
    """The file holds more than tensors and plain values, or ``torch.save`` did not write it."""


def is_torch_file(file: IO[bytes]) -> bool:
    """Tell whether a file is a ZIP archive or a pickle, as ``torch.save`` writes and wrote them.

    Args:
        file: its first bytes are read, and it is left at its beginning.
    """
    file.seek(0)
    start = file.read(2)
    file.seek(0)
    return start in (b"PK", *(bytes((0x80, protocol)) for protocol in range(2, 6)))


def read_torch_file(file: IO[bytes], *, legacy: bool = False) -> object:
    """Return what ``torch.save`` wrote: tensors on the CPU, plain values, and lists of them.

    Checksums are checked, which torch does not read; a file without any agrees with all. The
    archive must be as torch writes one: nothing compressed, no name twice, no entry over another.

    Args:
        file: of at most `MOST_BYTES`.
        legacy: take what is no archive too, as torch wrote files before 1.6, without checksums.

    Raises:
        DamagedFileError: it is cut, or was changed, or is no archive.
        ForeignFileError: it is over a limit, or holds anything else.

    Example:
        >>> file = BytesIO()
        >>> torch.save({"a": torch.ones(2)}, file)
        >>> read_torch_file(file)
        {'a': tensor([1., 1.])}
        >>> torch.save({"a": bytearray(9)}, file := BytesIO())
        >>> read_torch_file(file)
        Traceback (most recent call last):
        raz.models.torch_files.ForeignFileError: it holds more than tensors: __builtin__ bytearray
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if size > MOST_BYTES:
        raise ForeignFileError(f"it has {size} bytes; at most {MOST_BYTES} are read")
    if file.read(4) == _ARCHIVE:  # as torch tells them apart
        _check_pickles(BytesIO(_pickle_of_archive(file, size)), 1)
    elif legacy:
        file.seek(0)
        if file.read(2) == _ARCHIVE[:2]:
            raise DamagedFileError("it is no archive")
        file.seek(0)
        _check_pickles(file, _PICKLES)
    else:
        raise DamagedFileError("it is no archive")
    file.seek(0)
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # whatever its bytes spell; torch's texts advise to execute the file
        raise ForeignFileError("torch.save did not write it") from error


def _pickle_of_archive(file: IO[bytes], size: int) -> bytes:
    """The pickle of a sound archive."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            _check_entries(entries, size)
            has_checksums = any(entry.CRC for entry in entries if entry.file_size)
            if has_checksums and archive.testzip() is not None:
                raise DamagedFileError("its checksums are of other content")
            if any(entry.filename.endswith("/constants.pkl") for entry in entries):
                raise ForeignFileError("it is a program of TorchScript")
            pickles = [entry for entry in entries if entry.filename.endswith("/data.pkl")]
            if len(pickles) != 1:
                raise ForeignFileError("torch.save did not write it")
            del pickles[0].CRC  # it was looked at, or there is none
            return archive.read(pickles[0])
    except (DamagedFileError, ForeignFileError):
        raise
    except (
        *(zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OverflowError),
        *(RuntimeError, ValueError),
    ) as error:
        raise DamagedFileError("its archive cannot be read") from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # a member that is said to lie before the beginning
            raise
        raise DamagedFileError("its archive cannot be read") from error


def _check_entries(entries: list[zipfile.ZipInfo], size: int) -> None:
    """Refuse what torch does not write: it could be other content to torch, or far more of it."""
    names = {entry.filename.casefold() for entry in entries}  # torch does not tell cases apart
    if len(names) != len(entries):
        raise ForeignFileError("its archive holds a name twice")
    if any(".." in name.split("/") or name.startswith("/") or "\\" in name for name in names):
        raise ForeignFileError("its archive holds names that lead out of it")
    if any(entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1 for entry in entries):
        raise ForeignFileError("its archive is compressed or encrypted, as torch.save writes none")
    if "" in names:
        raise ForeignFileError("its archive holds an entry without a name")
    if any(e.external_attr & _FOLDER or e.filename.endswith("/") for e in entries):
        raise ForeignFileError("its archive holds a folder, as torch.save writes none")
    if any(entry.compress_size != entry.file_size for entry in entries):
        raise ForeignFileError("its archive says two sizes of one entry")
    if sum(max(entry.file_size, entry.compress_size) for entry in entries) > size:
        raise ForeignFileError("its archive says that it holds more than there is")


def _check_pickles(file: IO[bytes], count: int) -> None:
    """Refuse pickles that name anything but what tensors are made of."""
    left = _MOST_OPERATIONS
    for _ in range(count):
        for name in _names(file):
            left -= 1
            if left < 0:
                raise ForeignFileError(f"its pickle has more than {_MOST_OPERATIONS} operations")
            if name is not None and not _is_known(name):
                raise ForeignFileError(f"it holds more than tensors: {name}")


class _Bounded:
    """A file that makes no room for more bytes than it has, whatever length a pickle asks for."""

    def __init__(self, file: IO[bytes]) -> None:
        self.readline, self.tell, self._read = file.readline, file.tell, file.read
        place = file.tell()
        self._size = file.seek(0, os.SEEK_END)
        file.seek(place)

    def read(self, length: int) -> bytes:
        return self._read(max(0, min(length, self._size - self.tell())))


def _names(file: IO[bytes]) -> Iterator[str | None]:
    """For each operation of a pickle what it names, or None."""
    try:
        for operation, argument, _ in pickletools.genops(_Bounded(file)):  # type: ignore[arg-type]
            yield str(argument) if operation.name in ("GLOBAL", "INST") else None
    except (ValueError, OverflowError, EOFError, UnicodeError) as error:
        if isinstance(error, (DamagedFileError, ForeignFileError)):
            raise
        raise ForeignFileError("torch.save did not write it") from error


def _is_known(name: str) -> bool:
    module, _, attribute = name.partition(" ")
    return name in _GLOBALS or (
        module == "torch"
        and attribute.isidentifier()
        and (
            attribute.endswith("Storage")
            or isinstance(getattr(torch, attribute, None), torch.dtype)
        )
    )
