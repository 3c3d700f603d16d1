from __future__ import annotations

from pathlib import Path

import pytest
import torch

from raz import devices
from raz.devices import choose_device, has_fast_bfloat16


@pytest.mark.parametrize(("available", "kind"), [(True, "cuda"), (False, "cpu")])
def test_auto_is_cuda_where_there_is_one(available, kind, monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    assert choose_device().type == kind


def test_choosing_cuda_takes_no_memory_there(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch, "empty", None)
    assert choose_device("cuda:1") == torch.device("cuda", 1)


def test_what_is_named_is_taken() -> None:
    assert choose_device("cpu") == choose_device(torch.device("cpu")) == torch.device("cpu")


@pytest.mark.parametrize(
    ("device", "words"),
    [
        ("toaster", "device is 'toaster'"),
        ("cuda:99", "CUDA devices are"),
        ("meta", "device is 'meta', which holds no numbers"),
        ("hpu", "device is 'hpu', which cannot be used"),
    ],
)
def test_what_is_not_there_is_refused(device, words) -> None:
    with pytest.raises(ValueError, match=words):
        choose_device(device)


AVX512 = "fpu sse4_1 avx2 avx512f avx512_vnni"


@pytest.mark.parametrize(
    ("content", "fast"),
    [
        (f"processor\t: 0\nflags\t\t: {AVX512} avx512_bf16\nbugs\t: spectre\n", True),
        ("flags\t\t: fpu amx_bf16 amx_tile\n", True),
        (f"flags\t\t: {AVX512}\nvmx flags\t: avx512_bf16\n", False),
        ("Features\t: fp asimd bf16\n", False),
        ("", False),
        (None, False),
    ],
)
def test_a_cpu_is_fast_in_bfloat16_if_its_flags_say_so(
    content, fast, monkeypatch, tmp_path
) -> None:
    path = tmp_path / "cpuinfo"
    if content is not None:
        path.write_text(content, encoding="ascii")
    monkeypatch.setattr(devices, "CPU_INFO", path)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    assert has_fast_bfloat16(torch.device("cpu")) is fast
    assert has_fast_bfloat16(torch.device("mps")) is False


def test_memory_that_torch_keeps_for_reuse_is_available(monkeypatch):
    for name, value in (("memory_reserved", 700), ("memory_allocated", 300)):
        monkeypatch.setattr(torch.cuda, name, lambda device, value=value: value)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1000, 5000))
    assert devices.available_bytes(torch.device("cuda")) == 1400


V2 = ("memory.max", "memory.current", "memory.stat", "inactive_file")
V1 = (
    *("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat"),
    "total_inactive_file",
)


def container(root, version, limit, used, cache=None):
    """Files of a control group, as the kernel shows them."""
    statistics = f"anon 5\ninactive_anon 7\n{version[3]} {cache}\nactive_file 9\n"
    contents = (limit, used, None if cache is None else statistics)
    for name, content in zip(version[:3], contents, strict=True):
        if content is not None:
            (root / name).parent.mkdir(exist_ok=True, parents=True)
            (root / name).write_text(f"{content}\n", encoding="ascii")
    return root


@pytest.mark.parametrize("version", [V2, V1], ids=["v2", "v1"])
@pytest.mark.parametrize(
    ("limit", "used", "cache", "left"),
    [
        (1000, 700, 200, 500),
        (1000, 700, None, 300),
        (1000, 1200, 0, 0),
        (1000, 100, 150, 1000),
        (1000, None, 200, None),
        (None, 700, 200, None),
        ("max", 700, 200, None),
        ("", 700, 200, None),
    ],
)
def test_what_the_limit_of_a_container_leaves(version, limit, used, cache, left, tmp_path):
    assert devices.container_bytes(container(tmp_path, version, limit, used, cache)) == left


def in_group(version, group):
    """The files of one control group below the topmost, by their names from the root."""
    folders = ("memory" if name.startswith("memory/") else "" for name in version[:3])
    names = (name.removeprefix("memory/") for name in version[:3])
    paths = (str(Path(folder) / group / name) for folder, name in zip(folders, names, strict=True))
    return (*paths, version[3])


@pytest.mark.parametrize(
    ("version", "line"),
    [(V2, "0::/a.slice/b c"), (V2, "0:://a.slice/b c"), (V1, "4:cpu,memory:/a.slice/b c")],
    ids=["v2", "v2, two strokes", "v1"],
)
@pytest.mark.parametrize(
    ("limits", "left"),
    [
        ({"a.slice/b c": 1000}, 600),
        ({"a.slice": 900, "a.slice/b c": 1000}, 500),
        ({"": 800, "a.slice/b c": "max"}, 400),
        ({"a.slice/other": 500}, None),
    ],
)
def test_limits_of_the_own_group_and_of_those_above_it_hold(version, line, limits, left, tmp_path):
    membership = tmp_path / "membership"
    membership.write_text(f"7:pids:/elsewhere\n{line}\n1:name=systemd:/x\n", encoding="ascii")
    for group, limit in limits.items():
        container(tmp_path / "root", in_group(version, group), limit, 500, 100)
    assert devices.container_bytes(tmp_path / "root", membership) == left


@pytest.mark.parametrize("line", ["0::/../beside", "0::", "nonsense", ""])
def test_a_group_that_is_not_visible_leaves_the_topmost(line, tmp_path):
    (tmp_path / "membership").write_text(f"{line}\n", encoding="ascii")
    container(tmp_path / "root", V2, 1000, 400, 100)
    container(tmp_path / "beside", V2, 500, 400, 100)
    assert devices.container_bytes(tmp_path / "root", tmp_path / "membership") == 700


def test_of_two_limits_the_nearer_holds(tmp_path):
    container(tmp_path, V1, 2**63 - 4096, 100, 0)
    assert devices.container_bytes(container(tmp_path, V2, 1000, 400, 100)) == 700


def test_without_control_groups_nothing_is_limited(tmp_path):
    assert devices.container_bytes(tmp_path / "none") is None
    (tmp_path / "memory.max").mkdir()  # cannot be read
    (tmp_path / "memory.current").write_bytes(b"\xff\n")
    assert devices.container_bytes(tmp_path) is None


@pytest.mark.parametrize(
    ("system", "limit", "available"),
    [(900, 500, 500), (900, 1500, 900), (900, None, 900), (None, 500, 500), (None, None, None)],
)
def test_memory_is_bounded_by_the_system_and_by_a_container(system, limit, available, monkeypatch):
    monkeypatch.setattr(devices, "_system_bytes", lambda: system)
    monkeypatch.setattr(devices, "container_bytes", lambda: limit)
    assert devices.available_bytes(torch.device("cpu")) == available


def test_available_memory_is_plausible():
    available = devices.available_bytes(torch.device("cpu"))
    assert available is None or available > 2**20
