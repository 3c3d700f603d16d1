"""Bodies of requests: none is larger or slower than the limits, and none is left half read."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from fastapi import HTTPException

from raz.serve.answers import problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from raz.serve.limits import Limits

_OTHER_BYTES = 1 << 20
"""Largest body of a request that is not to predict."""

_DRAIN_SECONDS = 5.0


class BoundedBodies:
    """ASGI middleware that ends what is too large (413) or too slow (408).

    What comes of a request after it was refused is read, up to the same limit, and thrown away: a
    client that still sends while the connection is closed may never see the answer.

    Args:
        app: what answers.
        limits: of bytes and seconds.
    """

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app, self._limits = app, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        predicts = scope["path"].endswith("/predict")
        body = _Body(scope, receive, self._limits.bytes if predicts else _OTHER_BYTES, self._limits)

        refused = False

        async def answered(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start":
                refused = message["status"] >= 400
            elif refused and not message.get("more_body", False):
                await send({**message, "more_body": True})  # the answer first, then its end
                await body.drain()
                message = {"type": "http.response.body"}
            await send(message)

        if body.declared > body.most:
            await problem(413, body.too_large)(scope, receive, answered)
        else:
            await self._app(scope, body.receive, answered)


class _Body:
    """The body of one request, as it comes."""

    def __init__(self, scope: Scope, receive: Receive, most: int, limits: Limits) -> None:
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"")
        self.declared = int(length) if length.isdigit() else 0
        self.most = most
        self.too_large = f"the body is larger than {most:,} bytes, the limit of this service"
        self._waits = headers.get(b"expect", b"").lower() == b"100-continue"
        self._limits, self._receive = limits, receive
        self._deadline = asyncio.get_running_loop().time() + limits.seconds
        self._read, self._whole = 0, False

    async def receive(self) -> Message:
        """Return the next part, or raise an HTTPException."""
        if self._whole:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._next()
        except TimeoutError:
            raise HTTPException(
                408, f"the body did not arrive within {self._limits.seconds:g} seconds"
            ) from None
        if self._read > self.most:
            raise HTTPException(413, self.too_large)
        return message

    async def drain(self) -> None:
        """Read what is left, unless the client waits to be asked for it."""
        if self._waits and not self._read:
            return
        most = self._read + self.most
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                while not self._whole and self._read <= most:
                    await self._next()

    async def _next(self) -> Message:
        message = await self._receive()
        self._read += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        return message
