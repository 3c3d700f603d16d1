from __future__ import annotations

import asyncio

from raz.serve.answers import problem
from raz.serve.bodies import BoundedBodies
from raz.serve.limits import Limits


def test_who_is_refused_gets_the_answer_before_the_body_is_read():
    events = []

    async def refuse(scope, receive, send):
        await problem(503, "all places are taken")(scope, receive, send)

    async def receive():
        events.append("read")
        return {"type": "http.request", "body": b"x", "more_body": events.count("read") < 3}

    async def send(message):
        events.append((message["type"], message.get("body"), message.get("more_body", False)))

    scope = {"type": "http", "method": "POST", "path": "/predict", "headers": []}
    asyncio.run(BoundedBodies(refuse, Limits())(scope, receive, send))
    start, answer, *read, end = events
    assert start[0] == "http.response.start"
    assert answer == ("http.response.body", b'{"detail":"all places are taken"}', True)
    assert read == ["read"] * 3
    assert end == ("http.response.body", None, False)
