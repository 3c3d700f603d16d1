"""Measure the operators on a CUDA device: `python bench/gpu.py`.

bench/gpu.sh builds and tests first. One JSON file is written to bench/results. It holds the device
and, for each case of bench/gpu_cases.py, the median, the bytes that must move, their share of the
floor, peers of the same run, and how often the host waited. `--dry-run` runs every case once, small
and on the CPU, and measures nothing.
"""

from __future__ import annotations

import argparse
import datetime
import json
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch
from gpu_cases import FULL, SMALL, Call, Case, cases, moved_bytes, nbytes
from torch import Tensor

import raz
from raz import _native

RUNS = 30
WARM_UP = 3
MOST_COPIES = 64
COPY_BYTES = 2 << 30
"""Bytes read and written by the copy that gives the floor."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dry-run", action="store_true", help="small, on the CPU, unmeasured")
    parser.add_argument("--only", default="", metavar="REGEX", help="cases whose names match")
    parser.add_argument("--output", type=Path, help="JSON; by default in bench/results")
    arguments = parser.parse_args()
    if not arguments.dry_run and not torch.cuda.is_available():
        print("bench/gpu.py: torch sees no CUDA device; --dry-run needs none", file=sys.stderr)
        return 2
    device = torch.device("cpu" if arguments.dry_run else "cuda")
    report = machine(device)
    rate = None if arguments.dry_run else copy_rate(device)
    report["copy_bytes_per_second"] = rate
    report["cases"] = []
    failed = 0
    for case in cases(SMALL if arguments.dry_run else FULL):
        if not re.search(arguments.only, case.name):
            continue
        entry = measure(case, device, rate)
        failed += "error" in entry
        report["cases"].append(entry)
        print(line(entry), flush=True)
    output = arguments.output or Path(__file__).parent / "results" / f"{file_name(report)}.json"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(report, indent=1) + "\n")
    print(f"wrote {output}")
    return 1 if failed else 0


def machine(device: torch.device) -> dict[str, Any]:
    """Return what was measured: the device and the software."""
    found: dict[str, Any] = {
        "gpu": None,
        "driver": None,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "raz": raz.__version__,
        "build": _native.build_info(),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        found["gpu"] = properties.name
        found["compute_capability"] = f"{properties.major}.{properties.minor}"
        found["memory_bytes"] = properties.total_memory
        found["l2_bytes"] = properties.L2_cache_size
        found["driver"] = driver_version()
    return found


def driver_version() -> str | None:
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return None
    return shown.stdout.split("\n", 1)[0].strip()


def file_name(report: dict[str, Any]) -> str:
    gpu = report["gpu"] or "dry-run"
    return re.sub(r"[^a-z0-9]+", "-", f"{gpu} {report['date'][:10]}".lower()).strip("-")


def copy_rate(device: torch.device) -> float:
    """Return the bytes, read and written, that a copy too large for any cache moves a second."""
    source = torch.zeros(COPY_BYTES // 2, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return COPY_BYTES / median(seconds_of(lambda _: target.copy_(source)))


def measure(case: Case, device: torch.device, rate: float | None) -> dict[str, Any]:
    """Return what the report says of one case; an error in it does not end the run."""
    entry: dict[str, Any] = {"case": case.name, "op": case.op, "backward": bool(case.gradients)}
    try:
        inputs = rotated(case, device)
        outputs = as_tuple(runner(case, case.call, inputs[:1])(0))
        entry["bytes"] = moved_bytes(case, inputs[0], outputs)
        del outputs
        entry |= timed(runner(case, case.call, inputs), device)
        if rate is not None:
            entry["share_of_floor"] = entry["bytes"] / rate / entry["median_seconds"]
    except Exception as error:
        entry["error"] = f"{type(error).__name__}: {error}"
        return entry
    entry["peers"] = {}
    for name, peer in case.peers.items():
        try:
            theirs = timed(runner(case, peer, inputs), device)
        except Exception as error:  # torchvision may be missing, a composite may run out of memory
            theirs = {"error": f"{type(error).__name__}: {error}"}
        if theirs.get("median_seconds"):
            theirs["ratio"] = theirs["median_seconds"] / entry["median_seconds"]
        entry["peers"][name] = theirs
    return entry


def rotated(case: Case, device: torch.device) -> list[tuple[Tensor, ...]]:
    """Return inputs of several seeds, together twice as large as the L2 cache."""
    copies = [case.make(torch.Generator(device).manual_seed(0))]
    if device.type == "cuda":
        wanted = 2 * torch.cuda.get_device_properties(device).L2_cache_size
        count = min(MOST_COPIES, 1 + wanted // max(nbytes(copies[0]), 1))
        for seed in range(1, int(count)):
            copies.append(case.make(torch.Generator(device).manual_seed(seed)))
    return copies


def runner(case: Case, call: Call, inputs: Sequence[tuple[Tensor, ...]]) -> Callable[[int], Any]:
    """Return the function that is timed: forward, or backward through a graph that is kept."""
    if not case.gradients:
        return lambda i: call(*inputs[i % len(inputs)])
    graphs = []
    for arguments in inputs:
        leaves = list(arguments)
        for at in case.gradients:
            leaves[at] = leaves[at].detach().requires_grad_()
        result = call(*leaves)
        graphs.append((result, [leaves[at] for at in case.gradients], torch.ones_like(result)))

    def backward(i: int) -> tuple[Tensor, ...]:
        result, leaves, gradient = graphs[i % len(graphs)]
        return torch.autograd.grad(result, leaves, gradient, retain_graph=True)

    return backward


def timed(run: Callable[[int], Any], device: torch.device) -> dict[str, Any]:
    if device.type != "cuda":
        run(0)
        return {"median_seconds": None, "synchronisations": None}
    seconds = seconds_of(run)
    return {
        "median_seconds": median(seconds),
        "least_seconds": min(seconds),
        "synchronisations": synchronisations(run),
    }


def seconds_of(run: Callable[[int], Any]) -> list[float]:
    """Time RUNS calls by events.

    The device sleeps while the first calls are queued, so that launching does not count, unless
    the operator waits for the device. Results are kept for some calls, so that they too rotate.
    """
    kept: list[Any] = [run(i) for i in range(WARM_UP)]
    events = [[torch.cuda.Event(enable_timing=True) for _ in range(2)] for _ in range(RUNS)]
    torch.cuda.synchronize()
    torch.cuda._sleep(20_000_000)  # cycles: some 10 ms
    for i, (begin, end) in enumerate(events):
        kept.pop(0)
        begin.record()
        kept.append(run(i))
        end.record()
    torch.cuda.synchronize()
    return [begin.elapsed_time(end) / 1000 for begin, end in events]


def synchronisations(run: Callable[[int], Any]) -> int:
    """Count how often one call makes the host wait, as far as torch sees it."""
    mode = torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            run(0)
        finally:
            torch.cuda.set_sync_debug_mode(mode)
    return sum("synchroniz" in str(warning.message) for warning in caught)


def as_tuple(result: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (result,) if isinstance(result, Tensor) else tuple(result)


def line(entry: dict[str, Any]) -> str:
    """Return one case as a line of text."""
    if "error" in entry:
        return f"{entry['case']}: {entry['error']}"
    seconds = entry["median_seconds"]
    if seconds is None:
        return f"{entry['case']}: {entry['bytes']} bytes, not measured"
    peers = "".join(
        f", {name} {peer['ratio']:.1f} x" if "ratio" in peer else f", {name} failed"
        for name, peer in entry["peers"].items()
    )
    return (
        f"{entry['case']}: {seconds * 1e3:.3f} ms, {entry['share_of_floor']:.0%} of the floor, "
        f"{entry['synchronisations']} synchronisations{peers}"
    )


if __name__ == "__main__":
    sys.exit(main())
