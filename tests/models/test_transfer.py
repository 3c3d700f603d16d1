"""Servers that are slow, wrong or hostile; drills of tests/torture try many more."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from raz.errors import WeightsError
from raz.models import transfer
from raz.models.downloads import downloaded_file
from raz.models.transfer import check_address, validators


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Answering]:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(transfer, "_SILENCE", 0.5)
    monkeypatch.setattr(transfer, "_GRACE", 0.3)
    monkeypatch.setattr(transfer, "MOST_BYTES", 1 << 20)
    server = Answering()
    yield server
    server.close()


class Answering:
    """A server that sends the same bytes to everybody, again and again if they never end."""

    def __init__(self) -> None:
        self.start, self.repeated, self.pause = b"", b"", 0.0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection: socket.socket) -> None:
        with connection:
            try:
                connection.settimeout(5)
                connection.recv(4096)
                connection.sendall(self.start)
                while self.repeated:
                    connection.sendall(self.repeated)
                    time.sleep(self.pause)
            except OSError:
                pass

    def close(self) -> None:
        self.repeated = b""
        self.socket.close()


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("start", "repeated", "pause", "reason"),
    [
        (HEAD + b"Content-Length: 99999\r\n\r\n", b"x", 0.02, "less than 16384 bytes a second"),
        (HEAD, b"A: b\r\n", 0.02, "less than 16384 bytes a second"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500, 0.0, "no end of headers"),
        (HEAD + b"\r\n", b"x" * 65536, 0.0, "does not end; at most 1048576 bytes"),
        (HEAD + b"Content-Length: 9999999\r\n\r\n", b"", 0.0, "has 9999999 bytes; at most 1048576"),
        (HEAD + b"Content-Length: -5\r\n\r\nx", b"", 0.0, "says that it has '-5' bytes"),
        (HEAD + b"Content-Encoding: gzip\r\n\r\nx", b"", 0.0, "encoding that was not asked for"),
        (b"HTTP/1.1 206 Part\r\nContent-Length: 1\r\n\r\nx", b"", 0.0, "answered 206, not 200"),
        (b"HTTP/1.1 302 F\r\nLocation: http://192.0.2.1/x\r\n\r\n", b"", 0.0, "redirected to"),
        (b"HTTP/1.1 302 F\r\nLocation: ftp://127.0.0.1/x\r\n\r\n", b"", 0.0, "redirected to"),
        (b"HTTP/1.1 302 F\r\nLocation: file:///etc/passwd\r\n\r\n", b"", 0.0, "not allowed"),
    ],
)
def test_what_is_no_file_is_refused(
    start: bytes, repeated: bytes, pause: float, reason: str, answering: Answering, tmp_path: Path
) -> None:
    answering.start, answering.repeated, answering.pause = start, repeated, pause
    with pytest.raises(WeightsError, match=reason):
        downloaded_file(f"{answering.url}/net.pth")
    assert not [path for path in (tmp_path / "home").rglob("*") if path.is_file()]


def test_what_a_server_says_is_told_in_one_printable_line(answering: Answering) -> None:
    answering.start = b"\x1b[2J\x00" + b"x" * 3000 + b"\r\n\r\n"
    with pytest.raises(WeightsError) as caught:
        downloaded_file(f"{answering.url}/net.pth")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


def test_a_copy_whose_end_nobody_told_is_asked_for_again(answering: Answering) -> None:
    answering.start = HEAD + b'ETag: "1"\r\n\r\nhalf'
    assert downloaded_file(f"{answering.url}/net.pth").read_bytes() == b"half"
    answering.start = HEAD + b'ETag: "1"\r\nContent-Length: 5\r\n\r\nwhole'
    assert downloaded_file(f"{answering.url}/net.pth").read_bytes() == b"whole"


def test_a_wrong_answer_leaves_the_copy_of_before(answering: Answering) -> None:
    answering.start = HEAD + b"Content-Length: 5\r\n\r\nwhole"
    assert downloaded_file(f"{answering.url}/net.pth").read_bytes() == b"whole"
    answering.start = HEAD + b"Content-Length: 5\r\n\r\nwho"
    assert downloaded_file(f"{answering.url}/net.pth").read_bytes() == b"whole"


@pytest.mark.parametrize(
    ("url", "digits"),
    [
        ("https://a.org/x", ""),
        ("file:///x", ""),
        ("http://localhost:1/x", ""),
        ("http://127.9.9.9/x", ""),
        ("http://[::1]/x", ""),
        ("http://a.org/x", "0" * 32),
    ],
)
def test_addresses_that_are_safe(url: str, digits: str) -> None:
    check_address(url, digits)


@pytest.mark.parametrize(
    ("url", "digits"),
    [
        ("http://a.org/x", ""),
        ("http://a.org/x", "0" * 31),
        ("http://localhost.a.org/x", ""),
        ("ftp://a.org/x", "0" * 64),
        ("data:,x", ""),
        ("x", ""),
    ],
)
def test_addresses_that_are_not(url: str, digits: str) -> None:
    with pytest.raises(ValueError, match="https://"):
        check_address(url, digits)


def test_what_cannot_be_sent_back_is_not_kept() -> None:
    assert validators({"ETag": '"1"', "Last-Modified": "x"}) == {
        "ETag": '"1"',
        "Last-Modified": "x",
    }
    for text in ("", "a\r\nX: y", "\x1b", "é", "x" * 1001):
        assert validators({"ETag": text}) == {}


@pytest.mark.parametrize("path", ["/dev/zero", "/dev", "/proc/self/fd"])
def test_devices_and_folders_are_no_files(
    path: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(WeightsError, match="it is no regular file"):
        downloaded_file(f"file://{path}")
