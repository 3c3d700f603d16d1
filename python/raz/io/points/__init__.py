"""Files of points, predicted or true, of many images: readers of every common form, writers.

``read_points`` takes NWPU-Crowd's text, CSV, COCO keypoints JSON and raz's own JSON, and gives one
form, :class:`PointFile`. Errors name the file and the line, or the place within a JSON document.
"""

from raz.io.points.annotations import ImagePoints, PointFile, image_key
from raz.io.points.head_area import head_levels, head_radii
from raz.io.points.labels import read_labels
from raz.io.points.nwpu import (
    Problem,
    Validation,
    validate_nwpu,
    write_nwpu_predictions,
    write_nwpu_truth,
)
from raz.io.points.reading import read_points
from raz.io.points.single import read_single
from raz.io.points.sizes import read_sizes
from raz.io.points.writing import write_points

__all__ = [
    "ImagePoints",
    "PointFile",
    "Problem",
    "Validation",
    "head_levels",
    "head_radii",
    "image_key",
    "read_labels",
    "read_points",
    "read_single",
    "read_sizes",
    "validate_nwpu",
    "write_nwpu_predictions",
    "write_nwpu_truth",
    "write_points",
]
