"""Tell an image that is nearly black, as one is whose values are not what its dtype says."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["DARK", "dark_note"]

DARK = 17
"""Brightest value of an image, of 255, below which nobody can be seen in it (ours).

That of 12 bits in a deep container is at most 16, and of labels or of values in 0..1 it is 1.
"""

_STEP = 16
"""Of so many columns one is looked at first."""


def dark_note(pixels: torch.Tensor) -> str | None:
    """Say in one line that an image is nearly black; None if it is not, or black everywhere.

    Args:
        pixels: uint8, any shape, at least one value.

    Example:
        >>> import torch
        >>> dark_note(torch.tensor([0, 1], dtype=torch.uint8))[:47]
        'the image is nearly black: its brightest value '
        >>> dark_note(torch.tensor([0, 200], dtype=torch.uint8)) is None
        True
    """
    if pixels.dim() and int(pixels[..., ::_STEP].max()) >= DARK:
        return None  # as nearly always, so the others need not be looked at
    most = int(pixels.max())
    if not 0 < most < DARK:
        return None
    return (
        f"the image is nearly black: its brightest value is {most} of 255, as where values are in "
        "0..1, labels, or fewer bits in a deeper type"
    )
