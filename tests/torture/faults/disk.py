"""Disks that are full, folders that may not be written to, are missing, or go away meanwhile."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from drill import Effort

from .children import Child
from .deaths import Operations, fill_disk_at_byte, obey_permissions
from .jobs import JOBS, PARTS, Bench
from .kill import EARLIER

WAYS = ("full at byte", "full file system", "full device", "read-only", "missing", "removed",
        "operation fails")  # fmt: skip
_SMALL = "size=4096"


def run(effort: Effort) -> None:
    bench = Bench(effort.folder)
    jobs = [name for name in bench.available() if name != "export .pt2" or effort.whole]
    small = effort.folder / "small"
    small.mkdir()
    mounted = _mounted(small)
    if not mounted:
        effort.note("no file system could be mounted: full ones are those of limits alone")
    cases = [(name, way) for way in WAYS for name in jobs if way != "full file system" or mounted]
    try:
        for name, way in effort.sampled(cases):
            share = effort.random.random()
            with effort.case(f"{name}, {way}, {share:.3f}"):
                effort.answered(_faulty(bench, name, way, share, small))
    finally:
        if mounted:
            subprocess.run(["umount", "-l", small], check=False)
    bench.require_inputs()


def _mounted(folder: Path) -> bool:
    """Mount a file system of one page, if this process may."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return False
    command = ["mount", "-t", "tmpfs", "-o", _SMALL, "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _faulty(bench: Bench, name: str, way: str, share: float, small: Path) -> str:
    reference = bench.reference(name)
    folder = bench.case()
    outputs, job = folder / "out", JOBS[name]
    single = not job.trains and "*" not in job.makes[0]
    if single:
        for made in job.makes:
            if "*" not in made:
                (outputs / made).write_bytes(EARLIER)
    prepare: Callable[[], None] | None = None
    words = job.arguments(bench.inputs, outputs)
    if way == "full at byte":
        largest = max(len(content) for content in reference.files.values())
        prepare = fill_disk_at_byte(int(share * largest))
    elif way == "full file system":
        words = job.arguments(bench.inputs, small)
        shutil.rmtree(small / "out", ignore_errors=True)
        for path in small.iterdir():
            path.unlink() if path.is_file() else shutil.rmtree(path)
        (small / "filler").write_bytes(bytes(int(share * 4096)))
        outputs = small
    elif way == "full device":
        if not single or len(job.makes) > 1:
            return "not of this command"
        (outputs / job.makes[0]).unlink()
        (outputs / job.makes[0]).symlink_to("/dev/full")
    elif way == "missing":
        shutil.rmtree(outputs)
    elif way == "operation fails":
        number = int(share * max(1, reference.operations))
        operations = Operations(outputs, number, failing=True)
        prepare = operations.begin
    elif way == "read-only":
        return _read_only(bench, name, folder, words)
    if way == "removed":
        child = Child(words)
        time.sleep(share * reference.seconds)
        shutil.rmtree(outputs, ignore_errors=True)
    else:
        child = Child(words, *filter(None, [prepare]))
    code = child.wait()
    child.require_no_orphans()
    return f"{way}: exit code {_judged(bench, name, child, code, outputs, way)}"


def _judged(bench: Bench, name: str, child: Child, code: int, outputs: Path, way: str) -> int:
    messages = child.messages
    if "Traceback" in messages or "Exception ignored" in messages:
        raise AssertionError(f"a traceback: {messages[-1500:]}")
    if code not in (0, 1, 3):
        raise AssertionError(f"exit code {code}: {messages[-600:]}")
    if code:
        lines = [line for line in messages.splitlines() if line.startswith("raz: ")]
        if not lines or not any(str(outputs) in line for line in lines):
            raise AssertionError(f"the file is not named: {messages[-600:]}")
        if code == 3:
            raise AssertionError(f"exit code 3, as of bad input: {messages[-600:]}")
    if not outputs.exists():
        return code
    left = [str(path) for path in outputs.rglob("*") if PARTS.match(path.name)]
    if left:
        raise AssertionError(f"left: {left}")
    written = {
        str(path.relative_to(outputs)): path.read_bytes()
        for path in outputs.rglob("*")
        if path.is_file() and path.name != "filler"
    }
    reference = bench.reference(name)
    for path, content in written.items():
        if content == EARLIER or path.endswith("log.jsonl"):
            continue
        if ".partial." in path:
            continue
        if path in reference.files and len(content) < 0.2 * len(reference.files[path]):
            raise AssertionError(f"{path} is cut: {len(content)} bytes, {messages[-300:]}")
    if code and way in ("full at byte", "operation fails") and not JOBS[name].trains:
        for made in JOBS[name].makes:
            if "*" not in made and "*" not in JOBS[name].makes[0] and made not in written:
                raise AssertionError(f"{made} is lost, which was there before")
    return code


def _read_only(bench: Bench, name: str, folder: Path, words: list[str]) -> str:
    """The folder may not be written to, nor the file in it."""
    outputs = folder / "out"
    for path in outputs.iterdir():
        path.chmod(0o444)
    outputs.chmod(0o555)
    try:
        child = Child(words, prepare=obey_permissions)
        code = child.wait()
    finally:
        outputs.chmod(0o755)
    child.require_no_orphans()
    if code == 0:
        raise AssertionError("wrote where it may not")
    return f"read-only: exit code {_judged(bench, name, child, code, outputs, 'read-only')}"
