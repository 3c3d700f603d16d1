"""Notice that another process of a training is gone or stands still, and end instead of waiting.

Every process tells all others each second, by a datagram, that it is there. A process that says
nothing for `PATIENCE_SECONDS` is gone or stands still; what waits for it would wait for ever (gloo
for half an hour). Only a process that has been heard once is watched, so that where datagrams do
not pass nothing is taken for gone. Seconds in which this process itself stood still do not count.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from raz.training.distributed import World

_log = logging.getLogger(__name__)

PERIOD_SECONDS = 1.0
"""Between two datagrams to each process."""

PATIENCE_SECONDS = 20.0
"""Silence after which a process is taken for gone."""

_SOON = 3
"""Periods of silence that name the culprit where the exchange with a process has failed already."""

_TOKEN_BYTES = 16
_RANK_BYTES = 4
_LONGEST_TEXT = 600
_BEAT, _DONE, _FAILED = b"beat", b"done", b"fail"


@contextmanager
def watched(world: World) -> Iterator[None]:
    """Watch the other processes in the block, and tell them how it ended.

    A process that is killed makes the exchange of gradients fail at once; one that stands still
    ends this process after `PATIENCE_SECONDS`, with exit code 1: it could not be woken otherwise.
    Both are named.

    Raises:
        ConnectionError: another process is gone, or ended with an error.
    """
    if world.size == 1:
        yield
        return
    heartbeat = _Heartbeat(world)
    try:
        yield
    except RuntimeError as error:  # torch's, which does not say whose connection it was
        lost = heartbeat.lost_soon()
        heartbeat.close(_FAILED, lost or _told(error))
        if lost is None:
            raise
        raise ConnectionError(lost) from error
    except BaseException as error:
        heartbeat.close(_FAILED, _told(error))
        raise
    heartbeat.close(_DONE)


@dataclass
class _Peer:
    """Another process: its address as far as it is known, and what is known of it."""

    name: str
    address: Any
    heard: bool = False
    silent: int = 0  # periods without a word
    end: str | None = None  # the error that ended it; empty if none did


class _Heartbeat:
    def __init__(self, world: World) -> None:
        self._socket = _socket()
        own = (self._socket.getsockname()[1], _address(), os.getpid(), socket.gethostname())
        told = world.gather((own, secrets.token_bytes(_TOKEN_BYTES)))
        self._token: bytes = told[0][1]
        self._rank = world.rank.to_bytes(_RANK_BYTES)
        self._peers = {
            rank: _Peer(f"process {rank} of {world.size} ({pid} on {host})", (address, port))
            for rank, ((port, address, pid, host), _) in enumerate(told)
            if rank != world.rank
        }
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="raz-heartbeat", daemon=True)
        self._thread.start()

    def lost_soon(self) -> str | None:
        """Wait until a process has been silent for a few periods, or has told its error."""
        for _ in range(2 * _SOON):
            if (lost := self._lost(_SOON)) is not None or self._closing.wait(PERIOD_SECONDS):
                return lost
        return None

    def close(self, how: bytes, text: str = "") -> None:
        """Tell the others how this process ended, and be silent."""
        self._closing.set()
        self._thread.join()
        self._send(how, text)
        self._socket.close()

    def _run(self) -> None:
        most = round(PATIENCE_SECONDS / PERIOD_SECONDS)
        while not self._closing.is_set():
            self._send(_BEAT)
            self._listen(PERIOD_SECONDS)
            for peer in self._peers.values():
                peer.silent += peer.heard
            lost = next((p for p in self._peers.values() if _is_silent(p, most)), None)
            if lost is not None and not self._closing.is_set():
                text = f"{lost.name} has not answered for {PATIENCE_SECONDS:.0f} s"
                self._send(_FAILED, text)
                _log.error("%s; the training ends, and can be continued", text)
                os._exit(1)  # the main thread may wait for that process, out of Python's reach

    def _lost(self, periods: int) -> str | None:
        for peer in self._peers.values():
            if peer.end:
                return f"{peer.name} has ended: {peer.end}"
        for peer in self._peers.values():
            if _is_silent(peer, periods):
                return f"{peer.name} is gone or does not answer"
        return None

    def _send(self, kind: bytes, text: str = "") -> None:
        content = self._token + self._rank + kind + text[:_LONGEST_TEXT].encode()
        for peer in self._peers.values():
            with suppress(OSError):  # whoever is gone answers that its port is closed
                self._socket.sendto(content, peer.address)

    def _listen(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                content, address = self._socket.recvfrom(4096)
            except TimeoutError:
                return
            except OSError:  # as above
                self._closing.wait(min(left, 0.1))
                continue
            self._hear(content, address)

    def _hear(self, content: bytes, address: Any) -> None:
        token, rest = content[:_TOKEN_BYTES], content[_TOKEN_BYTES:]
        rank, kind = int.from_bytes(rest[:_RANK_BYTES]), rest[_RANK_BYTES : _RANK_BYTES + 4]
        peer = self._peers.get(rank)
        if peer is None or not secrets.compare_digest(token, self._token):
            return
        peer.heard, peer.silent = True, 0
        peer.address = address  # what it is called here: its own name for it may be local
        if kind != _BEAT:
            peer.end = rest[_RANK_BYTES + 4 :].decode(errors="replace")


def _is_silent(peer: _Peer, periods: int) -> bool:
    return peer.end is None and peer.silent >= periods


def _told(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _socket() -> socket.socket:
    made = socket.socket(_master()[0], socket.SOCK_DGRAM)
    made.bind(("", 0))
    return made


def _address() -> str:
    """Return the address by which this machine reaches the one that `torchrun` names."""
    family, address = _master()
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect(address)
        return str(probe.getsockname()[0])


def _master() -> tuple[int, Any]:
    host, port = os.environ.get("MASTER_ADDR", "localhost"), os.environ.get("MASTER_PORT", "1")
    family, _, _, _, address = socket.getaddrinfo(host, int(port), type=socket.SOCK_DGRAM)[0]
    return family, address
