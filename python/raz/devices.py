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
