"""What one image came to: the count, the located heads, the density map and the zoom trace."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch
    from PIL.Image import Image

    from raz.io.georeference import Georeference

__all__ = ["Region", "Result", "SkippedRegion"]

SkipReason = Literal["max_zoom_pixels", "max_seconds"]


@dataclass(frozen=True, kw_only=True)
class Region:
    """One region that was looked at again, enlarged: a node of the zoom trace.

    Attributes:
        box: (x1, y1, x2, y2), edges in original pixels.
        score: mean attention inside the box, about 0 to 1.
        depth: the pass that looked at it; 2 is the first zoom.
        scale: enlargement against the original image.
        points_before: persons located inside it before.
        points_after: persons located inside it afterwards.
        seconds: wall clock of that pass; regions looked at together share equally. Two regions
            that differ in it alone are equal.
        children: regions proposed within this one.
    """

    box: tuple[float, float, float, float]
    score: float
    depth: int
    scale: float
    points_before: int
    points_after: int
    seconds: float = field(default=0.0, compare=False)
    children: tuple[Region, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SkippedRegion:
    """One region that was proposed, but that the budget of zooming did not reach.

    Attributes:
        box: (x1, y1, x2, y2), edges in original pixels.
        score: mean attention inside the box, about 0 to 1.
        depth: the pass that would have looked at it; 2 is the first zoom.
        reason: the limit that cut it off, by its name in :func:`raz.predict`.
    """

    box: tuple[float, float, float, float]
    score: float
    depth: int
    reason: SkipReason


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Result:
    """Count and locations of the people in one image.

    Coordinates are pixels of the original, upright image; pixel j covers [j, j + 1).

    Attributes:
        points: float32 [N, 2], (x, y) of each located head. N has no upper limit.
        scores: float32 [N], in 0..1.
        density: float32 [ceil(H / 8), ceil(W / 8)], persons per cell of 8 x 8 pixels. Single
            cells may be slightly negative.
        count: persons in the image, at least 0: density and points fused (Liu et al.,
            CVPR 2019, eq. 4). This is the answer to "how many?".
        count_density: sum of ``density``.
        count_points: N.
        image_size: (width, height) in pixels.
        regions: the zoom trace; empty when nothing was zoomed into.
        skipped: regions that the budget of zooming did not reach, by depth, then descending score;
            empty without a budget.
        model: name of the model.
        speed: milliseconds by stage: "decode" of the image, "main" pass over it, "zoom" into
            its regions, "merge" of points and counts; and their "total".
        path: the image's file as it was given; None for an image in memory. A frame's is that of
            the video, followed by ``#t=`` and its time: ``clip.mp4#t=12.480``.
        time: of a video's frame, seconds since the first one; else None.
        georeference: where the image lies on the map, if its file is a GeoTIFF; else None.
        image: uint8 [3, H, W], kept only for an image in memory (a copy) and for a video's frame,
            for :meth:`plot`.
    """

    points: torch.Tensor
    scores: torch.Tensor
    density: torch.Tensor
    count: float
    count_density: float
    count_points: int
    image_size: tuple[int, int]
    regions: tuple[Region, ...] = ()
    skipped: tuple[SkippedRegion, ...] = ()
    model: str = ""
    speed: Mapping[str, float] = field(default_factory=dict)
    path: str | None = None
    time: float | None = None
    georeference: Georeference | None = None
    image: torch.Tensor | None = None

    def __post_init__(self) -> None:
        points, scores = tuple(self.points.shape), tuple(self.scores.shape)
        if len(points) != 2 or points[1] != 2:
            raise ValueError(f"points has shape {list(points)}; it must be [N, 2]")
        if scores != points[:1]:
            raise ValueError(f"scores has shape {list(scores)}; it must be [{points[0]}]")

    def __repr__(self) -> str:
        width, height = self.image_size
        name = self.path if self.path is not None else "image"
        return (
            f"Result({name!r}, {width}x{height}, count={self.count:.1f}, "
            f"density={self.count_density:.1f}, points={self.count_points}, "
            f"regions={len(self.regions)}, model={self.model!r})"
        )

    def count_in(self, polygon: Sequence[Sequence[float]] | npt.NDArray[np.floating]) -> int:
        """Count the located heads inside a polygon.

        A point is inside by the even-odd rule. Edges are half open, so polygons that share
        whole edges partition the points: none is counted twice or lost. The image's last
        row and column edge count as inside.

        Args:
            polygon: [M, 2], M >= 3 corners (x, y) in original pixels, in either direction, need
                not be closed. May intersect itself.

        Raises:
            ValueError: ``polygon`` has another shape, or corners that are not finite.
        """
        from raz.io.polygon import inside_polygon

        return int(inside_polygon(self, polygon).sum())

    def plot(
        self,
        *,
        trace: bool = False,
        density: bool = False,
        caption: bool = True,
        image: torch.Tensor | npt.NDArray[np.uint8] | Image | None = None,
    ) -> Image:
        """Draw the located heads and the count on the image.

        Args:
            trace: also draw the zoom trace: each region's box, in a colour and width of its depth,
                labelled with its enlargement, its mean attention, and the heads located in it
                before and after; dashed where the budget did not reach it, with the reason.
            density: also lay the density map over the image.
            caption: write the count into the corner.
            image: the image, in any form that :func:`raz.io.decoding.to_image` takes. By default
                the one that was predicted from: the file is read again.

        Returns:
            a PIL image, RGB, of the image's size.

        Raises:
            InputError: the file can no longer be read or has another size now.
            ValueError: neither a path nor an image is known, or ``image`` has another size.
        """
        from raz.io.plot import plot_result

        return plot_result(self, image=image, trace=trace, density=density, caption=caption)

    def save(self, path: str | os.PathLike[str], *, format: str | None = None) -> Path:
        """Write the result; the suffix says in which form, or the name of a format.

        ``.json`` ("raz"), ``.jsonl``, ``.csv``, ``.coco.json`` ("coco"), ``.xml`` ("cvat"),
        ``.label-studio.json`` ("label-studio"), ``.geojson``: the text of the method of that name;
        ``.txt`` ("nwpu"): a line in NWPU-Crowd's form, with the image's file name without suffix
        as its id; ``.npz``: the arrays; ``.density.npy`` ("density"): the density map alone;
        ``.png``, ``.jpg``, ``.jpeg`` ("plot"): the plot. See ``docs/outputs.md``. The file appears
        whole or not at all.

        Args:
            path: the file.
            format: a name, for a file name with any suffix.

        Raises:
            ValueError: no format has that name or suffix, or NWPU-Crowd's text has no id for the
                image: it is in memory, or its file name holds white space.
            OSError: the file cannot be written.
        """
        from raz.io.formats import save

        return save(self, path, format=format)

    def to_json(self) -> str:
        """Return a JSON object: path, time, image_size [w, h], count, count_density, count_points,
        points [[x, y, score], ...], regions (a tree), skipped (a list), model, raz_version. NaN is
        null.
        """
        from raz.io.formats import json_text

        return json_text(self)

    def to_csv(self) -> str:
        """Return a header ``x,y,score``, then one line per located head."""
        from raz.io.formats import csv_text

        return csv_text(self)

    def to_coco(self, *, image_id: int = 1) -> str:
        """Return COCO keypoints, as JSON: one image, one category "person" of one keypoint "head".

        An annotation's box is empty (0 x 0 at the head), since extents are not estimated.
        """
        from raz.io.formats import coco_text

        return coco_text(self, image_id=image_id)

    def to_cvat(self) -> str:
        """Return CVAT's XML "for images" 1.1: a point labelled "head" with a score for each head.

        The image has the image's file name, without its folder.
        """
        from raz.io.formats import cvat_text

        return cvat_text(self)

    def to_label_studio(self) -> str:
        """Return Label Studio's JSON: one task with a prediction of key points labelled "head".

        Coordinates are percent of the image's width and height.
        """
        from raz.io.formats import label_studio_text

        return label_studio_text(self)

    def to_geojson(self, *, pixels: bool = False) -> str:
        """Return a GeoJSON FeatureCollection of points.

        Coordinates are pixels, y downwards. Where the image is georeferenced they are those of
        its reference system, easting or longitude first, and "x" and "y" are the pixels. A system
        other than WGS84 is named in "crs", as GDAL does; RFC 7946 has no word for it.

        Args:
            pixels: pixels in any case.
        """
        from raz.io.formats import geojson_text

        return geojson_text(self, pixels=pixels)

    def to_nwpu_line(self, image_id: int | str) -> str:
        """Return NWPU-Crowd's localization line ``id n x1 y1 x2 y2 ...``, coordinates floored.

        Raises:
            ValueError: ``image_id`` is empty or holds white space.
        """
        from raz.io.formats import nwpu_line

        return nwpu_line(self, image_id)
