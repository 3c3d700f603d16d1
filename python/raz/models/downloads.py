"""Files from URLs, kept for the next time: by URL and content, never by name alone."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import secrets
import shutil
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import torch

from raz.errors import WeightsError
from raz.files import atomic_file

_log = logging.getLogger(__name__)

_DIGEST = re.compile(r"-([0-9a-f]{8,64})\.[^.]*$")
"""End of a name that tells how the SHA-256 of its file begins, as torchvision's names do."""

_SECONDS = 30
"""How long a server may be silent."""

_BLOCK = 1 << 20
_VALIDATORS = {"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}


def downloaded_file(url: str) -> Path:
    """Return the file of a URL on this machine, as it is there now.

    A name that ends in ``-`` and at least eight hexadecimal digits, as torchvision's do, says how
    the SHA-256 of the file begins. Such a file is kept in ``$TORCH_HOME/hub/checkpoints``, checked
    each time, and not asked for again. Any other is kept in a folder of its URL in
    ``$TORCH_HOME/hub/checkpoints/raz``, with its SHA-256, which is checked each time; and its
    server is asked each time whether it has changed. Without a connection the copy is used, with a
    warning of the logger ``raz``; so is a file that has changed.

    Args:
        url: ``https://``, ``http://`` or ``file://``.

    Raises:
        WeightsError: it can be had neither from there nor from a copy, or it is not what its name
            says.
    """
    name = PurePosixPath(unquote(urlsplit(url).path)).name
    told = _DIGEST.search(name)
    name = name[-60:]  # no longer than disks take
    if name in ("", ".."):
        name = "file"
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    try:
        if told:
            return _named_by_digest(url, folder / name, told[1])
        return _of_url(url, folder / "raz" / hashlib.sha256(url.encode()).hexdigest()[:32], name)
    except (OSError, HTTPException, ValueError) as error:
        raise WeightsError(f"{url} cannot be read as a weights file: {_reason(error)}") from error


def _named_by_digest(url: str, copy: Path, digits: str) -> Path:
    """Return the copy of a file whose name tells how its SHA-256 begins."""
    if copy.is_file():
        local = _local(url)
        if not digest_of(copy).startswith(digits):
            _log.warning("%s: the copy %s is damaged; it is downloaded again", url, copy)
        elif local is None or digest_of(local).startswith(digits):
            return copy
    with _opened(url, {}) as source:
        _store(source, copy, digits)
    return copy


def _of_url(url: str, folder: Path, name: str) -> Path:
    """Return the copy of a file of any name, asking whether it has changed."""
    record = _record(folder)
    kept = folder / record["sha256"] / name if record else None
    if kept is not None and (not kept.is_file() or digest_of(kept) != record["sha256"]):
        _log.warning("%s: the copy %s is damaged; it is downloaded again", url, kept)
        kept = None
    local = _local(url)
    if kept is not None and local is not None and digest_of(local) == record["sha256"]:
        return kept
    asked = {
        question: record[answer]
        for answer, question in _VALIDATORS.items()
        if kept is not None and answer in record
    }
    try:
        source = _opened(url, asked)
    except (OSError, HTTPException) as error:
        if kept is None:
            raise
        if not (
            isinstance(error, urllib.error.HTTPError) and error.code == HTTPStatus.NOT_MODIFIED
        ):
            _log.warning("%s: %s; the copy of before is used: %s", url, _reason(error), kept)
        return kept
    with source:
        validators = {key: source.headers[key] for key in _VALIDATORS if source.headers[key]}
        new = folder / secrets.token_hex(8)
        digest = _store(source, new)
    target = folder / digest / name
    target.parent.mkdir(exist_ok=True)
    new.replace(target)
    with atomic_file(folder / "record.json") as file:
        json.dump({"url": url, "sha256": digest, **validators}, file)
    if record and record["sha256"] != digest:
        if kept is not None:
            _log.warning("%s has changed since it was downloaded; the new file is used", url)
        shutil.rmtree(folder / record["sha256"], ignore_errors=True)
    return target


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _record(folder: Path) -> dict[str, str]:
    """What is known of the copy in the folder of a URL: its SHA-256 and the server's validators."""
    with suppress(OSError, ValueError):
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


def _opened(url: str, headers: Mapping[str, str]) -> Any:
    """The answer to a request: a binary file with the attribute ``headers``."""
    request = urllib.request.Request(url, headers={"User-Agent": "raz", **headers})
    return urllib.request.urlopen(request, timeout=_SECONDS)


def _reason(error: Exception) -> str:
    """What went wrong, in one line."""
    cause = getattr(error, "reason", None)  # of urllib's errors, in angle brackets otherwise
    if isinstance(cause, OSError):
        error = cause
    text = getattr(error, "strerror", None) or str(error)
    return text.splitlines()[0] if text else type(error).__name__


def _store(source: Any, target: Path, digits: str = "") -> str:
    """Write what a URL gives to a file, in one step; return its SHA-256.

    Raises:
        ValueError: its SHA-256 does not begin with ``digits``, or it ended early.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    found, size = hashlib.sha256(), 0
    with atomic_file(target, "wb") as file:
        while block := source.read(_BLOCK):
            file.write(block)
            found.update(block)
            size += len(block)
        expected = source.headers["Content-Length"]
        if expected and size != int(expected):
            raise ValueError(f"the connection ended after {size} of {expected} bytes")
        if not found.hexdigest().startswith(digits):
            raise ValueError(
                f"its SHA-256 hash begins with {found.hexdigest()[: len(digits)]}, "
                f"and its name says {digits}"
            )
    return found.hexdigest()
