"""The settings of zooming: one table for the library, `raz.predict` and the command line.

To add a setting, add a field to `ZoomSettings` and its type to `ZoomOptions`; the signature of
`raz.predict` and the options of the command line follow. Importing this module imports nothing
heavy.
"""

from __future__ import annotations

import numbers
import operator
from collections.abc import Sequence
from dataclasses import Field, dataclass, field, fields
from typing import Any, Literal, TypedDict, get_args

from raz.intervals import as_number
from raz.network import PAD_MULTIPLE, padded_length

from .scales import LAST_RESORT, doubling, finest_scale, overview_scale
from .tiles import FAST_HALO, Tiling

__all__ = [
    "MOST_REGIONS",
    "Dtype",
    "Overlap",
    "Quality",
    "Regions",
    "ZoomOptions",
    "ZoomSettings",
    "check_integer",
    "described",
    "setting",
]

Dtype = Literal["float32", "bfloat16", "auto"]
"""Floating type that a net computes in, see `ZoomSettings`."""

Overlap = Literal["exact", "fast"]
"""Halo of a tile: one that covers the receptive field, or `raz.zoom.tiles.FAST_HALO` pixels."""

Quality = Literal["fast", "balanced", "best"]
"""How much is done for a count, see `ZoomSettings`."""

Regions = Literal["cover", "anchors"]
"""Where to zoom: tiles that cover every crowded cell (ours), or the best of random anchors (Liu et
al., CVPR 2019)."""

_DEEPEST = 64
"""No image is so large that it has a region left at this depth."""

MOST_REGIONS = 1200
"""Anchors of one attention map: `raz.ops.propose_regions` lays 200 points, 2 scales, 3 ratios."""


def setting(
    default: Any,
    *,
    help: str,
    kind: type[int] | type[float] | type[str] = int,
    least: int | None = None,
    most: float | None = None,
    choices: Sequence[str] = (),
    metavar: str | None = None,
    unset: str = "no limit",
) -> Any:
    """Make a field of `ZoomSettings` that its checks and the command line read.

    Args:
        default: value where none is given. A setting whose default is None may be None.
        help: one line for the command line and ``help(raz.predict)``, without the default.
        kind: int, float or str.
        least: least number allowed.
        most: greatest number allowed, of a float; None sets no limit.
        choices: the strings allowed.
        metavar: name of the value on the command line.
        unset: what None means, for the help.

    Example:
        >>> setting(2, least=1, help="passes over the image").metadata["least"]
        1
    """
    metadata = {"help": help, "kind": kind, "least": least, "most": most, "choices": choices}
    return field(default=default, metadata={**metadata, "metavar": metavar, "unset": unset})


def described(setting: Field[Any]) -> str:
    """Return the help of a setting, with its default.

    Example:
        >>> described(fields(ZoomSettings)[3])
        'most regions proposed from one attention map (default: 10)'
    """
    default = setting.metadata["unset"] if setting.default is None else setting.default
    return f"{setting.metadata['help']} (default: {default})"


