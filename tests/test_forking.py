"""Children by fork() of a process that has used raz. Processes of their own: pytest has threads."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

LOCKS = """
import os, threading, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # of fork in a process that has threads
from raz import _native, kept_memory, prediction
from raz.io import opening
from raz.models import inference

locks = [
    _native._loading, kept_memory._lock, prediction._modes_lock, inference._lock,
    opening._limit_lock, opening._quiet_lock,
]
held = threading.Barrier(len(locks) + 1)

def hold(lock):
    with lock:
        held.wait()
        forking.wait()
        threading.Event().wait(0.05)  # so that who does not wait forks now

forking = threading.Event()
threads = [threading.Thread(target=hold, args=(lock,)) for lock in locks]
for thread in threads:
    thread.start()
held.wait()
forking.set()
child = os.fork()
if child == 0:
    os._exit(sum(not lock.acquire(timeout=1) for lock in locks))
for thread in threads:
    thread.join()
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
"""Prints how many locks of raz are locked for ever in a child."""

COUNTS = """
import os, warnings
warnings.simplefilter("ignore", DeprecationWarning)
import numpy as np, torch, raz

torch.set_num_threads(2)
predictor = raz.Predictor()
image = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
here = predictor(image)
child = os.fork()
if child == 0:
    there = predictor(image)
    assert torch.get_num_threads() == 1
    print(len(there) == len(here) and abs(there.count - here.count) < 1e-3, flush=True)
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert torch.get_num_threads() == 2
"""


def printed(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
def test_no_lock_stays_locked_in_a_child() -> None:
    assert printed(LOCKS) == "0"


@pytest.mark.slow
def test_a_child_counts_after_its_parent_computed_with_several_threads() -> None:
    assert printed(COUNTS) == "True"
