"""What raz finds in one image: the count, the located heads, the density map, the zoom trace."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from raz.errors import installs
from raz.intervals import OFFSET, Spread, as_number
from raz.io.zones import ZoneCount, Zones

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import supervision
    import torch
    from PIL.Image import Image

    from raz.areas import Area
    from raz.ground import Ground
    from raz.io.georeference import Georeference
    from raz.io.rasters import Reading

__all__ = ["Region", "Result", "SkippedRegion"]

SkipReason = Literal["max_zoom_pixels", "max_seconds"]


@dataclass(frozen=True, kw_only=True)
class Region:
    """One region that the net saw again, enlarged: a node of the zoom trace.

    Attributes:
        box: (x1, y1, x2, y2), edges in original pixels.
        score: mean attention inside the box, of its crowded cells where zooming is by the cover;
            about 0 to 1.
        depth: the pass that saw it; 2 is the first zoom.
        scale: that pass's pixels per pixel of the original image; below 1 it saw it reduced.
        points_before: persons located inside it before that pass.
        points_after: persons located inside it after that pass.
        count_before: persons inside it by the density before that pass.
        count_after: persons inside it by the density after that pass.
        crowded: persons in it who stand too dense to be counted at this scale, by the attention of
            that pass and of the one before; they are why there are children, where the limits allow
            any.
        seconds: wall clock time of that pass; regions of one batch share it equally. It is left
            out when regions are compared.
        children: regions that were proposed within this one.

    Example:
        >>> from raz import Region
        >>> region = Region(
        ...     box=(0, 0, 64, 48),
        ...     score=0.5,
        ...     depth=2,
        ...     scale=2,
        ...     points_before=3,
        ...     points_after=5,
        ...     count_before=4.5,
        ...     count_after=5.25,
        ... )
        >>> region.points_after - region.points_before
        2
    """

    box: tuple[float, float, float, float]
    score: float
    depth: int
    scale: float
    points_before: int
    points_after: int
    count_before: float
    count_after: float
    crowded: float = 0.0
    seconds: float = field(default=0.0, compare=False)
    children: tuple[Region, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SkippedRegion:
    """One region that was proposed, but that the limits on zooming cut off.

    Attributes:
        box: (x1, y1, x2, y2), edges in original pixels.
        score: mean attention inside the box, of its crowded cells where zooming is by the cover;
            about 0 to 1.
        depth: the pass that would have seen it; 2 is the first zoom.
        reason: the limit that cut it off, by its name in :func:`raz.predict`.

    Example:
        >>> from raz.result import SkippedRegion
        >>> SkippedRegion(box=(0, 0, 64, 48), score=0.5, depth=2, reason="max_seconds").reason
        'max_seconds'
    """

    box: tuple[float, float, float, float]
    score: float
    depth: int
    reason: SkipReason


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Result:
    """Count and locations of the people in one image.

    Coordinates are pixels of the original, upright image; pixel j covers [j, j + 1).

    A result is also a collection of its located heads: ``len(result)`` is their number, iterating
    over it yields (x, y, score), and ``result[...]`` selects some of them. A result without heads
    is still true.

    Attributes:
        points: float32 [N, 2], (x, y) of each located head. N has no upper limit.
        scores: float32 [N], in 0..1.
        density: float32 [ceil(H / stride), ceil(W / stride)], persons per cell, as seen after
            zooming. Cells of the last row and column that stick out of the image end at its edge.
            Single cells may be slightly negative.
        count: persons in the image, at least 0: density and points fused (Liu et al.,
            CVPR 2019, eq. 4). This is the answer to "how many?".
        count_density: sum of ``density``.
        count_points: N.
        image_size: (width, height) in pixels.
        regions: the zoom trace; empty when nothing was zoomed into.
        skipped: regions that the limits on zooming cut off, by depth, then by descending score;
            empty without limits.
        scale: pixels of the first look per pixel of the image: 1, or less for a large image that
            was seen reduced first.
        warnings: why the count is doubtful, one line each; mostly empty. See `raz.zoom.doubts`;
            first comes what was guessed about the file (`raz.io.decoding`).
        model: name of the model.
        speed: milliseconds by stage: "decode" of the image, "main" pass over it, "zoom" into
            its regions, "merge" of points and counts; and their "total".
        path: the image's file as it was given; None for an image in memory. The path of a video
            frame is that of the video, followed by ``#t=`` and its time: ``clip.mp4#t=12.480``.
        time: seconds since the first frame, for a frame of a video; else None.
        georeference: where the image lies on the map, if its file is a GeoTIFF; else None.
        image: uint8 [3, H, W], kept only for an image in memory (a copy) and for a video frame,
            for :meth:`plot`.
        reading: how the image's file was read (``bits``, ``bands``), for :meth:`plot`, which reads
            it again; None as it is stored.
        spread: how far counts by the same weights lay from the truth, for :meth:`interval`; empty
            where the weights do not tell.
        zones: named areas that were asked for; :meth:`zone_counts` counts in them, and JSON, the
            table of counts and plots have them.
        smoothed: smoothed counts of a frame of a video by names that say how, such as
            "count_median_2s"; empty unless :func:`raz.smoothing.smoothed` put them there.
        stride: pixels of the image along each side of a cell of ``density``: that of the network,
            8 of raz's own.

    Example:
        >>> import torch
        >>> from raz import Result
        >>> result = Result(
        ...     points=torch.tensor([[3.5, 4.5], [12.0, 6.0]]),
        ...     scores=torch.tensor([0.75, 0.5]),
        ...     density=torch.tensor([[1.0, 1.25]]),
        ...     count=2.125,
        ...     count_density=2.25,
        ...     count_points=2,
        ...     image_size=(16, 8),
        ... )
        >>> result
        Result('image', 16x8, count=2.1, density=2.2, points=2, regions=0, model='')
        >>> len(result), list(result)
        (2, [(3.5, 4.5, 0.75), (12.0, 6.0, 0.5)])
        >>> result[0]
        (3.5, 4.5, 0.75)
        >>> right_half = result[result.points[:, 0] >= 8]  # also slices and lists of integers
        >>> right_half.count_points, right_half.count
        (1, 2.125)
        >>> len(result.filtered(min_score=0.6))
        1
        >>> halves = {
        ...     "left": [(0, 0), (8, 0), (8, 8), (0, 8)],
        ...     "right": [(8, 0), (16, 0), (16, 8), (8, 8)],
        ... }
        >>> result.count_in(halves["left"]), result.count_in(halves)
        (1, {'left': 1, 'right': 1})
        >>> result.density_in(halves)
        {'left': 1.0, 'right': 1.25}
        >>> result.to_csv()
        'x,y,score\\n3.5,4.5,0.75\\n12.0,6.0,0.5\\n'
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
    scale: float = 1.0
    warnings: tuple[str, ...] = ()
    model: str = ""
    speed: Mapping[str, float] = field(default_factory=dict)
    path: str | None = None
    time: float | None = None
    georeference: Georeference | None = None
    image: torch.Tensor | None = None
    reading: Reading | None = None
    spread: Spread = field(default_factory=Spread)
    zones: Zones = field(default_factory=Zones)
    smoothed: Mapping[str, float] = field(default_factory=dict)
    stride: int = 8

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

    def _repr_html_(self) -> str:
        from raz.io.notebook import to_html

        return to_html(self)

    def __len__(self) -> int:
        """The number of located heads."""
        return int(self.points.shape[0])

    def __bool__(self) -> bool:
        """True, also without heads: that nobody is there is a result too."""
        return True

    def __iter__(self) -> Iterator[tuple[float, float, float]]:
        """Yield (x, y, score) of each located head, in the order of ``points``."""
        scores = self.scores.tolist()
        for (x, y), score in zip(self.points.tolist(), scores, strict=True):
            yield x, y, score

    @overload
    def __getitem__(self, index: int | np.integer[Any]) -> tuple[float, float, float]: ...

    @overload
    def __getitem__(
        self, index: slice | Sequence[int] | Sequence[bool] | npt.NDArray[Any] | torch.Tensor
    ) -> Result: ...

    def __getitem__(self, index: Any) -> Any:
        """Select located heads.

        Args:
            index: one integer, for that head as (x, y, score), as iterating yields it; or a bool
                mask [N], a slice or integers [K], for a result with those heads, in that order.
                Negative integers count from the end.

        Returns:
            the tuple, or a result with the selected ``points`` and ``scores`` and their number as
            ``count_points``. Everything else is the same; ``count`` and ``density`` still describe
            the whole image.

        Raises:
            IndexError: an integer is out of range, or the mask has another length.
            TypeError: ``index`` is of another kind.
        """
        if isinstance(index, slice):
            return self._select(list(range(*index.indices(len(self)))))
        chosen = _chosen(index, len(self))
        if chosen.ndim:
            return self._select(chosen)
        (x, y), score = self.points[int(chosen)].tolist(), self.scores[int(chosen)].item()
        return x, y, score

    def filtered(self, *, min_score: float | None = None, area: Area | None = None) -> Result:
        """Return a result with the heads that fulfil all conditions.

        Args:
            min_score: the least score, in 0..1.
            area: a polygon or a mask, inside which the heads lie; see :meth:`count_in`.

        Returns:
            a result with those heads; ``count`` and ``density`` are unchanged.

        Raises:
            TypeError: ``min_score`` is no number.
            ValueError: ``area`` is neither a polygon nor a mask of the image's size.
        """
        import torch

        kept = torch.ones(len(self), dtype=torch.bool, device=self.points.device)
        if min_score is not None:
            kept &= self.scores >= as_number("min_score", min_score)
        if area is not None:
            kept &= torch.from_numpy(self._inside(area)).to(kept.device)
        return self._select(kept.nonzero()[:, 0])

    @overload
    def count_in(self, area: Mapping[str, Area]) -> dict[str, int]: ...

    @overload
    def count_in(self, area: Area) -> int: ...

    @overload
    def count_in(self, area: Sequence[Area]) -> list[int]: ...

    def count_in(self, area: Any) -> Any:
        """Count the located heads inside an area, or inside each of several.

        Args:
            area: one of

                * a polygon, [M, 2], M >= 3 corners (x, y) in original pixels, in either direction,
                  not necessarily closed. Where it intersects itself, a point is inside by the
                  even-odd rule.
                * a mask, bool [H, W] of the image's size. A head is inside if its pixel is.
                * a list of polygons and masks.
                * a mapping of names to polygons and masks.

        Returns:
            the number of heads inside; a list of numbers; or a dictionary of names and numbers.
            Edges are half open, so areas that share whole edges partition the heads: none is
            counted twice or lost. The image's last row and column edge count as inside.

        Raises:
            ValueError: an area has another shape, or a corner more than 1e9 pixels from 0.
        """
        from raz.areas import for_each_area

        return for_each_area(area, lambda one: int(self._inside(one).sum()))

    @overload
    def density_in(self, area: Mapping[str, Area]) -> dict[str, float]: ...

    @overload
    def density_in(self, area: Area) -> float: ...

    @overload
    def density_in(self, area: Sequence[Area]) -> list[float]: ...

    def density_in(self, area: Any) -> Any:
        """Integrate the density map over an area, or over each of several.

        The density is constant within each of its cells, and the part of a cell that an
        area covers is computed exactly. So areas that share edges sum to the whole, and what lies
        outside the image adds nothing. Unlike ``count``, this does not use the located heads.

        Args:
            area: as in :meth:`count_in`. A polygon that intersects itself follows the even-odd
                rule.

        Returns:
            persons, as a number, a list or a dictionary. Slightly negative where the density is.

        Raises:
            ValueError: an area has another shape, or a corner more than 1e9 pixels from 0; or
                ``density`` has not the image's size.
        """
        from raz.areas import for_each_area

        return for_each_area(area, lambda one: self._integrated(self._shares(one)))

    @property
    def disagreement(self) -> float:
        """How far the points' number and the density's count are apart, relative to both (ours).

        ``(count_points - count_density) / (mean of the two + 10)``, from about -2 to 2. Above 0 the
        points are more. The two are read from different branches of the net: far from 0, one of
        them is wrong, and ``count`` deserves a second look. A result of selected heads tells that
        of their number.

        Example:
            >>> import torch
            >>> result = Result(
            ...     points=torch.zeros(12, 2),
            ...     scores=torch.ones(12),
            ...     density=torch.full((4, 4), 0.5),
            ...     count=10.0,
            ...     count_density=8.0,
            ...     count_points=12,
            ...     image_size=(32, 32),
            ... )
            >>> result.disagreement
            0.2
        """
        mean = (self.count_points + max(0.0, self.count_density)) / 2
        return (self.count_points - self.count_density) / (mean + OFFSET)

    def interval(self, level: float = 0.9) -> tuple[float, float]:
        """Interval that holds the true number of persons with a probability.

        It is as wide as the errors of the same weights on images kept apart were, relative to the
        count and to how dense the people stand (:class:`raz.intervals.Spread`, ours). Of images
        like those, at least a share ``level`` have their true count within it. Images of another
        kind may have less.

        Args:
            level: above 0. Weights calibrated on n images have intervals up to n / (n + 1).

        Returns:
            (low, high), persons around ``count``; ``low`` is at least 0.

        Raises:
            ValueError: ``level`` is out of range, or the weights carry no residuals.

        Example:
            >>> import torch
            >>> from raz import Result
            >>> from raz.intervals import Spread
            >>> result = Result(
            ...     points=torch.zeros(0, 2), scores=torch.zeros(0), density=torch.zeros(1, 1),
            ...     count=40.0, count_density=40.0, count_points=0, image_size=(8, 8),
            ...     spread=Spread((0.0, 0.1, 0.2), (0.1, 0.2, 0.3)),
            ... )
            >>> result.interval(0.75)
            (30.0, 50.0)
        """
        from raz.density import crowding

        crowded = 0.0
        if self.spread.residuals:
            crowded = crowding(self.density.detach(), times=self.cells_of_first_look)
        return self.spread.interval(level, self.count, crowded)

    @overload
    def interval_in(
        self, area: Mapping[str, Area], level: float = 0.9
    ) -> dict[str, tuple[float, float]]: ...

    @overload
    def interval_in(self, area: Area, level: float = 0.9) -> tuple[float, float]: ...

    @overload
    def interval_in(
        self, area: Sequence[Area], level: float = 0.9
    ) -> list[tuple[float, float]]: ...

    def interval_in(self, area: Any, level: float = 0.9) -> Any:
        """Interval of the number of persons in an area, or in each of several.

        It lies around :meth:`density_in`. Its width was learnt on whole images and on cells of
        their 4 x 4 grid; it holds with at least the probability ``level`` for such a cell of an
        image like those, if the cell is chosen without a look at the image. For other areas it is
        a guess from both, see :class:`raz.intervals.Spread`. Areas below a cell's size may have
        larger errors. The area of the whole image has the width of :meth:`interval`, as far as
        ``count_density`` is ``count``.

        Args:
            area: as in :meth:`count_in`.
            level: as in :meth:`interval`.

        Returns:
            (low, high), persons; or a list or a dictionary of them.

        Raises:
            ValueError: as :meth:`interval` and :meth:`density_in` do.
        """
        from raz.areas import for_each_area

        return for_each_area(area, lambda one: self._interval_of(self._shares(one), level))

    def zone_counts(self, level: float = 0.9) -> dict[str, ZoneCount]:
        """Count in each of ``zones``: heads, density, and the interval around the density.

        Args:
            level: of the intervals, see :meth:`interval_in`. They are None where the weights do
                not reach it.

        Returns:
            by the zones' names, in their order.

        Raises:
            ValueError: as :meth:`count_in` and :meth:`density_in` do.

        Example:
            >>> import torch
            >>> from raz import Result
            >>> from raz.io.zones import as_zones
            >>> result = Result(
            ...     points=torch.tensor([[3.5, 4.5]]), scores=torch.ones(1), count=1.0,
            ...     density=torch.tensor([[1.0, 0.25]]), count_density=1.25, count_points=1,
            ...     image_size=(16, 8), zones=as_zones({"left": [(0, 0), (8, 0), (8, 8), (0, 8)]}),
            ... )
            >>> result.zone_counts()
            {'left': ZoneCount(points=1, density=1.0, low=None, high=None)}
        """
        told = self.spread.highest_level >= as_number("level", level)
        counts = {}
        for name, area in self.zones.items():
            shares = self._shares(area)
            low, high = self._interval_of(shares, level) if told else (None, None)
            counts[name] = ZoneCount(
                int(self._inside(area).sum()), self._integrated(shares), low, high
            )
        return counts

    def _interval_of(self, shares: npt.NDArray[np.float64], level: float) -> tuple[float, float]:
        import numpy as np
        import torch

        from raz.density import crowding

        width, height = self.image_size
        pixels = [
            np.minimum(self.stride, length - np.arange(cells) * self.stride)
            for length, cells in zip((height, width), shares.shape, strict=True)
        ]
        crowded = crowding(
            self.density.detach(),
            torch.from_numpy(shares).to(self.density.device),
            times=self.cells_of_first_look,
        )
        share = float(pixels[0] @ shares @ pixels[1]) / (width * height)
        return self.spread.interval(level, self._integrated(shares), crowded, share=share)

    @property
    def cells_of_first_look(self) -> int:
        """Cells of ``density`` along each side of a cell of the first look: 1 unless reduced."""
        return max(1, round(1 / self.scale))

    def _inside(self, area: Area) -> npt.NDArray[np.bool_]:
        from raz.areas import points_inside
        from raz.io.formats.values import located

        return points_inside(area, located(self)[0], self.image_size)

    def _shares(self, area: Area) -> npt.NDArray[np.float64]:
        """Return which share of each cell of the density map lies inside an area."""
        from raz.areas import shares_inside

        width, height = self.image_size
        expected = [-(-height // self.stride), -(-width // self.stride)]
        if list(self.density.shape) != expected:
            raise ValueError(f"density has shape {list(self.density.shape)}; it must be {expected}")
        return shares_inside(area, self.image_size, self.stride)

    def _integrated(self, shares: npt.NDArray[np.float64]) -> float:
        density = self.density.detach().cpu().double().numpy()
        covered = shares > 0  # a NaN elsewhere is not part of the area
        return float((shares[covered] * density[covered]).sum())

    def _select(self, indices: Any) -> Result:
        import torch

        chosen = torch.as_tensor(indices, dtype=torch.int64, device=self.points.device)
        return replace(
            self, points=self.points[chosen], scores=self.scores[chosen], count_points=len(chosen)
        )

    def plot(
        self,
        *,
        points: bool = True,
        trace: bool = False,
        density: bool = False,
        caption: bool = True,
        scale: int = 1,
        image: torch.Tensor | npt.NDArray[np.uint8] | Image | None = None,
    ) -> Image:
        """Draw the located heads on the image, and write the count below it.

        :func:`raz.io.plot.plot_matches` draws a result against the true heads, and
        :func:`raz.io.plot.plot_difference` two results.

        Args:
            points: draw a dot on each head, as large as the distance to its neighbours allows.
            trace: also draw the zoom trace: the box of each region, whose colour and width tell
                its depth, with a number. Regions that were skipped are dashed. Below the image
                stands by number the enlargement, the persons and heads before and after, and the
                mean attention, of up to 24 regions.
            density: also lay the density map over the image, which is grey then. Below the image
                stands what the colours mean, in persons per 100 x 100 pixels of the original.
            caption: write all this below the image, on a white strip; without it nothing is
                written there.
            scale: enlarge the image so many times before anything is drawn, 1 to 16: dots of
                crowds that stand few pixels apart are sharper then.
            image: the image, in any form that :func:`raz.io.decoding.to_image` takes. By default
                the image of the prediction; a file is read again.

        Returns:
            a PIL image, RGB: ``scale`` times the image's size, and higher with a caption. An image
            that is narrower than 200 pixels is widened by white then.

        Raises:
            InputError: the file can no longer be read, or it now has another size.
            ValueError: neither a path nor an image is known, ``image`` has another size, or
                ``scale`` is out of range.
            TypeError: ``scale`` is no integer.
        """
        from raz.io.plot import plot_result

        return plot_result(
            self,
            image=image,
            points=points,
            trace=trace,
            density=density,
            caption=caption,
            scale=scale,
        )

    def save(self, path: str | os.PathLike[str], *, format: str | None = None) -> Path:
        """Write the result in the format that the suffix, or ``format``, names.

        ``.json`` ("raz"), ``.jsonl``, ``.csv``, ``.coco.json`` ("coco"), ``.xml`` ("cvat"),
        ``.label-studio.json`` ("label-studio"), ``.geojson``: the text of the method of that name;
        ``.counts.csv`` ("counts"): a header and a line with the counts and the interval of
        ``count``; ``.txt`` ("nwpu"): a line in NWPU-Crowd's form, with the image's file name
        without suffix as its id; ``.npz``: the arrays; ``.density.npy`` ("density"): the density
        map alone; ``.png``, ``.jpg``, ``.jpeg`` ("plot"): the plot; ``.html`` ("report"): see
        :meth:`report`. See ``docs/outputs.md``. The file appears whole or not at all.

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

    def report(
        self,
        path: str | os.PathLike[str],
        *,
        ground: Ground | None = None,
        image_side: int = 2048,
    ) -> Path:
        """Write one HTML file that shows the image, its heads, its density and its zoom trace.

        A slider recounts the heads by their score, and a polygon counts inside. The file holds the
        image and needs no other file and no network; see ``docs/report.md``. For several results
        there is :func:`raz.io.report.save_report`.

        Args:
            path: the file; it appears whole or not at all.
            ground: where the image lies on the ground, for persons per square metre; by default
                ``georeference`` tells, if there is one.
            image_side: most pixels along the longer side of the embedded image, at least 1.

        Raises:
            ValueError: ``image_side`` is too small.
            OSError: the file cannot be written.
        """
        from raz.io.report import Contents, save_report

        return save_report(self, path, Contents(ground=ground, image_side=image_side))

    def to_json(self) -> str:
        """Return a JSON object: path, time, image_size [w, h], count, count_low and count_high
        (:meth:`interval` at level 0.9), count_density, count_points, disagreement,
        points [[x, y, score], ...], regions (a tree), skipped (a list), model, raz_version. NaN is
        null, and so are count_low and count_high where the weights do not tell. Where there are
        zones also zones {name: {count_points, count_density, count_low, count_high}}, and of a
        smoothed result also smoothed {name: persons}.
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

    def to_supervision(self) -> supervision.KeyPoints:
        """Return the heads as key points of the library supervision.

        Each head is a detection of class 0 with one key point, and its score is the confidence of
        both. Needs ``pip install ".[supervision]"``.

        Returns:
            ``supervision.KeyPoints`` with ``xy`` float32 [N, 1, 2], ``class_id`` int64 [N],
            ``keypoint_confidence`` float32 [N, 1], ``detection_confidence`` float32 [N].

        Raises:
            ImportError: supervision is not installed.
        """
        import numpy as np

        try:
            import supervision
        except ImportError as error:
            raise ImportError(
                f"to_supervision needs supervision: {installs('supervision')}"
            ) from error
        scores = self.scores.detach().cpu().float().numpy()
        return supervision.KeyPoints(
            xy=self.points.detach().cpu().float().numpy()[:, None].copy(),
            class_id=np.zeros(len(self), dtype=np.int64),
            keypoint_confidence=scores[:, None].copy(),
            detection_confidence=scores.copy(),
        )


def _chosen(index: Any, number: int) -> npt.NDArray[np.int64]:
    """Return which of so many points an index selects: int64 [K], or [] for a single integer."""
    import numpy as np

    try:
        chosen = np.asarray(index.detach().cpu() if hasattr(index, "detach") else index)
    except (TypeError, ValueError, RuntimeError):  # rows of several lengths, a meta tensor
        chosen = np.asarray(None)
    if chosen.dtype == bool:
        if chosen.shape != (number,):
            raise IndexError(f"mask has shape {list(chosen.shape)}; it must be [{number}]")
        return np.flatnonzero(chosen)
    if not chosen.size and chosen.ndim == 1:
        return np.zeros(0, dtype=np.int64)
    if chosen.dtype.kind not in "iu" or chosen.ndim > 1:
        raise TypeError(
            f"index is {index!r}; it must be an integer, a slice, a bool mask [N] or integers [K]"
        )
    if chosen.size and not number:
        raise IndexError(f"index is {index!r}; the result has no heads")
    outside = (chosen < -number) | (chosen >= number)
    if outside.any():
        raise IndexError(
            f"index is {chosen[outside].flat[0]}; it must be in -{number} to {number - 1}"
        )
    chosen = chosen.astype(np.int64)  # not before: from 2^63 on it would wrap
    return np.where(chosen < 0, chosen + number, chosen)
