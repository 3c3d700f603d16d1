"""Errors raised for reasons outside the program; each has an exit code of the command line."""

from __future__ import annotations


class RazError(Exception):
    """Base of every error raz raises for a reason outside the program."""


class InputError(RazError):
    """A picture or file is missing, unreadable or not what it claims to be (exit code 3)."""


class WeightsError(RazError):
    """A weights file is missing, unreadable or does not fit the model (exit code 4)."""


class ResourceError(RazError):
    """A memory or time budget does not suffice (exit code 5)."""
