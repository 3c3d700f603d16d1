from __future__ import annotations

from collections.abc import Iterator

import pytest

from raz import _native


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
