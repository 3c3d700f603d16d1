"""Load `raz serve` on the loopback: throughput, latencies, memory, lost requests, a clean end.

    python bench/serve_load.py --seconds 120 --clients 8

Clients in threads send an image again and again. A request that is refused with 503 is sent again
after the time that the service names. At the end the service gets SIGTERM while every client waits
for an answer: those that had been accepted must get it. A request is lost if it was accepted and
got no answer, or an answer that is neither 200 nor 503. One that was sent when the signal came, on
a connection that the service was closing, came too late.

Prints one JSON object; the exit code is 1 if a request was lost, or the service ended otherwise
than by the signal.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import numpy as np

SCENE = Path(__file__).parent.parent / "examples" / "scene.jpg"
ENDED_BY_SIGNAL = 130
SAMPLES_PER_SECOND = 5
ARRIVAL = 0.25
"""Seconds before the signal from which on a request may come too late to be accepted."""


class Clients:
    """Threads that send an image, and what became of their requests."""

    def __init__(self, address: str, image: bytes, query: dict[str, str], number: int) -> None:
        self.address, self.image, self.query = address, image, query
        self.statuses: Counter[int] = Counter()
        self.lost: list[str] = []
        self.late: list[str] = []
        self.seconds: list[float] = []
        self.stopping = threading.Event()
        self.signalled = float("inf")
        self._lock = threading.Lock()
        self.threads = [threading.Thread(target=self._work) for _ in range(number)]

    def _work(self) -> None:
        with httpx.Client(base_url=self.address, timeout=120) as client:
            while True:
                began = time.perf_counter()
                try:
                    answer = client.post("/predict", params=self.query, content=self.image)
                except httpx.ConnectError:
                    if not self.stopping.is_set():
                        self._lose("not connected")
                    return  # the service takes no more requests: this one was not accepted
                except httpx.HTTPError as error:
                    ending = self.stopping.is_set()
                    seconds = time.perf_counter() - began
                    when = f"{seconds:.2f} s after it began, ending: {ending}"
                    if ending and began > self.signalled - ARRIVAL:
                        self.late.append(f"{error!r}, {when}")
                    else:
                        self._lose(f"{error!r}, {when}")
                    if ending:
                        return
                    continue
                with self._lock:
                    self.statuses[answer.status_code] += 1
                    if answer.status_code == 200:
                        self.seconds.append(time.perf_counter() - began)
                if answer.status_code == 200 and "count" not in answer.json():
                    self._lose(answer.text)
                elif answer.status_code == 503:
                    if self.stopping.wait(int(answer.headers["retry-after"])):
                        return
                elif answer.status_code != 200:
                    self._lose(f"{answer.status_code}: {answer.text}")

    def _lose(self, why: str) -> None:
        with self._lock:
            self.lost.append(why)


def megabytes(process: int) -> float:
    """Return the memory that a process holds (Linux)."""
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found, status
    return int(found[1]) / 1024


def start(options: list[str]) -> tuple[subprocess.Popen[str], str]:
    """Start the service, and return it with its address once it listens."""
    command = [sys.executable, "-m", "raz", "serve", "--port", "0", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ)
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"listening on (http://\S+)", line):
            # What it logs must not fill the pipe.
            threading.Thread(target=process.stderr.read, daemon=True).start()
            return process, found[1]
    raise SystemExit(f"raz serve ended with {process.wait()}")


def load(
    *, seconds: float, clients: int, image: bytes, query: dict[str, str], options: list[str]
) -> dict[str, Any]:
    """Load the service, end it, and return the figures."""
    process, address = start(options)
    try:
        crowd = Clients(address, image, query, clients)
        began = time.perf_counter()
        for thread in crowd.threads:
            thread.start()
        memory = []
        while time.perf_counter() - began < seconds:
            time.sleep(1 / SAMPLES_PER_SECOND)
            memory.append(megabytes(process.pid))
        took = time.perf_counter() - began
        answered = crowd.statuses[200]
        crowd.signalled = time.perf_counter()
        crowd.stopping.set()
        process.send_signal(signal.SIGTERM)
        for thread in crowd.threads:
            thread.join()
        code = process.wait(60)
    finally:
        process.kill()
    quarter = max(1, len(memory) // 4)
    p50, p95, p99 = np.percentile(crowd.seconds, [50, 95, 99]) if crowd.seconds else [0.0] * 3
    return {
        "seconds": round(took, 1),
        "clients": clients,
        "answered": answered,
        "answered_after_the_signal": crowd.statuses[200] - answered,
        "per_second": round(answered / took, 2),
        "refused": crowd.statuses[503],
        "lost": crowd.lost,
        "too_late": crowd.late,
        "latency_ms": {
            name: round(1000 * float(value))
            for name, value in (("p50", p50), ("p95", p95), ("p99", p99))
        },
        "memory_mb": {
            "most_in_the_second_quarter": round(max(memory[quarter : 2 * quarter]), 1),
            "most_in_the_last_quarter": round(max(memory[-quarter:]), 1),
        },
        "exit_code": code,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--image", type=Path, default=SCENE)
    parser.add_argument("--quality", default="balanced")
    parser.add_argument("options", nargs="*", help="options of raz serve, after --")
    args = parser.parse_args()
    figures = load(
        seconds=args.seconds,
        clients=args.clients,
        image=args.image.read_bytes(),
        query={"quality": args.quality},
        options=args.options,
    )
    print(json.dumps(figures, indent=2))
    return int(bool(figures["lost"]) or figures["exit_code"] != ENDED_BY_SIGNAL)


if __name__ == "__main__":
    sys.exit(main())
