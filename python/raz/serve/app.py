"""The service's routes: ``POST /predict``, health, metrics, a page that describes them.

>>> import raz
>>> from raz.serve.app import create_app
>>> app = create_app(raz.Predictor())
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST

from raz import __version__
from raz.io.formats.raz_json import json_text
from raz.prediction import Predictor
from raz.result import Result
from raz.serve.answers import Health, Problem, ResultForm, answer_errors
from raz.serve.authorization import loopback_check, token_check
from raz.serve.bodies import BoundedBodies
from raz.serve.label_studio import label_studio_routes
from raz.serve.limits import Limits
from raz.serve.observation import Metrics, ObservedRequests
from raz.serve.settings import Choices, ZoomChoices, chosen_settings
from raz.serve.uploads import read_upload
from raz.serve.waiting import WaitingLine

__all__ = ["create_app"]

_DESCRIPTION = "Count the people in an image, and locate each of them."

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"description": "The form is broken"},
    401: {"description": "The token is missing or wrong"},
    408: {"description": "The body did not arrive in time"},
    413: {"description": "The body or the image is over a limit"},
    421: {"description": "Host is another machine's name"},
    422: {"description": "There is no image that can be read, or a parameter is wrong"},
    503: {"description": "Too many requests are waiting (Retry-After), or memory ran out"},
    504: {"description": "The image took too long"},
}
if TYPE_CHECKING:  # the fields of ZoomChoices are known only when the service runs
    Chosen = Choices
else:
    Chosen = Annotated[ZoomChoices, Query()]

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_IMAGE_BODY = {
    "requestBody": {
        "required": True,
        "description": "An image file: as the body, or as the only file of a form.",
        "content": {
            "application/octet-stream": _BINARY,
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"image": _BINARY["schema"]},
                    "required": ["image"],
                }
            },
        },
    }
}


@dataclass(frozen=True)
class Service:
    """What the routes share.

    Attributes:
        predictor: counts; its settings are those of requests that choose none.
        limits: what a request may cost.
        line: where requests wait.
        metrics: what has been counted.
    """

    predictor: Predictor
    limits: Limits
    line: WaitingLine
    metrics: Metrics

    def count(self, image: Any, predictor: Predictor | None = None) -> Result:
        """Count in an image; called in a thread."""
        result = (predictor or self.predictor)(image)
        self.metrics.add(result)
        return result


def create_app(
    predictor: Predictor,
    limits: Limits | None = None,
    *,
    token: str | None = None,
    loopback_only: bool = False,
    folders: Sequence[Path] = (),
) -> FastAPI:
    """Make the service as an ASGI application.

    Args:
        predictor: counts the images; threads share it.
        limits: what a request may cost.
        token: without it requests get 401; None lets everybody in.
        loopback_only: without a token, requests whose ``Host`` is not this machine get 421.
        folders: where the images of Label Studio's tasks are; see :mod:`raz.serve.label_studio`.

    Example:
        >>> app = create_app(Predictor())
        >>> "/predict" in app.openapi()["paths"]
        True
    """
    line = WaitingLine(limits or Limits())
    service = Service(predictor, line.limits, line, Metrics(line))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        line.close()

    app = FastAPIOffline(
        title="raz",
        version=__version__,
        description=_DESCRIPTION,
        redoc_url=None,
        lifespan=lifespan,
        swagger_ui_parameters={"validatorUrl": None},  # a web page that would get the description
    )
    answer_errors(app)
    app.add_middleware(BoundedBodies, limits=line.limits)
    app.add_middleware(ObservedRequests, metrics=service.metrics)
    inside = []
    if token:
        inside = [Depends(token_check(token))]
    elif loopback_only:
        inside = [Depends(loopback_check)]
    app.include_router(_counting(service), dependencies=inside)
    app.include_router(_telling(service))
    app.include_router(_measuring(service), dependencies=inside)
    app.include_router(
        label_studio_routes(predictor.model.architecture, service.count, line, folders),
        dependencies=inside,
    )
    return app


def _counting(service: Service) -> APIRouter:
    router = APIRouter()

    @router.post(
        "/predict",
        response_model=ResultForm,
        responses={status: {"model": Problem, **what} for status, what in _PROBLEMS.items()},
        openapi_extra=_IMAGE_BODY,
        summary="Count and locate the people in an image",
    )
    async def predict(request: Request, choices: Chosen) -> Response:
        with service.line.place() as deadline:
            predictor = _for_request(service.predictor, choices)
            image = await read_upload(request, choices.name)

            def work() -> str:
                return json_text(service.count(image, predictor), points=choices.points)

            text = await service.line.run(work, deadline, is_gone=request.is_disconnected)
        return Response(text + "\n", media_type="application/json")

    return router


def _for_request(predictor: Predictor, choices: Choices) -> Predictor:
    try:
        return predictor.with_settings(chosen_settings(choices, predictor.settings))
    except (TypeError, ValueError) as error:
        raise HTTPException(422, str(error)) from None


def _telling(service: Service) -> APIRouter:
    router = APIRouter()

    @router.get("/health", summary="Whether the service takes requests")
    async def health() -> Health:
        return Health(
            status="ok",
            model=service.predictor.model.architecture,
            device=str(service.predictor.device),
            raz_version=__version__,
            counting=service.line.running,
            waiting=max(0, service.line.admitted - service.line.running),
        )

    return router


def _measuring(service: Service) -> APIRouter:
    router = APIRouter()

    @router.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {}}}},
        summary="Metrics in the text format of Prometheus",
    )
    async def metrics() -> Response:
        return Response(service.metrics.text(), media_type=CONTENT_TYPE_LATEST)

    return router
