from __future__ import annotations

import os
import subprocess
import sys
import warnings

import pytest
import torch

import raz
from raz import _native, ops, reference


@pytest.fixture
def unloaded():
    """Loading starts anew, and once more after the test."""
    for forget in (_native.load, _native._look_up):
        forget.cache_clear()
    yield
    for forget in (_native.load, _native._look_up):
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
