"""Options that say where an image lies on the ground, for persons per square metre."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING

from raz.cli.arguments import positive, wrong_use

if TYPE_CHECKING:
    from raz.ground import Ground

__all__ = ["add_ground_options", "check_ground", "named_ground"]


def add_ground_options(parser: argparse._ActionsContainer) -> None:
    """Add what :func:`named_ground` reads.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add_ground_options(parser)
        >>> parser.parse_args(["--ground-sampling-distance", "0.05"]).ground_sampling_distance
        0.05
    """
    parser.add_argument(
        "--ground-sampling-distance", type=positive, metavar="M",
        help="metres per pixel of images taken straight from above: --report then tells persons "
        "per square metre (default: of a GeoTIFF, what the file says)",
    )  # fmt: skip
    parser.add_argument(
        "--ground-point", type=_known_point, action="append", metavar="X,Y,EAST,NORTH",
        help="for --report, of images in perspective: where the pixel X,Y lies on the ground, in "
        "metres; give four points or more, of which no three lie on a line",
    )  # fmt: skip


def check_ground(args: argparse.Namespace) -> None:
    """End as wrong use if the options contradict each other or are for nothing.

    Args:
        args: of a parser that has :func:`add_ground_options` and ``--report``, with ``parser``.

    Example:
        >>> check_ground(
        ...     argparse.Namespace(
        ...         ground_sampling_distance=None, ground_point=None, report=None, verbose=False
        ...     )
        ... )
    """
    options = {
        "--ground-sampling-distance": args.ground_sampling_distance,
        "--ground-point": args.ground_point,
    }
    given = [option for option, value in options.items() if value is not None]
    if len(given) > 1:
        args.parser.error(f"{given[1]}: not allowed with {given[0]}")
    if given and not args.report:
        args.parser.error(f"{given[0]}: is for --report, which is not given")
    with wrong_use(args):
        named_ground(args)


def named_ground(args: argparse.Namespace) -> Ground | None:
    """Return the ground that the options tell of; None without any.

    Raises:
        ValueError: the points do not determine it.

    Example:
        >>> args = argparse.Namespace(ground_sampling_distance=0.5, ground_point=None)
        >>> named_ground(args).source
        '0.5 metres per pixel'
    """
    from raz.ground import Ground

    if args.ground_sampling_distance is not None:
        return Ground.of_sampling_distance(args.ground_sampling_distance)
    if args.ground_point is None:
        return None
    if len(args.ground_point) < 4:
        raise ValueError(
            f"--ground-point was given {len(args.ground_point)} times; it must be at least 4 times"
        )
    return Ground.of_points(
        [point[:2] for point in args.ground_point], [point[2:] for point in args.ground_point]
    )


def _known_point(text: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != 4 or not all(map(math.isfinite, numbers)):
        raise argparse.ArgumentTypeError(f"{text!r} is not X,Y,EAST,NORTH, four finite numbers")
    return numbers
