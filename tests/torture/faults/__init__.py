"""Faults of what raz stands on: kills, full disks, signals, dead processes, jumps of the clock."""

from __future__ import annotations

from drill import Drill

from . import clock, disk, interruptions, kill, processes


def _lacking() -> str | None:
    import importlib.util
    import os

    if not hasattr(os, "fork"):
        return "fork"
    if importlib.util.find_spec("resource") is None:
        return "limits of processes (the module resource)"
    return None


DRILLS = (
    Drill(
        "faults.kill",
        "kill commands at any moment: outputs are whole or not there, and the next run is as usual",
        kill.run,
        share=2.0,
        enough=400,
        lacks=_lacking,
    ),
    Drill(
        "faults.signals",
        "signals at any moment, readers that go away, closed streams: exit codes, nothing is lost",
        interruptions.run,
        share=1.5,
        enough=320,
        lacks=_lacking,
    ),
    Drill(
        "faults.disk",
        "full disks, read-only and missing folders: one line names the file, earlier files stay",
        disk.run,
        enough=200,
        lacks=_lacking,
    ),
    Drill(
        "faults.processes",
        "workers and training processes that are killed or stand still: named, and nothing hangs",
        processes.run,
        enough=100,
        lacks=_lacking,
    ),
    Drill(
        "faults.clock",
        "clocks that are wrong or jump: no negative time, no hang, the same results",
        clock.run,
        enough=100,
        lacks=_lacking,
    ),
)
