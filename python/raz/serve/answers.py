"""The forms of answers in the service's description (OpenAPI), and errors as answers."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.requests import ClientDisconnect

from raz.errors import InputError, InputTooLargeError, ResourceError
from raz.serve.waiting import GoneError, OverloadedError, TooSlowError

log = logging.getLogger(__name__)

_CLIENT_GONE = 499  # nginx's; nobody reads it


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class RegionForm(_Form):
    """A region that was enlarged."""

    box: tuple[float | None, float | None, float | None, float | None]
    score: float | None
    depth: int
    scale: float | None
    points_before: int
    points_after: int
    count_before: float | None
    count_after: float | None
    crowded: float | None
    seconds: float | None
    children: list[RegionForm]


class SkippedForm(_Form):
    """A region that was not enlarged, and why."""

    box: tuple[float | None, float | None, float | None, float | None]
    score: float | None
    depth: int
    reason: str


class ResultForm(_Form):
    """What `raz predict --json` prints."""

    path: str | None
    time: float | None
    image_size: tuple[int, int]
    count: float | None
    count_low: float | None
    count_high: float | None
    count_density: float | None
    count_points: int
    disagreement: float | None
    points: list[tuple[float | None, float | None, float | None]] | None = None
    regions: list[RegionForm]
    skipped: list[SkippedForm]
    scale: float | None
    warnings: list[str]
    model: str | None
    raz_version: str


class Health(_Form):
    """The service takes requests."""

    status: str
    model: str
    device: str
    raz_version: str
    counting: int
    waiting: int


class Problem(_Form):
    """Why there is no result, in one line."""

    detail: str


def answer_errors(app: FastAPI) -> None:
    """Answer errors of the library, of the queue and of requests as a :class:`Problem`."""
    for kind, status in (
        (InputTooLargeError, 413),
        (InputError, 422),
        (ResourceError, 503),
        (TooSlowError, 504),
        (GoneError, _CLIENT_GONE),
        (ClientDisconnect, _CLIENT_GONE),
    ):
        app.add_exception_handler(kind, _handler(status))
    app.add_exception_handler(OverloadedError, _overloaded)
    app.add_exception_handler(RequestValidationError, _wrong_request)
    app.add_exception_handler(Exception, _unexpected)


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return the answer for an error."""
    return JSONResponse({"detail": " ".join(detail.split())}, status, headers)


def _handler(status: int) -> Any:
    async def handle(_: Request, error: Exception) -> JSONResponse:
        return problem(status, str(error))

    return handle


async def _overloaded(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, OverloadedError)
    return problem(503, str(error), {"Retry-After": str(error.retry_after)})


async def _wrong_request(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part not in ("query", "body"))
    return problem(422, f"{place}: {first['msg']}" if place else str(first["msg"]))


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    log.error("%s %s: %s", request.method, request.url.path, type(error).__name__)
    return problem(500, "an error inside the service; its log tells which")