@dataclass(frozen=True, kw_only=True)
class ZoomSettings:
    """How to zoom into an image, and what that may cost.

    The pass over the whole image is outside the limits: a large image that may not be zoomed into
    is counted from its overview. ``max_zoom_pixels`` gives the same result on every run.
    ``max_seconds`` cannot, since a machine's speed varies. It is checked before each batch of
    regions (of at most `raz.zoom.MAX_BATCH_PIXELS` enlarged pixels, or one larger region), so a
    zoom may last one batch longer.

    Attributes:
        depth: passes from the image's own resolution down, at least 1; 1 does not zoom, 2 zooms
            once (Liu et al., CVPR 2019: 2). None fits it to the image: a large one is seen reduced
            first (`raz.zoom.scales`), and zoomed into where its heads are too small; see `scales`.
        quality: how much is done without a ``depth`` (ours). "fast" zooms where heads are too small
            to be counted, up to the image's own resolution: an image of the paper's size it sees
            once. "balanced" has a closer look at every crowded place, and enlarges up to twice the
            own resolution. "best" also averages each pass with that of its mirror image, with or
            without a ``depth``.
        regions: where to zoom. "cover" enlarges every crowded cell once, in tiles (ours);
            "anchors" the best of 1,200 random boxes, which overlap (Liu et al., CVPR 2019).
        max_regions: most regions proposed from one attention map (Liu et al., CVPR 2019: 10). More
            than `MOST_REGIONS` is not possible; a higher value is stored as that. The cover's tiles
            grow until there are no more.
        max_zoom_pixels: most enlarged pixels of all regions of all rounds together, context
            included; 0 does not zoom, None sets no limit. The best regions come first.
        max_seconds: wall clock after which no further batch of regions begins, from the end of the
            pass over the whole image; 0 does not zoom, None sets no limit.
        tile: longest side in pixels that goes through the network in one pass, a multiple of 32.
            Larger images and enlarged regions go through in overlapping tiles.
        overlap: of tiles. "exact" covers the receptive field and gives the result of the whole;
            "fast" is 64 pixels, with another result near the borders of tiles.
        context: margin around a region in pixels of the pass that proposed it (ours), so that heads
            at the region's border are seen whole.
        seed: of the anchors' centres; the cover has no use for it.
        min_score: least score of a head in the result, in 0..1. Heads below it are dropped from
            ``points``, ``scores`` and ``count_points`` after everything else is done: the density
            is unchanged, and so is ``count``, which is fused from all heads found.
        dtype: floating type that the net computes in; its maps, and all that is done with them, are
            float32. In "float32" numbers are the same up to rounding on every processor. "bfloat16"
            is faster on processors that have instructions for it, and works on all; counts and
            points change a little (docs/performance.md). "auto" takes it where it is faster
            (`raz.devices.has_fast_bfloat16`). None is "auto" with the quality "fast", else float32,
            or another type that you converted the weights to.

    Raises:
        TypeError: a value is of the wrong kind.
        ValueError: a value is out of range.

    Example:
        >>> ZoomSettings(depth=3, max_seconds=0.5).max_regions
        10
        >>> ZoomSettings(quality="fast").passes
        1
        >>> ZoomSettings(depth=0)
        Traceback (most recent call last):
        ValueError: depth is 0; it must be at least 1
    """

    depth: int | None = setting(
        None,
        least=1,
        metavar="N",
        help="passes from the image's own resolution: 1 does not zoom, 2 zooms once",
        unset="as the image's size and heads ask for",
    )
    quality: Quality = setting(
        "balanced",
        kind=str,
        choices=get_args(Quality),
        help="fast zooms only where heads are too small to be counted; balanced into all that is "
        "crowded; best averages mirrored passes, too, in twice the time",
    )
    regions: Regions = setting(
        "cover",
        kind=str,
        choices=get_args(Regions),
        help="where to zoom: cover is every crowded cell once, anchors the best of random boxes",
    )
    max_regions: int = setting(
        10,
        least=0,
        metavar="N",
        help="most regions proposed from one attention map",
    )
    max_zoom_pixels: int | None = setting(
        None,
        least=0,
        metavar="N",
        help="most enlarged pixels of all regions of an image; the best regions come first",
    )
    max_seconds: float | None = setting(
        None,
        kind=float,
        least=0,
        metavar="S",
        help="most seconds to zoom into an image, checked before each batch of regions; results "
        "then differ from run to run",
    )
    tile: int = setting(
        2048,
        least=1,
        metavar="N",
        help="longest side in pixels that goes through the network at once, a multiple of 32, at "
        "least 704 for raznet_lite, 832 for raznet_lite_2 and 384 for raznet_vgg16, or 192 if the "
        "overlap is fast; larger images and regions go through in tiles",
    )
    overlap: Overlap = setting(
        "exact",
        kind=str,
        choices=get_args(Overlap),
        help="overlap of tiles: exact gives the result of the whole image, fast nearly so",
    )
    context: int = setting(
        32,
        least=0,
        metavar="N",
        help="margin in pixels around a region that is zoomed into",
    )
    seed: int = setting(0, least=-(2**63), metavar="N", help="seed of the random anchor points")
    min_score: float = setting(
        0.0,
        kind=float,
        least=0,
        most=1,
        metavar="X",
        help="least score of a head in the result, 0 to 1; density and count keep all heads",
    )
    dtype: Dtype | None = setting(
        None,
        kind=str,
        choices=get_args(Dtype),
        help="floating type that the net computes in; auto is bfloat16 on processors that have "
        "instructions for it, where results differ a little from float32",
        unset="float32, or auto if the quality is fast",
    )

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if value is None and each.default is None:
                continue
            object.__setattr__(self, each.name, _checked(each.name, value, **each.metadata))
        object.__setattr__(self, "max_regions", min(self.max_regions, MOST_REGIONS))
        if self.tile % PAD_MULTIPLE:
            raise ValueError(f"tile is {self.tile}; it must be a multiple of {PAD_MULTIPLE}")

    def scales(self, image_size: tuple[int, int]) -> tuple[float, ...]:
        """Return the scale of the first pass over an image, and of each round after it.

        With ``depth`` they begin at 1. Without, at that of the overview (of the cover; anchors have
        none), each twice the one before, and end at about 1 for "fast", else at about 2, or at 4
        for a small image, see `is_last_resort`. A round takes place where the one before was
        crowded.

        Args:
            image_size: (w, h) in pixels.

        Example:
            >>> ZoomSettings().scales((1024, 768)), ZoomSettings().scales((4096, 3072))
            ((1.0, 2.0), (0.25, 0.5, 1.0, 2.0))
            >>> ZoomSettings(depth=2).scales((4096, 3072))
            (1.0, 2.0)
        """
        if self.depth is not None:
            return tuple(2.0**level for level in range(min(self.depth, _DEEPEST)))
        if self.regions == "anchors":
            return doubling(1.0, 1.0 if self.quality == "fast" else 2.0)
        last = 1.0 if self.quality == "fast" else finest_scale(image_size)
        return doubling(overview_scale(image_size), last)

    def is_last_resort(self, scale: float) -> bool:
        """Tell whether a round takes place only if too many stand too dense at the scale before.

        So it is for that at 4 without a depth: a small image whose heads are too small, too, is
        enlarged once more than others.

        Args:
            scale: of the round.
        """
        return self.depth is None and scale > LAST_RESORT

    @property
    def passes(self) -> int:
        """Passes over an image that is first seen as it is: ``depth``, else by ``quality``.

        A small image may have one more, a large one several.
        """
        if self.depth is not None:
            return self.depth
        return 1 if self.quality == "fast" else 2

    @property
    def asked_dtype(self) -> Dtype | None:
        """``dtype``, or what ``quality`` asks for; None is the type of the weights.

        Example:
            >>> ZoomSettings(quality="fast").asked_dtype
            'auto'
            >>> ZoomSettings(quality="fast", dtype="float32").asked_dtype
            'float32'
        """
        return "auto" if self.dtype is None and self.quality == "fast" else self.dtype

    def tiling(self, receptive_field: int) -> Tiling | None:
        """Sizes of the tiles for a network, or None where it sees every image whole.

        Args:
            receptive_field: of the network in pixels (``Network.receptive_field``). 0 means that it
                is not known; then nothing can be cut.

        Raises:
            ValueError: the tile has no room for a core within the halo.

        Example:
            >>> ZoomSettings(tile=1024).tiling(297)
            Tiling(side=1024, halo=320)
        """
        if receptive_field == 0:
            return None
        halo = padded_length(receptive_field)
        if self.overlap == "fast":
            halo = min(halo, FAST_HALO)
        least = 2 * halo + 2 * PAD_MULTIPLE
        if self.tile < least:
            raise ValueError(
                f"tile is {self.tile}; with overlap={self.overlap!r} it must be at least {least}: "
                f"this network needs a halo of {halo} pixels"
            )
        return Tiling(self.tile, halo)


