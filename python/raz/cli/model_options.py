"""Options of the subcommands that count people: which net, and how it zooms."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from raz.cli.arguments import add_threads, at_least, not_negative, wrong_use

if TYPE_CHECKING:
    from raz.prediction import Predictor

__all__ = ["add_model_options", "make_predictor"]


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add the net, its device and how it zooms, for :func:`make_predictor`."""
    group = parser.add_argument_group("model")
    group.add_argument("--model", default="raznet_lite", help="its name (%(default)s)")
    group.add_argument(
        "--weights",
        default="DEFAULT",
        metavar="NAME|FILE",
        help="a name of the model's, or a file (%(default)s)",
    )
    group.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 (%(default)s)")
    group.add_argument(
        "--depth", type=at_least(1), default=2, metavar="N",
        help="passes: 1 does not zoom, 2 zooms once (%(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--max-regions", type=at_least(0), default=10, metavar="N",
        help="most regions proposed by one attention map (%(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--max-zoom-pixels", type=at_least(0), metavar="N",
        help="most enlarged pixels of all regions of an image, best regions first (no limit)",
    )  # fmt: skip
    group.add_argument(
        "--max-seconds", type=not_negative, metavar="S",
        help="time to zoom into an image, checked before each batch of regions; results then "
        "differ from run to run (no limit)",
    )  # fmt: skip
    group.add_argument(
        "--tile", type=at_least(32), default=2048, metavar="N",
        help="longest side of what goes through the net at once, in pixels, a multiple of 32; what "
        "is larger goes in tiles (%(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--overlap", choices=("exact", "fast"), default="exact",
        help="of tiles: exact gives the result of the whole, fast nearly so (%(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--max-pixels", type=at_least(1), metavar="N",
        help="largest image, width times height (1000000000 where windows of a file are read, "
        "200000000 where it is decoded whole)",
    )  # fmt: skip
    group.add_argument(
        "--seed", type=at_least(0), default=0, metavar="N", help="of the anchors (%(default)s)"
    )
    add_threads(group)


def make_predictor(args: argparse.Namespace) -> Predictor:
    """Build the net, on its device; what it finds wrong with an option is wrong use."""
    from raz.prediction import Predictor
    from raz.zoom import ZoomSettings

    with wrong_use(args):
        return Predictor(
            args.model,
            args.weights,
            args.device,
            settings=ZoomSettings(
                depth=args.depth,
                max_regions=args.max_regions,
                max_zoom_pixels=args.max_zoom_pixels,
                max_seconds=args.max_seconds,
                tile=args.tile,
                overlap=args.overlap,
                seed=args.seed,
            ),
            max_pixels=args.max_pixels,
        )
