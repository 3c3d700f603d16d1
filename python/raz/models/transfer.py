"""A file as a server sends it: bounded in size and time, and never by a way that is less safe."""

from __future__ import annotations

import io
import ipaddress
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from raz.models.torch_files import MOST_BYTES

_SILENCE = 30
"""Seconds that a server may be silent."""

_SLOWEST, _GRACE = 16 * 1024, 60
"""Bytes per second that it must send on average, and seconds from which on they are demanded."""

_HEADERS = 1 << 20
"""Bytes that may come before a file."""

_LONG_DIGEST = 32
"""Hexadecimal digits that nobody finds another file for; for eight of them it takes minutes."""

_BLOCK = 1 << 20
_VALIDATORS = {"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}


def check_address(url: str, digits: str = "") -> None:
    """Refuse an address of which anybody on the way could change the file.

    Args:
        url: ``https://``, ``file://``; ``http://`` from this machine itself, or where ``digits``
            are enough to tell the file by.
        digits: how the SHA-256 of the file begins, hexadecimal.

    Raises:
        ValueError: it is none of these.
    """
    parts = urlsplit(url)
    if parts.scheme in ("https", "file"):
        return
    if parts.scheme != "http":
        raise ValueError(f"{parts.scheme or 'no scheme'}: is not https:// or file://")
    if len(digits) < _LONG_DIGEST and not _is_here(parts.hostname or ""):
        raise ValueError(
            "anybody on the way could change what http:// brings; it must be https://, or the name "
            f"of the file end in {_LONG_DIGEST} digits or more of its SHA-256"
        )


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def opened(url: str, known: Mapping[str, str], digits: str = "") -> Any:
    """Return the answer to a request: a binary file with the attribute ``headers``.

    Args:
        url: as `check_address` takes it; so is every address that it leads to.
        known: `validators` of an earlier answer: is it still the same?
        digits: as in `check_address`.

    Raises:
        OSError: there is no answer, or it is an error: HTTPError, with the code 304 where the file
            has not changed since.
        HTTPException: the answer is none.
        ValueError: it is something else than the whole file.
    """
    check_address(url, digits)
    headers = {_VALIDATORS[name]: value for name, value in known.items() if name in _VALIDATORS}
    request = urllib.request.Request(url, headers={"User-Agent": "raz", **headers})
    if request.type == "file":
        path = Path(urllib.request.url2pathname(urlsplit(url).path))
        if path.exists() and not path.is_file():
            raise ValueError("it is no regular file")
    opener = urllib.request.build_opener(_Plain, _Encrypted, _Redirects(digits))
    source = opener.open(request, timeout=_SILENCE)
    try:
        _check_answer(source)
    except BaseException:
        source.close()
        raise
    return source


def _check_answer(source: Any) -> None:
    status = getattr(source, "status", None)  # None of file://
    if status not in (None, HTTPStatus.OK):
        raise ValueError(f"the server answered {status}, not 200")
    encoding = source.headers["Content-Encoding"] or "identity"
    if encoding != "identity":
        raise ValueError(f"the server sent it in an encoding that was not asked for: {encoding!r}")
    size = _size(source)
    if size is not None and size > MOST_BYTES:
        raise ValueError(f"it has {size} bytes; at most {MOST_BYTES} are taken")


def _size(source: Any) -> int | None:
    """Bytes that the answer is said to have; None where it is not said."""
    text = source.headers["Content-Length"]
    if text is None:
        return None
    if not re.fullmatch("[0-9]{1,18}", text):
        raise ValueError(f"the server says that it has {text[:40]!r} bytes")
    return int(text)


def blocks(source: Any) -> Iterator[bytes]:
    """Yield what an answer of `opened` holds.

    Raises:
        OSError, HTTPException: it breaks off, or comes too slowly.
        ValueError: it ends early, or does not end.
    """
    expected, size = _size(source), 0
    while block := source.read(_BLOCK):
        size += len(block)
        if size > MOST_BYTES:
            raise ValueError(f"it does not end; at most {MOST_BYTES} bytes are taken")
        yield block
    if expected is not None and size != expected:
        raise ValueError(f"the connection ended after {size} of {expected} bytes")


def is_whole(source: Any) -> bool:
    """Tell whether an answer says where it ends, so that one that was cut is known."""
    return source.headers["Content-Length"] is not None or bool(getattr(source, "chunked", False))


def validators(headers: Mapping[str, str]) -> dict[str, str]:
    """Return what tells later whether a file has changed, as far as it can be sent back."""
    found = {name: headers[name] for name in _VALIDATORS if headers.get(name)}
    return {name: text for name, text in found.items() if re.fullmatch("[ -~]{1,1000}", text)}


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follow an address to another that is no less safe."""

    def __init__(self, digits: str) -> None:
        self._digits = digits

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str):  # type: ignore[no-untyped-def]
        try:
            check_address(newurl, self._digits)
            if urlsplit(newurl).scheme != "https" and (req.type == "https" or newurl[:4] != "http"):
                raise ValueError("it is less safe")
        except ValueError as error:
            fp.close()
            raise ValueError(f"it is redirected to {newurl[:200]!r}: {error}") from None
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _TimedSocket(io.RawIOBase):
    """What a socket receives; an error where that is too slow."""

    def __init__(self, sock: Any) -> None:
        self._file = sock.makefile("rb", 0)
        self._begin, self._received = time.monotonic(), 0
        self.most = _HEADERS

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._received > self.most:
            raise ValueError("the server sends no end of headers")
        late = time.monotonic() - self._begin - _GRACE
        if late > 0 and self._received < late * _SLOWEST:
            raise TimeoutError(f"it sends less than {_SLOWEST} bytes a second")
        count: int | None = self._file.readinto(buffer)
        self._received += count or 0
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


class _TimedResponse(HTTPResponse):
    def __init__(self, sock: Any, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self.fp.close()
        self._timed = _TimedSocket(sock)
        self.fp = io.BufferedReader(self._timed)

    def begin(self) -> None:
        super().begin()
        self._timed.most = MOST_BYTES * 2


class _PlainConnection(HTTPConnection):
    response_class = _TimedResponse


class _EncryptedConnection(HTTPSConnection):
    response_class = _TimedResponse


class _Plain(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(_PlainConnection, req)


class _Encrypted(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(_EncryptedConnection, req)
