"""What can go wrong that is not the caller's code: one class per cause.

A wrong argument is a ``ValueError`` or a ``TypeError``, as everywhere in Python. The command line
turns each class below into its own exit code.
"""

from __future__ import annotations

__all__ = ["InputError", "RazError", "ResourceError", "WeightsError"]


class RazError(Exception):
    """Base of every error that raz raises about the world outside the program."""


class InputError(RazError):
    """An image or file is missing, broken, or not what it says it is (exit code 3)."""


class WeightsError(RazError):
    """Weights are missing, damaged, or do not belong to the model (exit code 4)."""


class ResourceError(RazError):
    """Memory or time ran out (exit code 5)."""
