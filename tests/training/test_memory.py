from __future__ import annotations

import ctypes
import platform
import resource

import pytest
import torch

from raz.training import memory
from raz.training.memory import kept_memory

LARGE = 16 << 20  # floats of 64 MiB, more than glibc ever keeps by itself

needs_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")


def faults_of_a_large_tensor() -> int:
    """Pages that the kernel maps for a tensor that is a little smaller than the one before it.

    glibc before 2.38 has no use of a freed block for an aligned one of the same size.
    """
    torch.ones(LARGE)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(LARGE - 1024)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@needs_glibc
def test_freed_memory_is_used_again_without_new_pages() -> None:
    with kept_memory():
        assert faults_of_a_large_tensor() < 1000
    assert faults_of_a_large_tensor() > 10_000


@needs_glibc
def test_memory_is_given_back_at_the_end() -> None:
    def resident() -> int:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize()

    before = resident()
    with kept_memory():
        torch.ones(LARGE)
        assert resident() - before > 3 * LARGE  # of 4 bytes each
    assert resident() - before < LARGE


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
