"""What of a Result goes into a report: its figures, and what its view needs."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from raz.density import CROWDED, NEIGHBOURHOOD
from raz.ground import Ground
from raz.intervals import CELL_SHARE, OFFSET
from raz.io.formats.raz_json import json_object
from raz.io.formats.values import INTERVAL_LEVEL, count_interval, encodable, number
from raz.io.georeference import map_ground
from raz.io.report.data_uri import as_jpeg
from raz.io.zone_plot import rings_of

if TYPE_CHECKING:
    from PIL.Image import Image

    from raz.result import Result

__all__ = ["Contents", "figures", "view"]


@dataclass(frozen=True, kw_only=True)
class Contents:
    """How much goes into a report.

    Attributes:
        ground: from pixels to metres on the ground, for all images; None takes the georeference
            of each image that has one.
        image_side: most pixels along the longer side of an embedded image.
        thumbnail_side: the same of the images in the table, if it is less.
        view_bytes: after so many bytes of images, heads and density, further images have no
            view of their own. The first one always has.
        thumbnail_bytes: after so many bytes of thumbnails, further images have none.
        density_cells: a density map of more cells is embedded in larger ones.

    Raises:
        ValueError: a number is too small.

    Example:
        >>> Contents(image_side=1024).image_side
        1024
    """

    ground: Ground | None = None
    image_side: int = 2048
    thumbnail_side: int = field(default=160, repr=False)
    view_bytes: int = 100_000_000
    thumbnail_bytes: int = field(default=20_000_000, repr=False)
    density_cells: int = field(default=1_000_000, repr=False)

    def __post_init__(self) -> None:
        for name in ("image_side", "thumbnail_side", "density_cells"):
            if (value := getattr(self, name)) < 1:
                raise ValueError(f"{name} is {value}; it must be at least 1")
        for name in ("view_bytes", "thumbnail_bytes"):
            if (value := getattr(self, name)) < 0:
                raise ValueError(f"{name} is {value}; it must be at least 0")


def figures(result: Result) -> dict[str, Any]:
    """Return the figures of one image: a row of the table.

    Example:
        >>> from raz import Result
        >>> import torch
        >>> nobody = Result(
        ...     points=torch.zeros(0, 2), scores=torch.zeros(0), density=torch.zeros(6, 8),
        ...     count=0.0, count_density=0.0, count_points=0, image_size=(64, 48), path="a.jpg",
        ... )
        >>> figures(nobody)["name"], figures(nobody)["count"]
        ('a.jpg', 0.0)
    """
    low, high = count_interval(result)
    width, height = result.image_size
    return {
        "name": "image" if result.path is None else encodable(result.path),
        "time": None if result.time is None else number(result.time),
        "width": width,
        "height": height,
        "count": number(result.count),
        "low": low,
        "high": high,
        "level": INTERVAL_LEVEL,
        "density": number(result.count_density),
        "points": result.count_points,
        "warnings": list(result.warnings),
    }


def view(result: Result, contents: Contents, image: Image | None) -> dict[str, Any]:
    """Return what the view of an image needs beside its figures: pixels, heads, density, zones ...

    Args:
        result: of the image.
        contents: how much goes into the report.
        image: RGB, as large as it is to be shown; None where it is not at hand.

    Example:
        >>> from raz import Result
        >>> import torch
        >>> nobody = Result(
        ...     points=torch.zeros(0, 2), scores=torch.zeros(0), density=torch.zeros(6, 8),
        ...     count=0.0, count_density=0.0, count_points=0, image_size=(64, 48), path="a.jpg",
        ... )
        >>> sorted(view(nobody, Contents(), None))
        ['density', 'ground', 'image', 'interval', 'result', 'zones']
    """
    ground = contents.ground
    if ground is None and result.georeference is not None:
        ground = map_ground(result.georeference)
    return {
        "result": json_object(result),
        "image": None if image is None else as_jpeg(image, quality=85),
        "density": _density(result, contents.density_cells),
        "interval": _interval(result),
        "zones": [{"name": name, "rings": _rings(area)} for name, area in result.zones.items()],
        "ground": None
        if ground is None
        else {"matrix": ground.matrix.ravel().tolist(), "source": ground.source},
    }


def _density(result: Result, most: int) -> dict[str, Any]:
    """The cells as little-endian float32, bit for bit; of a large map the sums of blocks."""
    cells = result.density.detach().cpu().float().numpy()
    factor = max(1, math.ceil(math.sqrt(cells.size / most)))
    if factor > 1:
        cells = _sums(cells, factor)
    return {
        "rows": cells.shape[0],
        "columns": cells.shape[1],
        "stride": result.stride * factor,
        "factor": factor,
        "base64": base64.b64encode(np.ascontiguousarray(cells, "<f4").tobytes()).decode("ascii"),
    }


def _sums(cells: npt.NDArray[np.float32], factor: int) -> npt.NDArray[np.float64]:
    rows = np.arange(0, cells.shape[0], factor)
    columns = np.arange(0, cells.shape[1], factor)
    tall = np.add.reduceat(cells, rows, axis=0, dtype=np.float64)
    sums: npt.NDArray[np.float64] = np.add.reduceat(tall, columns, axis=1)
    return sums


def _rings(area: Any) -> list[list[list[float]]]:
    """The outline of a zone, to a hundredth of a pixel; a mask has none."""
    corners = np.asarray(area.detach().cpu() if hasattr(area, "detach") else area)
    if corners.dtype == bool:
        return []
    return [ring.round(2).tolist() for ring in rings_of(corners)]


def _interval(result: Result) -> dict[str, Any] | None:
    """What `Result.interval_in` computes from, at one level; None where the weights do not tell."""
    spread = result.spread
    if spread.highest_level < INTERVAL_LEVEL:
        return None
    return {
        "level": INTERVAL_LEVEL,
        "image": spread.quantile(INTERVAL_LEVEL),
        "cell": spread.quantile(INTERVAL_LEVEL, CELL_SHARE),
        "growth": spread.growth,
        "offset": OFFSET,
        "cellShare": CELL_SHARE,
        "neighbourhood": NEIGHBOURHOOD,
        "crowded": CROWDED,
        "times": max(1, round(1 / result.scale)),
    }
