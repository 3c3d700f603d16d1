"""The device a model runs on, and the memory that is left there."""

from __future__ import annotations

import functools
import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["available_bytes", "choose_device", "container_bytes", "has_fast_bfloat16"]


def choose_device(device: str | torch.device = "auto") -> torch.device:
    """Return a device by name; "auto" is CUDA if there is a GPU, else the CPU.

    Raises:
        ValueError: there is no such device, or it cannot be used.

    Example:
        >>> choose_device("cpu")
        device(type='cpu')
    """
    import torch

    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except (RuntimeError, TypeError):
        raise ValueError(
            f"device is {device!r}; it must be 'auto', 'cpu', 'cuda' or 'cuda:0'"
        ) from None
    if chosen.type == "meta":
        raise ValueError("device is 'meta', which holds no numbers; it must be one that computes")
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise ValueError(
            f"device is {str(device)!r}, but {torch.cuda.device_count()} CUDA devices are available"
        )
    if chosen.type in ("cpu", "cuda"):  # on CUDA a look would take memory, in every process
        return chosen
    try:
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, ImportError) as error:
        reason = str(error).splitlines()[0] if str(error) else "it is not available"
        raise ValueError(f"device is {str(device)!r}, which cannot be used: {reason}") from None
    return chosen


CPU_INFO = Path("/proc/cpuinfo")
"""Where Linux tells what its processors can do."""

_BFLOAT16 = {"avx512_bf16", "amx_bf16"}
"""Flags of processors that multiply in bfloat16; AVX-512 alone emulates it."""


def has_fast_bfloat16(device: torch.device) -> bool:
    """Tell whether a net runs faster in bfloat16 than in float32 on a device.

    True on GPUs that compute in it, and on x86-64 processors whose flags say AVX512-BF16 or
    AMX-BF16 (on Linux: other systems are not asked). Other CPUs emulate it: a training step of
    ``raznet_lite`` took twelve times as long on one with AVX2.

    Example:
        >>> has_fast_bfloat16(choose_device("cpu")) in (True, False)
        True
    """
    if device.type == "cuda":
        import torch

        with torch.cuda.device(device):
            return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and not _BFLOAT16.isdisjoint(_cpu_flags(CPU_INFO))


@functools.cache
def _cpu_flags(path: Path) -> frozenset[str]:
    """Flags of the first processor in a file like /proc/cpuinfo; none if it does not tell."""
    try:
        with path.open(encoding="ascii", errors="replace") as lines:
            for line in lines:
                name, _, flags = line.partition(":")
                if name.strip() == "flags":
                    return frozenset(flags.split())
    except OSError:
        pass
    return frozenset()


def available_bytes(device: torch.device) -> int | None:
    """Return the bytes of memory available on a device, or None if nothing tells.

    On the CPU that is the system's available memory, but no more than the limit of a container (a
    Linux control group) leaves: beyond that the kernel ends the process.

    Example:
        >>> available = available_bytes(choose_device("cpu"))
        >>> available is None or available > 0
        True
    """
    import torch

    if device.type == "cuda":
        # What torch holds but does not use, e.g. after a larger image, serves the next one.
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + cached
    if device.type != "cpu":
        return None
    known = [left for left in (_system_bytes(), container_bytes()) if left is not None]
    return min(known, default=None)


def _system_bytes() -> int | None:
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


# Where control groups tell of memory, v2 and v1: folder, what /proc/self/cgroup calls the
# hierarchy, limit, use, and statistics with the name of the page cache that was not used lately.
_HIERARCHIES = (
    ("", "", "memory.max", "memory.current", "memory.stat", "inactive_file"),
    (
        *("memory", "memory"),
        *("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.stat", "total_inactive_file"),
    ),
)


def container_bytes(
    root: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")
) -> int | None:
    """Return the bytes that a container's limit leaves, or None if there is none to be read.

    A limit holds for all groups below it, so the process's group and every one above it are asked.
    Page cache that the kernel drops when memory is short does not count as used.

    Args:
        root: folder of the control groups, of version 2 or 1. What is missing in it, or cannot be
            read, is ignored.
        membership: file that tells the process's own groups; without it the topmost are asked.

    Example:
        >>> container_bytes(Path("no such folder")) is None
        True
    """
    groups = _memberships(membership)
    known = []
    for folder, hierarchy, limit, used, statistics, cache in _HIERARCHIES:
        group = PurePosixPath(groups.get(hierarchy, "/"))
        for place in (group, *group.parents):
            directory = root / folder / place.relative_to("/")
            most, taken = (_numbers(directory / name).get("") for name in (limit, used))
            if most is not None and taken is not None:
                dropped = _numbers(directory / statistics).get(cache, 0)
                known.append(max(0, most - max(0, taken - dropped)))
    return min(known, default=None)


def _memberships(path: Path) -> dict[str, str]:
    """The process's control group by each controller of version 1, and by "" of version 2."""
    try:
        lines = os.fsdecode(path.read_bytes()).splitlines()
    except OSError:
        return {}
    groups = {}
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if group.startswith("/") and ".." not in group.split("/"):  # else: outside what is visible
            groups.update(dict.fromkeys(controllers.split(","), "/" + group.lstrip("/")))
    return groups


def _numbers(path: Path) -> dict[str, int]:
    """Whole numbers in a file of the kernel, by the name before each, "" where there is none."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return {}
    found = (line.rpartition(" ") for line in lines)
    return {name: int(number) for name, _, number in found if number.isdecimal()}
