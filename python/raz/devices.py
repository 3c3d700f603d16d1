"""Which device a model runs on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["choose_device", "has_fast_bfloat16"]


def choose_device(device: str | torch.device = "auto") -> torch.device:
    """Return the device that is meant; "auto" is CUDA where there is one, else the CPU.

    Raises:
        ValueError: there is no such device.
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
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise ValueError(
            f"device is {str(device)!r}, but {torch.cuda.device_count()} CUDA devices are available"
        )
    return chosen


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether a net runs faster in bfloat16 than in float32 there.

    True on GPUs that compute in it and on CPUs with AVX-512. Other CPUs emulate it: a training step
    of ``raznet_lite`` took twelve times as long on one with AVX2.
    """
    import torch

    if device.type == "cuda":
        with torch.cuda.device(device):
            return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and torch.backends.cpu.get_cpu_capability().startswith("AVX512")
