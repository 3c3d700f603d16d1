"""What clients of raz serve send: whole requests, Label Studio's configurations, addresses."""

from __future__ import annotations

import asyncio
import json
import os
from base64 import b64encode
from functools import cache
from pathlib import Path
from typing import Any

from raz.errors import InputError
from raz.serve.app import create_app
from raz.serve.authorization import is_loopback, read_token
from raz.serve.label_studio import find_image, tags_of
from raz.serve.limits import Limits
from serve.serving import HeldPredictor

from .reader import Reader, placed

TOKEN = "secret"
ANSWERS = {200, 307, 400, 401, 404, 405, 408, 413, 422, 503, 504}


@cache
def app() -> Any:
    return create_app(
        HeldPredictor(), Limits(bytes=100_000), token=TOKEN, folders=[Path("/nowhere")]
    )


def request(data: bytes, folder: Path) -> None:
    """A request of HTTP/1.1, as uvicorn would hand it on: it is answered, and never by 500."""
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    method, _, target = first.partition(b" ")
    path, _, query = target.partition(b"?")
    headers = [
        (name.strip().lower(), value.strip())
        for name, colon, value in (line.partition(b":") for line in lines)
        if colon
    ]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1",
        "method": method.decode("latin-1"), "scheme": "http",
        "path": path.decode("utf-8", "replace"),
        "raw_path": path, "query_string": query, "root_path": "", "headers": headers,
        "client": ("127.0.0.1", 9), "server": ("127.0.0.1", 8000), "state": {},
    }  # fmt: skip
    sent: list[dict[str, Any]] = []
    parts = [body[at : at + 100] for at in range(0, len(body), 100)] or [b""]
    messages = [
        {"type": "http.request", "body": part, "more_body": part is not parts[-1]} for part in parts
    ]

    async def receive() -> Any:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app()(scope, receive, send))
    statuses = [message["status"] for message in sent if message["type"] == "http.response.start"]
    assert len(statuses) == 1, statuses
    assert statuses[0] in ANSWERS | {499}, statuses
    content = b"".join(message.get("body", b"") for message in sent)
    if statuses[0] >= 400 and content and method != b"HEAD":
        detail = json.loads(content)["detail"]
        assert isinstance(detail, str)
        assert "\n" not in detail
        assert len(detail) < 2000
    if b"secret" not in data and b"c2VjcmV0" not in data and path.endswith(b"/predict"):
        assert statuses[0] != 200


def configuration(data: bytes, folder: Path) -> None:
    tags, key = tags_of(data.decode("utf-8", "surrogateescape"))
    assert all(isinstance(part, str) for part in (tags.control, tags.image, tags.label, key))
    assert key


def address(data: bytes, folder: Path) -> None:
    """An address finds a file in the folder, or nothing; never one outside."""
    inside = folder / "images"
    inside.mkdir()
    placed(b"x", inside, "a.jpg")
    placed(b"x", folder, "secret.jpg")
    os.symlink("../secret.jpg", inside / "link.jpg")
    found = find_image(data.decode("utf-8", "surrogateescape"), [inside])
    if isinstance(found, Path):
        assert found.is_file()
        assert found.resolve().parent == inside.resolve(), found
    else:
        assert isinstance(found.getvalue(), bytes)


def token(data: bytes, folder: Path) -> None:
    path = placed(data, folder, "token.txt")
    is_loopback(data.decode("latin-1"))
    found = read_token(path)
    assert found
    assert found.isascii()
    assert not any(each.isspace() for each in found)


def requests() -> list[bytes]:
    basic = b64encode(b"any:secret")
    form = (
        b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\nGIF89a\r\n--x--\r\n"
    )
    tasks = json.dumps(
        {"tasks": [{"id": 1, "data": {"image": "data:image/png;base64,R0lG"}}], "project": "1",
         "label_config": CONFIGURATION.decode()}
    ).encode()  # fmt: skip
    ours = b"\r\nAuthorization: Bearer secret"
    return [
        b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n".replace(b" HTTP/1.1", b""),
        b"POST /predict?depth=2&points=false&name=a.jpg" + ours + b"\r\n\r\nGIF89a",
        b"POST /predict"
        + ours
        + b"\r\nContent-Type: multipart/form-data; boundary=x\r\n\r\n"
        + form,
        b"POST /predict\r\nAuthorization: Basic " + basic + b"\r\nContent-Length: 6\r\n\r\nGIF89a",
        b"POST /label-studio/predict"
        + ours
        + b"\r\nContent-Type: application/json\r\n\r\n"
        + tasks,
        b"POST /label-studio/setup" + ours + b'\r\n\r\n{"project": "1", "schema": null}',
        b"GET /metrics" + ours + b"\r\n\r\n",
    ]


CONFIGURATION = (
    b'<View><Image name="i" value="$photo"/><KeyPointLabels name="k" toName="i">'
    b'<Label value="Head"/><Label value="dog"/></KeyPointLabels></View>'
)
WORDS = (
    *(
        "/predict",
        "/health",
        "/metrics",
        "/label-studio/predict",
        "POST",
        "GET",
        "Authorization: ",
        "Basic ",
    ),
    *(
        "Bearer secret",
        "multipart/form-data; boundary=x",
        "Content-Disposition: form-data; name=",
        "--x--",
    ),
    *(
        "Content-Length: ",
        "Expect: 100-continue",
        "filename*=utf-8''%ff",
        "depth=",
        "seed=",
        "tasks",
        "data",
    ),
    *(
        "max_seconds=",
        "quality=",
        "regions=",
        "min_score=",
        "/label-studio/setup",
        "/openapi.json",
        "image",
    ),
)

READERS = (
    Reader("served.requests", request, requests, (), "lines", WORDS),
    Reader("served.tasks", request, requests, (), "json", WORDS),
    Reader("served.configuration", configuration, lambda: [CONFIGURATION], (InputError,), "xml",
           ("Image", "KeyPointLabels", "Label", "name", "toName", "value", "$", "<!DOCTYPE x>")),
    Reader("served.address", address,
           lambda: [b"/data/local-files/?d=a.jpg", b"a.jpg", b"data:image/png;base64,R0lG"],
           (InputError,), "lines", ("/data/upload/", "../", "link.jpg", "secret.jpg", "?d=", "http://[",
                                    "%2e%2e/", "/data/local-files/?d=", "images", "\0", "%00")),
    Reader("served.token", token, lambda: [b"secret\n"], (InputError,), named="FOLDER/token.txt"),
)  # fmt: skip
