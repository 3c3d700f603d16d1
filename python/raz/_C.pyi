"""The native module: importing it registers torch.ops.raz; see raz_ext/module.cpp."""

from typing import Any

def build_info() -> dict[str, Any]: ...
