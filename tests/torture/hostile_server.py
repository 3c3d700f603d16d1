"""A server on this machine that sends what it is told, byte by byte."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

Answer = Callable[[socket.socket, dict[str, str]], None]
"""Sends something, having read the headers of a request, names in small letters."""


class Server:
    """Addresses and their answers, over HTTP or, with a certificate, HTTPS."""

    def __init__(self, certificate: Path | None = None) -> None:
        self.answers: dict[str, Answer] = {}
        self._context: ssl.SSLContext | None = None
        if certificate is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(certificate)
        self._socket = socket.create_server(("127.0.0.1", 0))
        scheme = "http" if certificate is None else "https"
        self.url = f"{scheme}://localhost:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with suppress(OSError, ValueError, LookupError), connection:
            connection.settimeout(20)
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rb") as lines:
                path = lines.readline().split()[1].decode()
                headers = {}
                while line := lines.readline().strip():
                    name, _, value = line.decode("latin-1").partition(":")
                    headers[name.lower()] = value.strip()
                self.answers[path](connection, headers)

    def close(self) -> None:
        self._socket.close()


@contextmanager
def serving(certificate: Path | None = None) -> Iterator[Server]:
    server = Server(certificate)
    try:
        yield server
    finally:
        server.close()


def certificate(folder: Path) -> Path:
    """A certificate for localhost and its key, in one file, of no authority."""
    path = folder / "localhost.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", folder / "key.pem",
         "-out", folder / "certificate.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    parts = (folder / "key.pem", folder / "certificate.pem")
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def sent(*parts: bytes | str, pause: float = 0) -> Answer:
    """Parts, one after the other, whatever was asked."""

    def answer(connection: socket.socket, headers: dict[str, str]) -> None:
        for part in parts:
            connection.sendall(part.encode("latin-1") if isinstance(part, str) else part)
            time.sleep(pause)

    return answer


def endless(start: str, block: bytes, pause: float = 0, seconds: float = 15) -> Answer:
    """A start, and then the same block again and again."""

    def answer(connection: socket.socket, headers: dict[str, str]) -> None:
        connection.sendall(start.encode("latin-1"))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            connection.sendall(block)
            time.sleep(pause)

    return answer


def whole(content: bytes, *headers: str, code: str = "200 OK") -> Answer:
    """A good answer, with more headers."""
    lines = [f"HTTP/1.1 {code}", f"Content-Length: {len(content)}", "Connection: close", *headers]
    return sent("\r\n".join(lines) + "\r\n\r\n", content)


def moved(place: str, code: int = 302) -> Answer:
    return whole(b"", f"Location: {place}", code=f"{code} Found")
