from __future__ import annotations

import inspect
import os
import subprocess
import sys
import warnings
from collections.abc import Callable

import pytest
import torch

import raz
from raz import _native, ops, reference


@pytest.fixture
def unloaded():
    """Loading starts anew, and once more after the test."""
    for forget in (_native._load, _native._look_up):
        forget.cache_clear()
    yield
    for forget in (_native._load, _native._look_up):
        forget.cache_clear()


def test_one_warning_when_switched_off(unloaded, monkeypatch):
    monkeypatch.setenv("RAZ_DISABLE_NATIVE", "1")
    x = torch.rand(4, 5)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tables = [ops.integral_image(x), ops.integral_image(x)]
        assert _native.build_info() is None
    assert [warning.category for warning in caught] == [RuntimeWarning]
    assert "(RAZ_DISABLE_NATIVE is set)" in str(caught[0].message)
    for table in tables:
        assert torch.equal(table, reference.integral_image(x))


def test_the_warning_names_what_broke(unloaded, monkeypatch):
    monkeypatch.delattr(raz, "_C")
    monkeypatch.setitem(sys.modules, "raz._C", None)
    with pytest.warns(RuntimeWarning, match=r"without its native module \(.*raz\._C"):
        assert not _native.serves("integral_image", torch.zeros(1))


def test_the_reference_serves_where_no_kernel_gives_the_gradient():
    x, asks = torch.zeros(1, 2, 2), torch.zeros(1, requires_grad=True)
    assert _native.serves("find_peaks", x, None)
    assert _native.serves("find_peaks", x.to("meta"))
    assert not _native.serves("find_peaks", x, asks)
    with torch.no_grad():
        assert _native.serves("find_peaks", asks)
    assert _native.serves("integral_image", x, asks)
    assert _native.serves("integral_image", asks.to("meta"))


def test_the_reference_serves_on_a_device_without_the_kernels_of_the_gradient(monkeypatch):
    x = torch.zeros(1, 2, 2)
    monkeypatch.setattr(
        _native,
        "_look_up",
        lambda op, device: not op.endswith("_backward"),  # a device without gradients
    )
    assert _native.serves("integral_image", x)
    assert not _native.serves("integral_image", x.requires_grad_())


@pytest.mark.slow
def test_fakes_are_there_when_something_else_loads_the_module_first():
    code = (
        "from raz import _native\n"
        "_native.build_info()\n"
        "import torch\n"
        "from torch._subclasses.fake_tensor import FakeTensorMode\n"
        "with FakeTensorMode():\n"
        "    table = torch.ops.raz.integral_image(torch.ones(1, 3, 4), torch.float64)\n"
        "assert table.shape == (1, 4, 5)\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_the_first_call_may_come_from_many_threads():
    code = (
        "import threading, torch\n"
        "from raz import _registration, ops\n"
        "points = torch.rand(20, 2) * 30\n"
        "threads, sums, told = threading.Barrier(8), [], []\n"
        "tell_torch = _registration.tell_torch\n"
        "_registration.tell_torch = lambda: (told.append(1), tell_torch())\n"
        "def call():\n"
        "    threads.wait()\n"
        "    sums.append(float(ops.density_map(points, (32, 32)).sum()))\n"
        "calls = [threading.Thread(target=call) for _ in range(8)]\n"
        "for thread in calls: thread.start()\n"
        "for thread in calls: thread.join()\n"
        "assert len(sums) == 8, sums\n"
        "assert all(abs(total - 20) < 1e-3 for total in sums), sums\n"
        "assert len(told) == 1, told\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_register_is_enough_to_load_an_exported_program(tmp_path):
    class Table(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return ops.integral_image(x)

    path = tmp_path / "table.pt2"
    torch.export.save(torch.export.export(Table(), (torch.rand(1, 3, 4),)), path)
    code = (
        "import sys, torch\n"
        "from raz import ops\n"
        "assert not hasattr(torch.ops.raz, 'integral_image')\n"
        "ops.register()\n"
        "ops.register()\n"
        "table = torch.export.load(sys.argv[1]).module()(torch.ones(1, 3, 4))\n"
        "assert table[0, 3, 4] == 12\n"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)


@pytest.mark.filterwarnings("ignore:raz runs without its native module")
def test_register_says_that_there_is_nothing_to_register(unloaded, monkeypatch):
    monkeypatch.setenv("RAZ_DISABLE_NATIVE", "1")
    with pytest.raises(RuntimeError, match="raz has no native module here"):
        ops.register()


def test_memory_that_ran_out_is_named():
    with pytest.raises(RuntimeError, match="can't allocate memory") as raised:
        ops.point_map(torch.zeros(0, 2), (2**24, 2**24))
    assert "raz: " in str(raised.value)
    assert "[1, 16777216, 16777216] of Float on the CPU" in str(raised.value)


def test_build_info_reports_the_instruction_set():
    module, info = _native.load(), _native.build_info()
    assert module is not None
    assert info is not None
    known = ["baseline", "avx2", "avx512"]
    assert info["instruction_sets"] == known[: len(info["instruction_sets"])] != []
    assert info["instruction_set"] == info["instruction_sets"][-1]
    try:
        module.set_instruction_set("baseline")
        assert module.build_info()["instruction_set"] == "baseline"
    finally:
        module.set_instruction_set(info["instruction_set"])
    with pytest.raises(ValueError, match="sse9"):
        module.set_instruction_set("sse9")
    assert module.build_info() == info


def test_cuda_kernels_are_compiled_where_promised():
    expected = os.environ.get("RAZ_EXPECT_CUDA")
    if expected is None:
        pytest.skip("RAZ_EXPECT_CUDA is not set: no promise to hold the build to")
    info = _native.build_info()
    assert info is not None
    assert info["cuda"] == (expected == "1")


def _files_run_by(function: Callable[[], object]) -> set[str]:
    """Names of the files whose Python functions a call goes through."""
    files: set[str] = set()
    sys.setprofile(lambda frame, event, argument: files.add(frame.f_code.co_filename))
    try:
        function()
    finally:
        sys.setprofile(None)
    return files


def test_autograd_is_passed_where_no_gradient_is_asked_for():
    """What torch.library registers of a gradient is in a file of its own."""
    wrapper = inspect.getfile(torch._library.autograd)
    x, asks = torch.rand(3, 4), torch.rand(3, 4, requires_grad=True)
    assert torch.equal(ops.integral_image(x), reference.integral_image(x))
    assert wrapper not in _files_run_by(lambda: ops.integral_image(x))
    with torch.no_grad():
        assert wrapper not in _files_run_by(lambda: ops.integral_image(asks))
    assert wrapper in _files_run_by(lambda: ops.integral_image(asks))
