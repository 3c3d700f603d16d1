"""One training at a time in an output folder."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from raz.training.distributed import World

try:
    import fcntl
except ImportError:  # Windows: there is no lock
    fcntl = None  # type: ignore[assignment]

NAME = ".lock"
"""File in the output folder that is locked, and there, while a training runs."""

_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)
"""What file systems without locks answer; ENOSYS is Lustre's, mounted without them, and FUSE's."""

_HELD: set[Path] = set()
"""Folders of this process: the system's locks are between processes."""


@contextmanager
def alone_in(output: Path, world: World) -> Iterator[None]:
    """Let the first of the processes hold the folder, see `locked`; an error is all processes'."""
    with ExitStack() as stack:
        refusal: ValueError | OSError | None = None
        if world.leads:
            try:
                stack.enter_context(locked(output))
            except (ValueError, OSError) as error:
                refusal = error
        refusal = world.gather(refusal)[0]
        if refusal is not None:
            raise refusal
        yield


@contextmanager
def locked(output: Path) -> Iterator[None]:
    """Keep other trainings out of a folder in the block; the folder is made if need be.

    The system lets go of the lock when the process ends, however it ends; its workers do not hold
    it. Where a file system has no locks, nothing is kept out.

    Raises:
        ValueError: another training holds the folder; the message names its process.
        OSError: the folder cannot be made or written to.
    """
    made = _made(output)
    folder = output.resolve()
    path = folder / NAME
    if folder in _HELD:
        raise ValueError(_taken(output, f"process {os.getpid()}, this one"))
    handle = _lock(path, output)
    _HELD.add(folder)
    try:
        yield
    finally:
        _HELD.remove(folder)
        # Before it is unlocked: whoever waits for the lock looks whether the file is still there.
        path.unlink(missing_ok=True)
        os.close(handle)
        if made:
            with suppress(OSError):  # something is in it
                output.rmdir()


def _made(output: Path) -> bool:
    if output.is_dir():
        return False
    output.mkdir(parents=True, exist_ok=True)
    return True


def _lock(path: Path, output: Path) -> int:
    """Open and lock the file that has the name when the lock is held."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            if not _is_free(handle):
                owner = os.read(handle, 200).decode(errors="replace") or "another process"
                raise ValueError(_taken(output, owner))
            if _is_at(handle, path):
                _sign(handle, path)
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # its owner removed it in between


def _sign(handle: int, path: Path) -> None:
    try:
        os.truncate(handle, 0)
        os.write(handle, f"process {os.getpid()} on {socket.gethostname()}".encode())
    except OSError as error:  # of a handle, which names no file
        path.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from None


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _is_free(handle: int) -> bool:
    """Lock an open file, or tell that another process has."""
    if fcntl is None:
        return True
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN):
            return False
        if error.errno not in _NO_LOCKS:
            raise
    return True


def _taken(output: Path, owner: str) -> str:
    return (
        f"{output} is the output of a training that is at work ({owner}); wait for its end, or "
        "choose another output folder"
    )
