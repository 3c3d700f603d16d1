"""Drills: strangers' tensors, arrays and numbers, given to everything of raz that takes some."""

from __future__ import annotations

import logging
import resource
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import calls_checked
import calls_library
import calls_raw
import torch
from calls_operators import affordable, drawn
from calls_sanitized import ENOUGH, sanitized
from drill import Drill, Effort
from sanitized_module import lacks_sanitizers

from raz import ops

MEMORY = 3 << 30
"""Bytes that a drill's process may take beyond what it has: what asks for more is told so."""


def operators(effort: Effort) -> None:
    """Random calls of raz.ops, natively and by the reference, and of torch.ops.raz."""
    ops.register()
    with _limited(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in effort.goes_on():
            number = effort.random.getrandbits(48)
            if number % 5 == 0:
                _raw(effort, number)
                continue
            call = drawn(number)
            if not affordable(call):
                continue
            with effort.case(f"call {number}: {calls_checked.name(call)}"):
                effort.answered(calls_checked.tried(call))


def _raw(effort: Effort, number: int) -> None:
    call = calls_raw.drawn(number)
    if calls_raw.affordable(call):
        with effort.case(f"call {number}: {calls_raw.name(call)}"):
            effort.answered(calls_raw.tried(call))


def library(effort: Effort) -> None:
    """Random calls of what is around the operators, each twice."""
    logging.disable(logging.CRITICAL)  # of images that are nearly black
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in effort.goes_on():
            number = effort.random.getrandbits(48)
            call = calls_library.drawn(number)
            with effort.case(f"call {number}: {calls_library.described_call(call)}"):
                effort.answered(calls_library.tried(call))


@contextmanager
def _limited() -> Iterator[None]:
    """Let what no memory suffices for fail at once, on every machine alike; on one thread."""
    torch.set_num_threads(1)
    before = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm", encoding="ascii") as file:
        taken = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


DRILLS = (
    Drill(
        "calls.operators",
        "random calls of every operator: the reference agrees, or the error names an argument",
        operators,
        share=2.0,
        enough=60_000,
    ),
    Drill(
        "calls.library",
        "strangers' arrays to metrics, results, images, areas: the same answer twice, or an error",
        library,
        enough=20_000,
    ),
    Drill(
        "calls.sanitized",
        "the same calls on a raz._C under the address and the undefined behaviour sanitizer",
        partial(sanitized, kind="address"),
        enough=ENOUGH["address"],
        lacks=partial(lacks_sanitizers, ["address"]),
    ),
    Drill(
        "calls.threads",
        "the same calls from three threads at once, under the thread sanitizer",
        partial(sanitized, kind="thread"),
        enough=ENOUGH["thread"],
        lacks=partial(lacks_sanitizers, ["thread"]),
    ),
)
