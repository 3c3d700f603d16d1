"""``raz data stats DIR``: describe how many images and heads there are, how large and crowded."""

from __future__ import annotations

import argparse
import json
import logging
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raz.cli.data.source import add_source, exit_code, open_splits
from raz.cli.overwriting import Output, check_overwriting
from raz.errors import installs
from raz.progress import open_progress

if TYPE_CHECKING:
    from raz.data.statistics import Histogram, Statistics, Summary

log = logging.getLogger(__name__)

_BAR = 40
"""Characters of the longest bar."""

_DESCRIPTION = """\
Print the number of images and heads, the sizes of the images, the number of heads per image, and
the distance from each head to the nearest other one, with histograms. Only the headers of images
are read.
"""
_EPILOG = """\
examples:
  raz data stats photos
  raz data stats shanghaitech/part_A --split train --plot crowding.png

exit codes: 0 ok; 2 wrong use; 3 no image could be read; 6 some images could not be read;
130 interrupted; 1 any other error
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command's arguments."""
    parser = subparsers.add_parser(
        "stats",
        help="describe images and heads",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_source(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--plot", type=Path, metavar="FILE",
        help="draw the histograms of all splits together: .png or .jpg (needs "
        f"{installs('plot')})",
    )  # fmt: skip
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Describe and print; return the exit code."""
    from raz.data.statistics import describe
    from raz.io.chart import require_matplotlib

    if args.plot and args.plot.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        args.parser.error(f"--plot: {args.plot} must end in .png, .jpg or .jpeg")
    if args.plot:
        require_matplotlib()
    splits, failed = open_splits(args)
    if args.plot:
        read = {
            "a file of the data set": (file for each in splits.values() for file in each.files())
        }
        check_overwriting(args.parser, [Output("--plot", args.plot)], read)
    with open_progress(sum(map(len, splits.values())), quiet=args.quiet) as progress:
        found = {
            split: describe(samples, on_image=progress.advance) for split, samples in splits.items()
        }
    bad = [message for figures in found.values() for message in figures.bad]
    bad += map(str, failed.values())
    for message in bad:
        log.error("%s", message)
    if args.json:
        print(json.dumps({split: _json(asdict(figures)) for split, figures in found.items()}))
    else:
        print("\n".join(_text(split, figures) for split, figures in found.items()), end="")
    if args.plot:
        _write_plot(args.plot, found, Path(args.root).name)
    good = sum(figures.images for figures in found.values())
    return exit_code(good, len(bad))


def _text(split: str, figures: Statistics) -> str:
    lines = [
        f"{split}  images {figures.images}  heads {figures.heads}  "
        f"images without heads {figures.without_heads}",
        "",
        f"{'':24}{'least':>10}{'median':>10}{'mean':>10}{'most':>10}",
        _row("width (pixels)", figures.width),
        _row("height (pixels)", figures.height),
        _row("heads of an image", figures.heads_per_image),
        _row("nearest head (pixels)", figures.nearest_head),
        "",
        "images by their heads",
        *_bars(figures.heads_histogram),
        "",
        "heads by the distance to the nearest other one (pixels)",
        *_bars(figures.nearest_histogram),
    ]
    return "".join(f"{line}\n" for line in lines)


def _row(name: str, summary: Summary) -> str:
    values = (summary.minimum, summary.median, summary.mean, summary.maximum)
    cells = ("-" if math.isnan(value) else f"{value:.1f}" for value in values)
    return f"{name:24}" + "".join(f"{cell:>10}" for cell in cells)


def _bars(histogram: Histogram) -> list[str]:
    most = max(histogram.counts)
    return [
        f"{label:>16}{count:>10}  {'#' * math.ceil(_BAR * count / max(most, 1))}".rstrip()
        for label, count in zip(histogram.labels, histogram.counts, strict=True)
    ]


def _json(value: Any) -> Any:
    """The same with None (JSON's null) for what is undefined."""
    if isinstance(value, dict):
        return {key: _json(entry) for key, entry in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value


def _write_plot(path: Path, found: dict[str, Statistics], name: str) -> None:
    from raz.data.statistics import merged
    from raz.io.chart import Bars, bar_figure, to_image
    from raz.io.formats import save_plot

    images = sum(figures.images for figures in found.values())
    heads = sum(figures.heads for figures in found.values())
    by_heads = merged([figures.heads_histogram for figures in found.values()])
    by_distance = merged([figures.nearest_histogram for figures in found.values()])
    splits = f"{name}, {' and '.join(found)}"
    charts = [
        Bars(
            by_heads.edges,
            by_heads.counts,
            title=f"{splits}: {images} images",
            x_label="heads per image",
        ),
        Bars(
            by_distance.edges,
            by_distance.counts,
            title=f"{splits}: {heads} heads",
            x_label="distance to the nearest other head (pixels)",
        ),
    ]
    save_plot(to_image(bar_figure(charts)), path)
