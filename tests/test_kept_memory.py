from __future__ import annotations

import ctypes
import gc
import platform
import subprocess
import sys

import numpy as np
import pytest

import raz
from painted import Painted, painted
from raz import kept_memory as memory
from raz.evaluation import collect_traces, measure
from raz.kept_memory import kept_memory

needs_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")

MEASURE = """
import resource, torch
from raz.kept_memory import kept_memory

large = 16 << 20  # floats of 64 MiB, more than glibc ever keeps by itself

def faults():
    # A little smaller than the one before it: glibc before 2.38 has no use of a freed block for an
    # aligned one of the same size.
    torch.ones(large)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(large - 1024)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

start = resident()
with kept_memory():
    inside = faults()
    held = resident() - start
print(inside, faults(), held, resident() - start)
"""
"""Prints pages mapped for a large tensor in the context and after it, and bytes held then."""


@needs_glibc
def test_freed_memory_stays_in_the_context_and_is_given_back() -> None:
    """In a process of its own: what other tests left in the heap would be counted, too."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True
    )
    inside, outside, held, left = map(int, done.stdout.split())
    assert inside < 1000
    assert outside > 10 * max(inside, 1)
    assert held > 48 << 20
    assert left < 16 << 20


def test_nothing_happens_if_switched_off_or_without_glibc(monkeypatch) -> None:
    class Other:
        """A library without any of the names, as musl's has no mallopt."""

    with kept_memory(False):
        assert memory._glibc() is None or isinstance(memory._glibc(), ctypes.CDLL)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Other())
    assert memory._glibc() is None
    with kept_memory():
        pass
    monkeypatch.setattr(ctypes, "CDLL", lambda name: int(name))  # a TypeError, as on Windows
    assert memory._glibc() is None


class Recorded:
    """In place of glibc: what it was told."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, ...]] = []

    def mallopt(self, *values: int) -> None:
        self.calls.append(values)

    def malloc_trim(self, pad: int) -> None:
        self.calls.append((pad,))


@pytest.fixture
def libc(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    recorded = Recorded()
    gc.collect()  # predictors of other tests
    monkeypatch.setattr(memory, "_contexts", 0)
    monkeypatch.setattr(memory, "_glibc", lambda: recorded)
    return recorded


def test_memory_is_given_back_at_the_end_of_the_last_context(libc: Recorded) -> None:
    with kept_memory():
        begun = list(libc.calls)
        with kept_memory():
            pass
        assert libc.calls == begun != []
    assert libc.calls[-1] == (0,)


def test_memory_is_kept_as_long_as_there_is_a_predictor(libc: Recorded) -> None:
    predictor = raz.Predictor(Painted())
    predictor(np.zeros((32, 32, 3), np.uint8))
    predictor(np.zeros((32, 32, 3), np.uint8))
    assert libc.calls
    assert (0,) not in libc.calls
    del predictor
    gc.collect()
    assert libc.calls[-1] == (0,)


@pytest.mark.parametrize("count", [measure, collect_traces])
def test_memory_is_kept_from_image_to_image_of_a_data_set(libc: Recorded, count) -> None:
    count(Painted(), [painted(1), painted(2)])
    assert libc.calls.count((0,)) == 1
