from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from raz import _native

from . import devices, opchecks


@pytest.fixture(params=["baseline", "avx2", "avx512"])
def instruction_set(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test on the kernels of each instruction set that this machine has."""
    module, info = _native.load(), _native.build_info()
    assert module is not None
    assert info is not None
    if request.param not in info["instruction_sets"]:
        pytest.skip(f"this machine has no {request.param}")
    module.set_instruction_set(request.param)
    yield request.param
    module.set_instruction_set(info["instruction_set"])


def _traces(request: pytest.FixtureRequest) -> bool:
    """Tell whether torch traces the operators themselves in this test."""
    name = request.node.name
    return any(word in name for word in ("compile", "export", "make_fx", "fake"))


@pytest.fixture(autouse=True)
def _opcheck_of_native_calls(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test, run torch's opcheck on the native calls that it made.

    A kind of call (the operator; dtype, rank, emptiness, layout and gradient of each tensor, type
    of each other argument) is checked once a session; with RAZ_OPCHECK=every, every call is, with
    RAZ_OPCHECK=none none.
    """
    if _traces(request) or os.environ.get("RAZ_OPCHECK") == "none":
        yield
        return
    with opchecks.recorded() as calls:
        yield
    for operator, arguments in calls:
        opchecks.check(operator, arguments)


@pytest.fixture(autouse=True)
def _native_calls_on_the_device_of_the_tests(
    request: pytest.FixtureRequest, _opcheck_of_native_calls: None
) -> Iterator[None]:
    """RAZ_TEST_DEVICE=cuda: run the kernels of that device in every test that traces nothing."""
    if devices.DEVICE == "cpu" or _traces(request):
        yield
        return
    with devices.native_calls_on(devices.DEVICE):
        yield
