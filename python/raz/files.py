"""Write files that are whole or not there, and tell whether two names are of one file."""

from __future__ import annotations

import errno
import io
import os
import shutil
import stat
import unicodedata
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

__all__ = ["atomic_file", "file_identity", "is_replaced"]


@contextmanager
def atomic_file(
    path: str | os.PathLike[str],
    mode: str = "w",
    *,
    durable: bool = False,
    rest: Callable[[], Path | None] = lambda: None,
) -> Iterator[IO[Any]]:
    """Open a file that replaces ``path`` only if the block ends without an error.

    Where the name of an existing file cannot be replaced (it is mounted by itself into a container,
    or another user's in a folder with the sticky bit), what was written is copied into that file.

    Args:
        path: the file. What is not a regular file (a pipe) is written directly, and so is what is
            open already, wherever that leads (``/dev/stdout``, ``/dev/fd/3``).
        mode: "w" (UTF-8, line ends as written) or "wb".
        durable: wait for the disk to confirm the file before it replaces ``path``, and the
            replacement after, so that even a power cut leaves the old file or the new one.
        rest: called if the block ends with an error, or ``path`` cannot be replaced. It returns the
            place for what was written; None removes that.

    Raises:
        OSError: the file cannot be written; the error names ``path``.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "count.txt")
        ...     with atomic_file(path) as file:
        ...         characters = file.write("21\\n")
        ...         there = path.exists()
        ...     there, path.read_text()
        (False, '21\\n')
    """
    if not is_replaced(path):
        with _opened_directly(path, mode) as file:
            yield file
        return
    target = Path(path).resolve()  # through a symbolic link, to the file that it names
    # Cut, so that it is no longer than file systems take where the name itself is not.
    part = target.with_name(f".{target.name[:40]}.{os.urandom(4).hex()}.part")
    try:  # before there is a part: a signal may come at any moment
        with _opened(part, mode.replace("w", "x"), path) as file:
            _keep_mode(target, part)
            yield file
            if durable:
                file.flush()
                with _errors_of(path):
                    os.fsync(file.fileno())
        with _errors_of(path):  # they would name the part
            _replace(target, part, durable=durable)
    except BaseException:
        if part.exists() and (place := rest()):
            with suppress(OSError):  # a disk that fails fails here, too
                part.replace(place)
        part.unlink(missing_ok=True)
        raise
    if durable:
        _sync_folder(target.parent)


def is_replaced(path: str | os.PathLike[str]) -> bool:
    """Tell whether `atomic_file` replaces a file, or makes one; other things it writes directly.

    Raises:
        OSError: its symbolic links lead in a circle, or a folder on the way may not be read.

    Example:
        >>> is_replaced("heads.csv"), is_replaced("/dev/null"), is_replaced("/dev/stdout")
        (True, False, False)
    """
    if _open_already(path) is not None:
        return False
    try:
        return stat.S_ISREG(os.stat(os.fspath(path)).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return True


def _open_already(path: str | os.PathLike[str]) -> int | None:
    """The number of the open file that a name stands for, as /dev/stdout for 1.

    It leads on to a file, too, where the shell has redirected it to one. That file has to be
    written as the shell opened it, perhaps at its end.
    """
    name = os.fspath(path)
    folders = {os.path.realpath(folder) for folder in ("/dev/fd", "/proc/self/fd")}
    for _ in range(40):  # as many links as Linux follows
        folder, last = os.path.split(name)
        if last.isdecimal() and os.path.realpath(folder) in folders:
            return int(last)
        if not os.path.islink(name):
            return None
        name = os.path.join(folder, os.readlink(name))
    return None


class _NamedFile(io.FileIO):
    """A file whose errors name another one: the path that the caller knows."""

    def __init__(self, file: Path | int, mode: str, name: str | os.PathLike[str]) -> None:
        self._known = name
        with _errors_of(name):
            super().__init__(file, mode)

    def write(self, content: Any) -> int:
        with _errors_of(self._known):
            return super().write(content)

    def close(self) -> None:
        with _errors_of(self._known):
            super().close()


@contextmanager
def _errors_of(path: str | os.PathLike[str]) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, os.fspath(path)) from None


def _opened_directly(path: str | os.PathLike[str], mode: str) -> IO[Any]:
    number = _open_already(path)
    if number is None:
        return _opened(Path(path), mode, path)
    with _errors_of(path):
        own = os.dup(number)  # the caller's stays open
    return _opened(own, mode, path)


def _opened(file: Path | int, mode: str, name: str | os.PathLike[str]) -> IO[Any]:
    raw = _NamedFile(file, mode.replace("b", ""), name)
    buffered = io.BufferedWriter(raw)
    if "b" in mode:
        return buffered
    return io.TextIOWrapper(buffered, encoding="utf-8", newline="", line_buffering=raw.isatty())


def _keep_mode(target: Path, part: Path) -> None:
    """Give ``part`` the mode of the file that it replaces, if there is one and that is allowed."""
    with suppress(OSError):
        part.chmod(stat.S_IMODE(target.stat().st_mode))


def _replace(target: Path, part: Path, *, durable: bool) -> None:
    try:
        part.replace(target)
    except OSError as error:
        name_stays = isinstance(error, PermissionError) or error.errno in (errno.EBUSY, errno.EXDEV)
        if not (name_stays and target.is_file()):
            raise
        _copy_into(target, part, durable=durable)


def _copy_into(target: Path, part: Path, *, durable: bool) -> None:
    """Write ``part`` over ``target`` and remove it; the only whole copy is there until then."""
    with target.open("r+b") as file:  # an error until here leaves the old content
        # Under a name that `atomic_file` does not remove.
        whole = part.rename(part.with_suffix(".whole"))
        try:
            file.truncate()
            with whole.open("rb") as content:
                shutil.copyfileobj(content, file)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        except OSError as error:
            kept = f"{error.strerror}; what it should hold is in {whole}"
            raise OSError(error.errno, kept) from None
    whole.unlink()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        with _errors_of(folder):
            os.fsync(handle)
    finally:
        os.close(handle)


def file_identity(path: str | os.PathLike[str]) -> Hashable | None:
    """Return what all names of one file have in common, so that two names can be compared.

    Links, hard links, other ways to write the path, and other case where the file system does not
    tell it apart, are names of one file. Of files that are not there yet, names in one folder that
    differ in case alone are taken for one.

    Returns:
        None for what is no regular file and no folder, such as a pipe or a terminal: to write there
        replaces nothing.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "a.txt")
        ...     path.touch()
        ...     Path(folder, "b.txt").hardlink_to(path)
        ...     file_identity(path) == file_identity(f"{folder}/./b.txt")
        True
    """
    # As `atomic_file` does: also a path through a folder that is not there, and back, is a name.
    path = os.path.realpath(os.fspath(path).replace("\0", ""))
    try:
        status = os.stat(path)
    except OSError:
        folder, name = os.path.split(path)
        return (file_identity(folder) if os.path.isdir(folder) else folder), _folded(name)
    if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode):
        return status.st_dev, status.st_ino
    return None


def _folded(name: str) -> str:
    """The same for names that some file system takes for one."""
    return unicodedata.normalize("NFC", name).casefold()
