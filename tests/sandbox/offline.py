"""No test reaches another machine: the loopback and Unix sockets are all that Python may use.

`tests/conftest.py` switches this on for the process of the tests, and, by way of `sitecustomize.py`
beside this file, for the Python processes that it starts. What libraries in C open by themselves,
such as FFmpeg's connections, Python does not hear of.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
from typing import Any

OUTSIDE: list[str] = []
"""What was tried and refused, since somebody emptied this."""

_CONNECTING = ("socket.connect", "socket.sendto", "socket.sendmsg")
_RESOLVING = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")


class OutsideError(RuntimeError):
    """Somebody asks another machine. No OSError: a program may take that for a lost connection."""


def block() -> None:
    """Refuse every connection and question to another machine, for as long as the process lives."""
    sys.addaudithook(_heard)


def is_here(host: Any) -> bool:
    """Tell whether a host is this machine, by its loopback or its name; None and "" mean it.

    ``torchrun`` asks for the whole of its machine's name.
    """
    if isinstance(host, (bytes, bytearray)):
        host = host.decode("ascii", "replace")
    if host in (None, "", "localhost", socket.gethostname()):
        return True
    try:
        return ipaddress.ip_address(str(host).partition("%")[0]).is_loopback
    except ValueError:
        return False


def _heard(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _CONNECTING:
        connection, address = arguments
        if connection.family not in (socket.AF_INET, socket.AF_INET6) or address is None:
            return
        host = address[0]
    elif event in _RESOLVING:
        host = arguments[0]
    else:
        return
    if not is_here(host):
        OUTSIDE.append(f"{event} {host!r}")
        raise OutsideError(f"{event} of {host!r}: tests may ask this machine only")
