"""The operators: one file each, which holds its whole Python side.

Every operator runs as a native kernel where one is compiled for the tensor's device, and as its
plain torch twin in :mod:`raz.reference` elsewhere, with the same results.
"""

from raz.ops.integral_image import integral_image

__all__ = ["integral_image"]
