"""Servers that are slow, cut, lie, lead elsewhere or never end: an error, or the whole file."""

from __future__ import annotations

import gzip
import hashlib
import json
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from drill import Effort
from hostile_server import Answer, Server, certificate, endless, moved, sent, serving, whole

from raz.errors import WeightsError
from raz.models import transfer
from raz.models.downloads import downloaded_file

CONTENT = bytes(range(256)) * 64
OTHER = CONTENT[::-1]
SIZE = len(CONTENT)
MOST = 1 << 20
"""Bytes of the greatest file, in this drill; seconds of silence are parts of one."""

PATIENCE = 8.0
"""Seconds after which any answer is too slow."""


def head(*headers: str, code: str = "200 OK", end: str = "\r\n\r\n") -> str:
    return "\r\n".join([f"HTTP/1.1 {code}", "Connection: close", *headers]) + end


def chunks(content: bytes, last: bytes = b"0\r\n\r\n") -> bytes:
    return b"%x\r\n" % len(content) + content + b"\r\n" + last


def answers(url: str, plain: str, folder: Path) -> dict[str, tuple[Answer, bool]]:
    """By name what a server sends, and whether it is the whole file."""
    length = f"Content-Length: {SIZE}"
    chunked = "Transfer-Encoding: chunked"
    secret = folder / "secret"
    secret.write_bytes(CONTENT)
    bad: dict[str, Answer] = {
        **{f"cut after {n}": sent(head(length), CONTENT[:n]) for n in (0, 1, 100, SIZE - 1)},
        **{f"length {n}": sent(head(f"Content-Length: {n}"), CONTENT)
           for n in ("-1", "x", "", "1e3", SIZE + 1, 2**63, 2**70, "0x10", f"{SIZE}, {SIZE}")},
        "chunks that are cut": sent(head(chunked), chunks(CONTENT, b"")),
        "a chunk that is cut": sent(head(chunked), chunks(CONTENT)[:500]),
        "a chunk of no size": sent(head(chunked), b"zz\r\n" + CONTENT),
        "a chunk below 0": sent(head(chunked), b"-5\r\n" + CONTENT),
        "a chunk without end": sent(head(chunked), b"f" * 20 + b"\r\n" + CONTENT),
        "no end": endless(head(), bytes(65536)),
        "no end of chunks": endless(head(chunked), chunks(bytes(65536), b"")),
        "no end of a chunk's size": endless(head(chunked), b"1" * 65536),
        "no end of headers": endless(head(end="\r\n"), b"X-A: b\r\n" * 1000),
        "no end of a header": endless(head(end="\r\nX: "), b"x" * 65536),
        "no end of continuing": endless("", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
        "drops": endless(head(length), b"x", pause=0.05),
        "drops of headers": endless(head(end="\r\n"), b"X: y\r\n", pause=0.05),
        "drops of a header": endless(head(end="\r\nX: "), b"x", pause=0.05),
        "drops of continuing": endless("", b"HTTP/1.1 100 Continue\r\n\r\n", pause=0.05),
        "silence": endless("", b"", pause=1, seconds=4),
        "silence after the headers": endless(head(length), b"", pause=1, seconds=4),
        "nothing": sent(""),
        "no HTTP": sent(CONTENT),
        "no HTTP but text": sent("hello\r\n\r\n"),
        "a status of text": sent("HTTP/1.1 abc OK\r\n\r\n"),
        "a packed file": whole(gzip.compress(CONTENT), "Content-Encoding: gzip"),
        "an unknown encoding": whole(CONTENT, "Content-Encoding: \x1b[2J"),
        **{f"status {code}": whole(CONTENT, code=f"{code} X")
           for code in (201, 203, 204, 206, 226, 304, 400, 401, 403, 404, 407, 410, 416, 429, 500,
                        503, 599, 999)},
        **{f"redirect to {place}": moved(place) for place in (
            f"{plain}/good", secret.as_uri(), "file:///etc/passwd", "ftp://localhost/x",
            "data:,x", "gopher://localhost", "javascript:1", "//", "http://", "https://",
            "http://[::1", "jar:file:///x", f"{url}/circle", f"{url}/missing", "\x00", "x" * 70000,
            "unix:///run/x", "http://169.254.169.254/latest", "FILE:///etc/passwd",
        )},
        **{f"redirect {code} to less safe": moved(f"{plain}/good", code)
           for code in (301, 303, 307, 308)},
        "a redirect to nowhere": whole(b"", code="302 Found"),
    }  # fmt: skip
    good: dict[str, Answer] = {
        "whole": whole(CONTENT),
        "chunks": sent(head(chunked), chunks(CONTENT)),
        "byte by byte": sent(head(length), *(CONTENT[n : n + 997] for n in range(0, SIZE, 997))),
        "no length": sent(head(), CONTENT),
        "a redirect": moved(f"{url}/good", 307),
        "a redirect by path": moved("/good"),
        **{f"ETag {tag[:20]!r}": whole(CONTENT, f"ETag: {tag}")
           for tag in ('"a"', "", "\x1b[2J", "a\r\n b", "é", "x" * 60000, '"\x7f"', "W/\"1\"")},
        **{f"Last-Modified {text!r}": whole(CONTENT, f"Last-Modified: {text}")
           for text in ("yesterday", "Thu, 01 Jan 1970 00:00:00 GMT", "\x01")},
        "two lengths": sent(head(length, "Content-Length: 5"), CONTENT),
        "continuing": sent("HTTP/1.1 100 Continue\r\n\r\n", head(length), CONTENT),
    }  # fmt: skip
    return {**{name: (a, False) for name, a in bad.items()},
            **{name: (a, True) for name, a in good.items()}}  # fmt: skip


def check_cache(home: Path, *, killed: bool = False) -> None:
    """Everything there is whole: named by its content, and what the record says.

    A process that was `killed` may have left another copy, whole too, beside the record's.
    """
    for path in (home / "hub").rglob("*"):
        if path.is_dir() or path.name == ".lock":
            continue
        if path.name == "record.json":
            known = json.loads(path.read_text())["sha256"]
            copies = [each.name for each in path.parent.iterdir() if each.is_dir()]
            assert copies == [known] or (killed and known in copies), f"{copies}, not {known}"
            continue
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert path.parent.name == digest or digest[:8] in path.name, f"{path} is not whole"


def server(effort: Effort) -> None:
    logging.getLogger("raz").setLevel(logging.ERROR)  # a warning for each copy that is used
    home = effort.folder / "home"
    pem = certificate(effort.folder)
    os.environ.update(TORCH_HOME=str(home), SSL_CERT_FILE=str(pem), no_proxy="localhost")
    limits = mock.patch.multiple(
        transfer, MOST_BYTES=MOST, _SILENCE=1.0, _GRACE=0.5, _SLOWEST=4096, _HEADERS=1 << 17
    )
    with limits, serving(pem) as safe, serving() as plain:
        for each in (safe, plain):
            each.answers |= {"/good": whole(CONTENT), "/circle": moved("/circle")}
        refuses_strangers(effort, safe)
        known = answers(safe.url, plain.url, effort.folder)
        number = 0
        for _ in effort.goes_on():
            for name, (answer, good) in effort.sampled(list(known.items())):
                number += 1
                attempt(effort, safe, home, (name, answer, good, number))


def attempt(effort: Effort, site: Server, home: Path, asked: tuple[str, Answer, bool, str]) -> None:
    """One answer where nothing is kept yet, then where a copy is, then a good one."""
    name, answer, good, number = asked
    tells = effort.random.random() < 0.3  # the name tells the digest
    digest = hashlib.sha256(CONTENT).hexdigest()[:8]
    path = f"/{number}/net-{digest}.pth" if tells else f"/{number}/net.pth"
    url = site.url + path
    with effort.case(f"{name}, {'known by its digest' if tells else 'of any name'}"):
        if tells:
            for copy in (home / "hub/checkpoints").glob("net-*"):
                copy.unlink()
        site.answers[path] = answer
        assert timed(url) == (CONTENT if good else None), "the wrong file"
        check_cache(home)
        site.answers[path] = whole(CONTENT, 'ETag: "1"')
        assert timed(url) == CONTENT, "no file though the server is well again"
        site.answers[path] = answer
        assert timed(url) == CONTENT, "the copy of before was lost"
        site.answers[path] = whole(OTHER)
        assert timed(url) == (CONTENT if tells else OTHER), "a changed file was not seen"
        check_cache(home)
        effort.answered("whole" if good else "refused")


def timed(url: str) -> bytes | None:
    """What the URL gives; None for an error, of one line, in time."""
    begin = time.monotonic()
    try:
        found = downloaded_file(url).read_bytes()
    except WeightsError as error:
        found, text = None, str(error)
    else:
        text = url
    assert text.startswith(url), text
    assert len(text) < 1000, len(text)
    assert text.isprintable() or not url.isprintable(), ascii(text)
    seconds = time.monotonic() - begin
    assert seconds < PATIENCE, f"{seconds:.1f} s"
    return found


def refuses_strangers(effort: Effort, site: Server) -> None:
    """No certificate, another host's, http:// elsewhere, other schemes."""
    other = site.url.replace("localhost", "127.0.0.1")  # the certificate is not for that
    wrong: dict[str, Callable[[], str]] = {
        "another host's certificate": lambda: f"{other}/good",
        "no TLS where it was asked": lambda: site.url.replace("https", "http") + "/good",
        "http:// of another machine": lambda: "http://192.0.2.1/net.pth",
        "http:// with a short digest": lambda: "http://192.0.2.1/net-01234567.pth",
        "ftp://": lambda: "ftp://localhost/net.pth",
        "data:": lambda: "data:,x",
        "a device": lambda: "file:///dev/zero",
        "a folder": lambda: effort.folder.as_uri(),
        "no host": lambda: "https:///net.pth",
        "a bad port": lambda: "https://localhost:x/net.pth",
        "a line end": lambda: f"{site.url}/good\r\nX: y",
    }
    for name, url in effort.sampled(list(wrong.items())):
        with effort.case(name):
            assert timed(url()) is None
            effort.answered("refused")
    with (
        effort.case("a certificate of nobody"),
        mock.patch.dict(os.environ, SSL_CERT_FILE=os.devnull),
    ):
        assert timed(f"{site.url}/good") is None
