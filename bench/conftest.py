"""What all benchmarks share: pinned threads, the names of groups, the measured cost of a copy.

A benchmark takes the fixtures ``compare`` and ``threads`` and a parameter ``contender``: "raz" or
the peer's name. Contenders of one group do the same work on the same data in the same run.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from statistics import median
from time import perf_counter

import cv2
import numpy as np
import pytest
import torch

from raz import _native

MEMORY_COPY = 512 << 20
"""Bytes read and written by a copy that no cache holds."""


LARGE = {"1920x1080", "3840x2160", "8x480x270", "8x640x480", "8x1920x1080"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark as slow what only a measurement needs.

    Two threads, large sizes, fresh memory, the second of two layouts.
    """
    for item in items:
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        if (
            parameters.get("threads") == 2
            or parameters.get("size") in LARGE
            or parameters.get("layout") == "planar"
            or parameters.get("memory") in ("fresh memory", "fresh pages")
        ):
            item.add_marker(pytest.mark.slow)


def pin(threads: int) -> None:
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)


@pytest.fixture(params=[1, 2], ids=["1thread", "2threads"])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    """Set the threads of raz, torch and OpenCV.

    `parametrize("threads", [1], indirect=True)` measures one thread alone.
    """
    if request.param > (os.cpu_count() or 1):
        pytest.skip(f"this machine has fewer than {request.param} cores")
    before = torch.get_num_threads()
    pin(request.param)
    yield request.param
    pin(before)


@pytest.fixture
def compare(benchmark, threads, contender):
    """Measure one contender: compare(call, *arguments, op=, size=, ...) returns what call returns.

    bytes: those that must move, read and written, where the op is bound by memory.
    target: the ratio to this peer that is aimed at.
    note: the end of the group's name: what the sizes do not say; whether results are allocated.
    rounds: for slow contenders; by default as many as fit half a second, at least 5.
    """

    def measure(call, *arguments, op, size, bytes=None, target=None, note="", rounds=None):
        plural = "s" if threads > 1 else ""
        benchmark.group = f"{op} {size} {threads} thread{plural}" + (f", {note}" if note else "")
        extra = {"contender": contender, "threads": threads, "bytes": bytes, "target": target}
        benchmark.extra_info.update({k: v for k, v in extra.items() if v is not None})
        if rounds is None:
            return benchmark(call, *arguments)
        return benchmark.pedantic(call, arguments, rounds=rounds, warmup_rounds=min(rounds - 1, 1))

    return measure


@cache
def copy_seconds(count: int, threads: int) -> float:
    """Time to move `count` bytes by the faster of memcpy and torch's copy: half read, half written.

    It is the median of up to 15 copies. Small ones are repeated within the measured time.
    """
    pin(threads)
    source = np.ones(max(count // 2, 1), dtype=np.uint8)
    target = np.ones_like(source)
    torch_source, torch_target = torch.from_numpy(source), torch.from_numpy(target)
    repeat = max(1, (1 << 22) // len(source))
    seconds = []
    for copy in (
        lambda: np.copyto(target, source),
        lambda: torch_target.copy_(torch_source),
    ):
        times = []
        for _ in range(15):
            begin = perf_counter()
            for _ in range(repeat):
                copy()
            times.append((perf_counter() - begin) / repeat)
        seconds.append(median(times))
    return min(seconds)


def pytest_benchmark_update_machine_info(config, machine_info):
    """Say what was measured; hook of pytest-benchmark."""
    machine_info["cpu_name"] = machine_info.get("cpu", {}).get("brand_raw", platform.processor())
    machine_info["instruction_set"] = (_native.build_info() or {}).get("instruction_set")
    packages = ("torch", "numpy", "scipy", "opencv-python-headless")
    machine_info["versions"] = {name: version(name) for name in packages}
    machine_info["copy_bytes_per_second"] = {
        str(threads): MEMORY_COPY / copy_seconds(MEMORY_COPY, threads) for threads in (1, 2)
    }


def pytest_benchmark_update_json(config, benchmarks, output_json):
    """Add the time of a copy of the same bytes; hook of pytest-benchmark."""
    for entry in output_json["benchmarks"]:
        extra = entry["extra_info"]
        if "bytes" in extra:
            extra["copy_seconds"] = copy_seconds(extra["bytes"], extra["threads"])
