"""Files from URLs, kept for the next time: by URL and content, never by name alone."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import secrets
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import torch

from raz.errors import WeightsError, shown
from raz.files import atomic_file
from raz.models.transfer import blocks, check_address, is_whole, opened, validators

try:
    import fcntl
except ImportError:  # Windows: there is no lock
    fcntl = None  # type: ignore[assignment]

_log = logging.getLogger(__name__)

_DIGEST = re.compile(r"-([0-9a-f]{8,64})\.[^.]*$")
"""End of a name that tells how the SHA-256 of its file begins, as torchvision's names do."""

_DAY = 86_400
"""Seconds after which a part of a download is that of a process that was killed."""


def downloaded_file(url: str) -> Path:
    """Return the file of a URL on this machine, as it is there now.

    A name that ends in ``-`` and at least eight hexadecimal digits, as torchvision's do, says how
    the SHA-256 of the file begins. Such a file is kept in ``$TORCH_HOME/hub/checkpoints``, checked
    each time, and not asked for again. Any other is kept in a folder of its URL in
    ``$TORCH_HOME/hub/checkpoints/raz``, with its SHA-256, which is checked each time; and its
    server is asked each time whether it has changed. Without a connection, and where a new file
    cannot be kept, the copy is used, with a warning of the logger ``raz``; so is a file that has
    changed.

    A file is at most 4 GiB, and comes with 16 KiB a second on average or more. Processes may ask
    for one URL at once, and be killed: a copy is whole or not there.

    Args:
        url: ``https://`` or ``file://``; ``http://`` only from this machine itself, or where the
            name tells 32 digits or more.

    Raises:
        WeightsError: it can be had neither from there nor from a copy, cannot be kept, or is not
            what its name says.
    """
    name = PurePosixPath(unquote(urlsplit(url).path)).name
    told = _DIGEST.search(name)
    name = name[-60:]  # no longer than disks take
    if name in ("", ".."):
        name = "file"
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    try:
        check_address(url, told[1] if told else "")
        if told:
            return _named_by_digest(url, folder / name, told[1])
        return _of_url(url, folder / "raz" / hashlib.sha256(url.encode()).hexdigest()[:32], name)
    except (OSError, HTTPException, ValueError) as error:
        if _is_of_disk(error):
            raise WeightsError(
                f"{url} cannot be kept in {folder} ({_reason(error)}); another folder can be named "
                "by TORCH_HOME"
            ) from error
        raise WeightsError(f"{url} cannot be read as a weights file: {_reason(error)}") from error


def _named_by_digest(url: str, copy: Path, digits: str) -> Path:
    """Return the copy of a file whose name tells how its SHA-256 begins."""
    if copy.is_file():
        local = _local(url)
        if not _is(copy, digits):
            _log.warning("%s: the copy %s is damaged; it is downloaded again", url, copy)
        elif local is None or _is(local, digits):
            return copy
    with opened(url, {}, digits) as source:
        _store(source, copy, digits)
    return copy


def _of_url(url: str, folder: Path, name: str) -> Path:
    """Return the copy of a file of any name, asking whether it has changed."""
    record = _record(folder)
    kept = folder / record["sha256"] / name if record else None
    if kept is not None and not _is(kept, record["sha256"]):
        _log.warning("%s: the copy %s is damaged; it is downloaded again", url, kept)
        kept = None
    local = _local(url)
    if kept is not None and local is not None and _is(local, record["sha256"]):
        return kept
    try:
        with opened(url, validators(record) if kept is not None else {}) as source:
            new = folder / secrets.token_hex(8)
            digest = _store(source, new)
            known = validators(source.headers) if is_whole(source) else {}
        target = _keep(new, folder, digest, name, {"url": url, "sha256": digest, **known})
    except (OSError, HTTPException, ValueError) as error:
        if kept is None or not kept.is_file():
            raise
        if not (
            isinstance(error, urllib.error.HTTPError) and error.code == HTTPStatus.NOT_MODIFIED
        ):
            _log.warning("%s: %s; the copy of before is used: %s", url, _reason(error), kept)
        return kept
    if record and record["sha256"] != digest and kept is not None:
        _log.warning("%s has changed since it was downloaded; the new file is used", url)
    return target


def _keep(new: Path, folder: Path, digest: str, name: str, record: Mapping[str, str]) -> Path:
    """Give a file of the folder of a URL its place; other copies there are removed."""
    target = folder / digest / name
    with _alone_in(folder):
        target.parent.mkdir(exist_ok=True)
        new.replace(target)
        with atomic_file(folder / "record.json") as file:
            json.dump(record, file)
        for other in folder.iterdir():
            if other.is_dir() and other.name != digest:
                shutil.rmtree(other, ignore_errors=True)
    return target


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Hold the folder of a URL in the block, where the file system has locks."""
    handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        with suppress(OSError):  # a file system without locks
            if fcntl is not None:
                fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is(path: Path, digits: str) -> bool:
    """Whether there is such a file, and its SHA-256 begins with the digits."""
    try:
        return path.is_file() and digest_of(path).startswith(digits)
    except OSError:  # another process has just replaced it
        return False


def _record(folder: Path) -> dict[str, str]:
    """What is known of the copy in the folder of a URL: its SHA-256 and the server's validators."""
    with suppress(OSError, ValueError, RecursionError):
        record = json.loads((folder / "record.json").read_text())
        digest = record["sha256"] if isinstance(record, dict) and "sha256" in record else ""
        if re.fullmatch("[0-9a-f]{64}", str(digest)):
            return {str(key): str(value) for key, value in record.items()}
    return {}


def _local(url: str) -> Path | None:
    """The file of a ``file://`` URL, if there is one."""
    parts = urlsplit(url)
    path = Path(urllib.request.url2pathname(parts.path))
    return path if parts.scheme == "file" and path.is_file() else None


def _is_of_disk(error: Exception) -> bool:
    """Whether an error is that of a file here; those of a connection name none."""
    return (
        isinstance(error, OSError)
        and not isinstance(error, urllib.error.URLError)
        and error.filename is not None
    )


def _reason(error: Exception) -> str:
    """What went wrong, in one line."""
    cause = getattr(error, "reason", None)  # of urllib's errors, in angle brackets otherwise
    if isinstance(cause, OSError):
        error = cause
    return shown(getattr(error, "strerror", None) or error)


def _store(source: Any, target: Path, digits: str = "") -> str:
    """Write what a URL gives to a file, in one step; return its SHA-256.

    Raises:
        OSError, HTTPException: it cannot be written, or the connection breaks off.
        ValueError: its SHA-256 does not begin with ``digits``, or it ended early.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    _sweep(target.parent)
    found = hashlib.sha256()
    with atomic_file(target, "wb") as file:
        for block in blocks(source):
            file.write(block)
            found.update(block)
        if not found.hexdigest().startswith(digits):
            raise ValueError(
                f"its SHA-256 hash begins with {found.hexdigest()[: len(digits)]}, "
                f"and its name says {digits}"
            )
    return found.hexdigest()


_PART = re.compile(r"\..*\.[0-9a-f]{8}\.part|[0-9a-f]{16}")
"""Names of what is not yet whole, or not yet in its place."""


def _sweep(folder: Path) -> None:
    """Remove what processes that were killed have left."""
    with suppress(OSError):
        for path in folder.iterdir():
            old = time.time() - path.stat().st_mtime > _DAY
            if old and path.is_file() and _PART.fullmatch(path.name):
                path.unlink(missing_ok=True)
