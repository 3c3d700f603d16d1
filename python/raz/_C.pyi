"""The native module: importing it registers the operators; see raz_ext/module.cpp."""

from typing import Any

import numpy as np
import numpy.typing as npt

_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]

def build_info() -> dict[str, Any]: ...
def set_instruction_set(name: str) -> None: ...
def match_points(
    pred: _Floats, truth: _Floats, radius: _Floats, searches: int = 32
) -> tuple[_Ints, _Ints]: ...
def match_points_in_order(
    pred: _Floats, truth: _Floats, radius: _Floats
) -> tuple[_Ints, _Ints]: ...
def count_matches(pred: _Floats, truth: _Floats, radii: _Floats) -> _Ints: ...
