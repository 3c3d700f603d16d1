"""Files of points, predicted or true, of many images: the public face of the formats' readers.

:func:`read_points` takes every format that raz writes, and the exports of CVAT and Label Studio,
and gives one record per image, :class:`ImagePoints`; :func:`write_points` writes them. Errors name
the file and the line, or the place within a JSON document.
"""

from raz.io.annotations import ImagePoints, PointFile, image_key, image_stem
from raz.io.formats.head_area import head_levels, head_radii
from raz.io.formats.nwpu import (
    Problem,
    Validation,
    validate_nwpu,
    write_nwpu_predictions,
    write_nwpu_truth,
)
from raz.io.points.labels import read_labels
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
    "image_stem",
    "read_labels",
    "read_points",
    "read_single",
    "read_sizes",
    "validate_nwpu",
    "write_nwpu_predictions",
    "write_nwpu_truth",
    "write_points",
]
