"""``--zones`` and ``--area`` of ``raz predict``: which areas are counted, and what is printed."""

from __future__ import annotations

import argparse
import logging
import re
from typing import TYPE_CHECKING

from raz.cli.arguments import wrong_use
from raz.cli.wording import printable

if TYPE_CHECKING:
    from raz.io.zones import Zones
    from raz.result import Result

__all__ = ["SizeWatch", "add_zone_options", "chosen_zones", "named_area", "zone_lines"]

log = logging.getLogger(__name__)

Named = tuple[str, list[tuple[float, float]]]

_CORNERS = re.compile(r"(?:(?P<name>[^=]*\S)\s*=)?(?P<corners>[^=]*)", re.DOTALL)


def add_zone_options(parser: argparse._ActionsContainer) -> None:
    """Add ``--zones`` and ``--area``, which :func:`chosen_zones` reads.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add_zone_options(parser)
        >>> parser.parse_args(["--area", "door=0,0 8,0 8,8"]).area
        [('door', [(0.0, 0.0), (8.0, 0.0), (8.0, 8.0)])]
    """
    group = parser.add_argument_group("zones")
    group.add_argument(
        "--zones", metavar="FILE",
        help="also count in each named zone: a GeoJSON FeatureCollection of polygons in pixels, "
        "each with properties.name",
    )  # fmt: skip
    group.add_argument(
        "--area", action="append", type=named_area, metavar="[NAME=]CORNERS", default=[],
        help="also count in a polygon: 'x,y x,y x,y', or 'door=x,y x,y x,y'; may be given several "
        "times",
    )  # fmt: skip


def named_area(text: str) -> Named:
    """Read a polygon, and perhaps its name; an argparse type.

    Example:
        >>> named_area("0,0 8,0 8.5,8")
        ('', [(0.0, 0.0), (8.0, 0.0), (8.5, 8.0)])
    """
    found = _CORNERS.fullmatch(text)
    try:
        assert found is not None
        pairs = [corner.split(",") for corner in found["corners"].split()]
        corners = [(float(x), float(y)) for x, y in pairs]
    except (AssertionError, ValueError):
        corners = []
    if len(corners) < 3 or found is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no polygon; it must be at least three corners 'x,y x,y x,y' in pixels, "
            "perhaps with a name before them: 'door=x,y x,y x,y'"
        )
    return found["name"] or "", corners


def chosen_zones(args: argparse.Namespace) -> Zones:
    """Return the zones of ``--zones``, then those of ``--area``; wrong use where names clash.

    An area without a name is called "area", further ones "area 2", "area 3".

    Raises:
        InputError: the file cannot be read.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add_zone_options(parser)
        >>> parser.set_defaults(parser=parser, verbose=False)
        >>> list(chosen_zones(parser.parse_args(["--area", "0,0 8,0 8,8"])))
        ['area']
    """
    from raz.io.zones import Zones, as_zones

    zones = as_zones(args.zones)
    areas = dict(zones.areas)
    unnamed = 0
    for name, corners in args.area:
        if not name:
            unnamed += 1
            name = "area" if unnamed == 1 else f"area {unnamed}"
        if name in areas:
            args.parser.error(f"--area: the zone {name!r} is there twice")
        areas[name] = corners
    with wrong_use(args):
        return Zones(areas, zones.image_size)


def zone_lines(result: Result) -> str:
    """Describe each zone of a result in a line.

    Example:
        >>> from types import SimpleNamespace
        >>> from raz.io.zones import ZoneCount
        >>> zone = ZoneCount(points=3, density=3.25, low=1.0, high=6.5)
        >>> zone_lines(SimpleNamespace(zones={"door": []}, zone_counts=lambda: {"door": zone}))
        '  zone door  density 3.2 (1.0 to 6.5)  points 3\\n'
    """
    if not result.zones:
        return ""
    lines = []
    for name, zone in result.zone_counts().items():
        told = zone.low is not None and zone.high is not None
        interval = f" ({zone.low:.1f} to {zone.high:.1f})" if told else ""
        density = f"density {zone.density:.1f}{interval}"
        lines.append(f"  zone {printable(name)}  {density}  points {zone.points}\n")
    return "".join(lines)


class SizeWatch:
    """Warns once where zones of no stated size are laid over images of several sizes.

    Example:
        >>> from types import SimpleNamespace
        >>> from raz.io.zones import Zones
        >>> watch = SizeWatch(Zones({"door": [(0, 0), (8, 0), (8, 8)]}))
        >>> watch.see(SimpleNamespace(path="a.jpg", image_size=(16, 8)))
    """

    def __init__(self, zones: Zones) -> None:
        self._looks = bool(zones) and zones.image_size is None
        self._first: tuple[str | None, tuple[int, int]] | None = None

    def see(self, result: Result) -> None:
        """Compare an image's size with that of the first."""
        if not self._looks:
            return
        seen = (result.path, result.image_size)
        if self._first is None:
            self._first = seen
        elif self._first[1] != seen[1]:
            self._looks = False
            log.warning(
                "zones are in pixels, and the images differ in size: %s has %d x %d, %s %d x %d",
                self._first[0], *self._first[1], seen[0], *seen[1],
            )  # fmt: skip
