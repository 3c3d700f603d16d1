"""What is known of the service while it runs: one line of log and a few metrics per request."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from raz.serve.waiting import WaitingLine

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from raz.result import Result

log = logging.getLogger(__name__)

_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """Counters in the text format of Prometheus, with a registry of their own.

    Args:
        line: whose places and threads are shown.

    Example:
        >>> from raz.serve.limits import Limits
        >>> "raz_counting 0.0" in Metrics(WaitingLine(Limits())).text().decode()
        True
    """

    def __init__(self, line: WaitingLine) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "raz_requests", "Answers by route and status.", ["route", "status"],
            registry=self._registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "raz_request_seconds", "From a request to its answer.", ["route"],
            buckets=_SECONDS, registry=self._registry,
        )  # fmt: skip
        self._images = Counter("raz_images", "Images counted.", registry=self._registry)
        self._pixels = Counter("raz_pixels", "Pixels of these images.", registry=self._registry)
        self._count_seconds = Counter(
            "raz_count_seconds", "Seconds spent on these images.", registry=self._registry
        )
        for name, text, value in (
            ("raz_counting", "Images being counted.", lambda: line.running),
            ("raz_admitted", "Requests waiting or in work.", lambda: line.admitted),
            ("raz_places", "Requests that may wait or be in work.", lambda: line.limits.places),
        ):
            Gauge(name, text, registry=self._registry).set_function(value)

    def add(self, result: Result) -> None:
        """Note an image that has been counted."""
        width, height = result.image_size
        self._images.inc()
        self._pixels.inc(width * height)
        self._count_seconds.inc(result.speed["total"] / 1000)

    def text(self) -> bytes:
        """Return all of it in the text format."""
        return generate_latest(self._registry)


class ObservedRequests:
    """ASGI middleware that logs and measures each request.

    Args:
        app: what answers.
        metrics: where to.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, start = 500, time.perf_counter()

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, observed)
        finally:
            seconds = time.perf_counter() - start
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.requests.labels(route, status).inc()
            self._metrics.seconds.labels(route).observe(seconds)
            client = (scope.get("client") or ("-",))[0]
            log.info(
                "%s %s %s %d %.0f ms", client, scope["method"], scope["path"], status,
                1000 * seconds,
            )  # fmt: skip
