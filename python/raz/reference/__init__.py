"""Plain torch (or NumPy) twins of :mod:`raz.ops`: same names, same results, no native code.

They are the oracles of the tests and the fallback where no native module was built. They check
nothing: the public functions of :mod:`raz.ops` do that first.
"""

from raz.reference.attention_map import attention_map
from raz.reference.congestion import congestion
from raz.reference.count_matches import count_matches
from raz.reference.crop_and_resize import crop_and_resize
from raz.reference.density_map import density_map
from raz.reference.find_peaks import find_peaks
from raz.reference.integral_image import integral_image
from raz.reference.match_points import match_points
from raz.reference.point_map import point_map
from raz.reference.point_nms import point_nms, point_nms_mask
from raz.reference.propose_regions import propose_regions
from raz.reference.score_anchors import score_anchors

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
    "score_anchors",
]
