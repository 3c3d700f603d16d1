"""Who may use the service: those who have its token, or programs of this machine."""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Header, HTTPException, Security
from fastapi.security import (
    HTTPAuthorizationCredentials,
    HTTPBasic,
    HTTPBasicCredentials,
    HTTPBearer,
)

from raz.errors import InputError

__all__ = ["is_loopback", "loopback_check", "read_token", "token_check"]

_RULE = "characters of ASCII without white space"  # what a header can hold

_bearer = HTTPBearer(auto_error=False, description="the token of the service")
_basic = HTTPBasic(auto_error=False, description="any user; the token as the password")


def is_loopback(host: str) -> bool:
    """Tell whether only programs of this machine reach an address.

    Example:
        >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
        (True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # another name
        return False


def loopback_check(host: Annotated[str, Header(include_in_schema=False)] = "") -> None:
    """Refuse, as a dependency of FastAPI, requests for a host by another machine's name with 421.

    A web page reaches a service of the reader's machine by a name of its own that it lets point
    there (DNS rebinding); the browser then sends that name.

    Args:
        host: the header ``Host``, with or without a port.

    Raises:
        HTTPException: it is neither localhost nor a loopback address.

    Example:
        >>> loopback_check("localhost:8000"), loopback_check("[::1]:8000")
        (None, None)
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:  # not an address
        name = ""
    if not is_loopback(name):
        raise HTTPException(
            421,
            f"Host is {host!r}; it must be localhost or an address of the service's own machine, "
            "or the service must be started with a token",
        )


def read_token(file: Path | None) -> str | None:
    """Return the token of a file, else of the environment variable RAZ_TOKEN, else None.

    White space around it does not count.

    Raises:
        InputError: the file cannot be read, or holds no token.
        ValueError: RAZ_TOKEN is set to something that is no token.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile("w") as file:
        ...     _ = file.write("secret\\n")
        ...     file.flush()
        ...     read_token(Path(file.name))
        'secret'
    """
    if file is None:
        given = os.environ.get("RAZ_TOKEN")
        if given is not None and not _is_token(given.strip()):
            raise ValueError(f"RAZ_TOKEN is no token; it must be {_RULE}")
        return None if given is None else given.strip()
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not text"
        raise InputError(f"{file}: {reason}") from None
    if not _is_token(token):
        raise InputError(f"{file}: holds no token; it must be {_RULE}")
    return token


def _is_token(text: str) -> bool:
    return re.fullmatch("[!-~]+", text) is not None


def token_check(token: str) -> Callable[..., None]:
    """Return a dependency of FastAPI that refuses requests without the token with 401.

    The token comes as ``Authorization: Bearer TOKEN``, or as the password of HTTP's basic
    authentication, which is what Label Studio can send.

    Args:
        token: see :func:`read_token`.

    Example:
        >>> token_check("secret")(None, HTTPBasicCredentials(username="any", password="secret"))
    """
    expected = token.encode()

    def check(
        bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
        basic: Annotated[HTTPBasicCredentials | None, Security(_basic)],
    ) -> None:
        given = bearer.credentials if bearer else basic.password if basic else ""
        # Takes as long for a token that is nearly right as for any other.
        if not secrets.compare_digest(given.encode("utf-8", "surrogatepass"), expected):
            raise HTTPException(
                401, "the token is missing or wrong", {"WWW-Authenticate": "Bearer"}
            )

    return check
