"""Wait for a process as long as it works: on a machine that others use, minutes say nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

STILL = 120
"""Seconds in which a process and its children compute nothing, after which they hang."""

LEAST = 0.2
"""Seconds of a processor that count as something."""


def processor_seconds(session: int) -> float:
    """What the living processes of a session have used (Linux; elsewhere 0)."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session:
                ticks += sum(map(int, fields[11:15]))  # of it, and of its children that ended
    return ticks / os.sysconf("SC_CLK_TCK")


def run(command: Sequence[Any], **settings: Any) -> tuple[str, str]:
    """Run a command to its end; return what it printed.

    Raises:
        AssertionError: it failed, or it hangs.
    """
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command,
            **{
                "stdin": subprocess.DEVNULL,
                "stdout": output,
                "stderr": errors,
                "start_new_session": True,
                **settings,
            },
        )
        used = 0.0
        try:
            while True:
                try:
                    code = process.wait(STILL)
                    break
                except subprocess.TimeoutExpired:
                    before, used = used, processor_seconds(process.pid)
                    assert used - before >= LEAST, f"hangs: still for {STILL} s"
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        output.seek(0)
        errors.seek(0)
        said = errors.read()
        assert code == 0, f"exit code {code}: {said[-2000:]}"
        return output.read(), said
