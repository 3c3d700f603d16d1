"""Which device a model runs on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["choose_device"]


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
