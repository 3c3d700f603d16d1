from __future__ import annotations

from collections.abc import Iterator

import pytest

from raz import _native

from . import opchecks


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


@pytest.fixture(autouse=True)
def _opcheck_of_native_calls(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test, run torch's opcheck on the native calls that it made.

    A kind of call (the operator; dtype, rank, emptiness, layout and gradient of each tensor, type
    of each other argument) is checked once a session; with RAZ_OPCHECK=every, every call is.
    """
    name = request.node.name
    if "compile" in name or "export" in name:  # torch traces the operators themselves
        yield
        return
    with opchecks.recorded() as calls:
        yield
    for operator, arguments in calls:
        opchecks.check(operator, arguments)
