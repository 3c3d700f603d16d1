"""A service that listens on a free port of the loopback, and a predictor that can be held."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import httpx
import torch
import uvicorn

from raz.result import Result
from raz.zoom.settings import ZoomSettings

TIMEOUT = 60.0


def make(scores: tuple[float, ...] = (0.75,), **changes: Any) -> Result:
    """A result with a head for each score."""
    values = {
        "points": torch.full((len(scores), 2), 3.5),
        "scores": torch.tensor(scores, dtype=torch.float32),
        "density": torch.zeros(2, 3),
        "count": 2.25,
        "count_density": 2.5,
        "count_points": len(scores),
        "image_size": (20, 12),
        "model": "held",
        "speed": {"total": 1.0},
    }
    return Result(**{**values, **changes})


class HeldPredictor:
    """Counts nothing; waits in each call until it is let go, and fails with what it is given."""

    model = SimpleNamespace(architecture="held")
    device = "cpu"

    def __init__(self, error: BaseException | None = None) -> None:
        self.settings = ZoomSettings()
        self.error = error
        self.go = threading.Event()
        self.go.set()
        self.began = threading.Semaphore(0)
        self.most = self.now = 0
        self.order: list[str] = []
        self._lock = threading.Lock()

    def with_settings(self, settings: ZoomSettings) -> HeldPredictor:
        self.settings = settings
        return self

    def __call__(self, image: Any) -> Any:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
            self.order.append(image.name)
        self.began.release()
        try:
            assert self.go.wait(TIMEOUT)
            if self.error is not None:
                raise self.error
            return make(path=image.name)
        finally:
            with self._lock:
                self.now -= 1


@contextmanager
def running(app: Any) -> Iterator[httpx.Client]:
    """Serve an application, and give a client of it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            with httpx.Client(base_url=address, timeout=TIMEOUT) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join(TIMEOUT)
            assert not thread.is_alive()
