"""Broken and malicious images and names sent to the service of `raz serve`."""

from __future__ import annotations

import importlib.util
import resource
from typing import TYPE_CHECKING

from drill import Drill, Effort
from hostile.case import Hostile
from hostile.images import images
from hostile.pristine import by_pillow

if TYPE_CHECKING:
    import httpx

_DETAIL = 400
_GROWN_MEGABYTES = 700
"""Bound on what all uploads together may add to the peak of resident memory."""

_NAMES = ("a.png", "../../etc/passwd", "a\x1b[2J.png", "x" * 1000, "", "\u202egnp.exe", "/dev/zero")


def run(effort: Effort) -> None:
    """Each image as a body or as a form, under names that mean ill; good ones in between."""
    from raz.prediction import Predictor
    from raz.serve.app import create_app
    from raz.serve.limits import Limits
    from raz.zoom.settings import ZoomSettings
    from serve.serving import running

    predictor = Predictor(settings=ZoomSettings(depth=1), max_pixels=1_000_000)
    good = by_pillow("PNG")
    predictor(good)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with running(create_app(predictor, Limits(bytes=4 << 20))) as client:
        for index, hostile in enumerate(effort.sampled(images())):
            with effort.case(hostile.name):
                _send(effort, client, hostile)
            if index % 20 == 0:
                with effort.case(f"a good image after {hostile.name}"):
                    assert client.post("/predict", content=good).status_code == 200
                    assert client.get("/health").json()["waiting"] == 0
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    effort.note(f"the peak of memory grew by {grown:.0f} MB over {effort.outcome.cases} uploads")
    if grown > _GROWN_MEGABYTES:
        effort.found(f"memory grew by {grown:.0f} MB; at most {_GROWN_MEGABYTES} MB are right")


def _send(effort: Effort, client: httpx.Client, hostile: Hostile) -> None:
    path = effort.folder / hostile.file
    hostile.make(path)
    data = path.read_bytes()
    path.unlink()
    name = effort.random.choice((hostile.file, *_NAMES))
    if effort.random.random() < 0.5:
        answer = client.post("/predict", content=data, params={"name": name} if name else {})
    else:
        answer = client.post("/predict", files={"image": (name or "a", data)})
    effort.answered(f"status {answer.status_code}")
    allowed = {(0,): {200, 413}, (3,): {413, 422}}.get(hostile.codes, {200, 413, 422})
    if len(data) > 4 << 20:
        allowed = {413}
    assert answer.status_code in allowed, f"{answer.status_code}: {answer.text[:500]}"
    if answer.status_code != 200:
        detail = answer.json()["detail"]
        assert isinstance(detail, str), detail
        assert 0 < len(detail) <= _DETAIL + len(name), f"a long answer: {detail[:600]}"
        assert "\n" not in detail.strip(), detail
        assert "Traceback" not in detail, detail


def _lacks() -> str | None:
    there = all(importlib.util.find_spec(name) for name in ("fastapi", "uvicorn", "httpx"))
    return None if there else "FastAPI, uvicorn and httpx"


DRILLS = (
    Drill(
        "files.uploads",
        "broken and malicious images sent to raz serve",
        run,
        enough=432,
        lacks=_lacks,
    ),
)