class ZoomOptions(TypedDict, total=False):
    """The settings as keyword arguments, for ``**options: Unpack[ZoomOptions]``.

    Example:
        >>> options: ZoomOptions = {"depth": 3}
        >>> ZoomSettings(**options).depth
        3
    """

    depth: int | None
    quality: Quality
    regions: Regions
    max_regions: int
    max_zoom_pixels: int | None
    max_seconds: float | None
    tile: int
    overlap: Overlap
    context: int
    seed: int
    min_score: float
    dtype: Dtype | None


def check_integer(name: str, value: object, *, least: int) -> int:
    """Return ``value`` as an int; NumPy's integers are accepted, booleans are not.

    Raises:
        TypeError: ``value`` is not an integer; the message names the argument.
        ValueError: it is less than ``least``.

    Example:
        >>> check_integer("depth", 0, least=1)
        Traceback (most recent call last):
        ValueError: depth is 0; it must be at least 1
    """
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name} is {value!r}; it must be an integer") from None
    if number < least:
        raise ValueError(f"{name} is {number}; it must be at least {least}")
    return number


def _checked(
    name: str,
    value: Any,
    *,
    kind: type[int] | type[float] | type[str],
    least: int | None,
    most: float | None,
    choices: Sequence[str],
    **_: object,
) -> Any:
    if kind is str:
        if value not in choices:
            raise ValueError(f"{name} is {value!r}; it must be {' or '.join(map(repr, choices))}")
        return value
    assert least is not None  # every number has one
    if kind is int:
        return check_integer(name, value, least=least)
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} is {value!r}; it must be a number")
    number = as_number(name, value)
    if not number >= least:  # NaN fails too
        raise ValueError(f"{name} is {value}; it must be at least {least}")
    if most is not None and number > most:
        raise ValueError(f"{name} is {value}; it must be at most {most:g}")
    return value
