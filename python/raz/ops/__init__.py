"""The operators. Each has one file, which holds its whole Python side.

An operator runs as a native kernel if one is compiled for the tensor's device, otherwise as its
reference in :mod:`raz.reference`, with the same result. ``match_points`` and ``count_matches`` take
and return NumPy arrays instead of tensors. ``register`` is not an operator: it registers them with
torch ahead of the first call.
"""

from raz.ops.attention_map import attention_map
from raz.ops.congestion import congestion
from raz.ops.count_matches import count_matches
from raz.ops.crop_and_resize import crop_and_resize
from raz.ops.density_map import density_map
from raz.ops.find_peaks import find_peaks
from raz.ops.integral_image import integral_image
from raz.ops.match_points import match_points
from raz.ops.point_map import point_map
from raz.ops.point_nms import point_nms, point_nms_mask
from raz.ops.propose_regions import propose_regions
from raz.ops.register import register
from raz.ops.score_anchors import score_anchors

__all__ = [
    "attention_map",
    "congestion",
    "count_matches",
    "crop_and_resize",
    "density_map",
    "find_peaks",
    "integral_image",
    "match_points",
    "point_map",
    "point_nms",
    "point_nms_mask",
    "propose_regions",
    "register",
    "score_anchors",
]
