"""``raz data check DIR``: verify every image and its points."""

from __future__ import annotations

import argparse
import json
import logging
from dataclasses import asdict
from typing import TYPE_CHECKING

from raz.cli.arguments import MOST_THREADS, at_least, number
from raz.cli.data.source import add_source, exit_code, open_splits
from raz.cli.wording import printable
from raz.progress import open_progress

if TYPE_CHECKING:
    from raz.data.check import CheckReport

log = logging.getLogger(__name__)

_DESCRIPTION = """\
Decode every image and read its points. Print one line for each file that cannot be used, and for
what is odd in the others (points outside the image, points marked twice, an image that occurs
twice, an image that is left out); then print the figures of each split.

Points are wrong that cannot be right: shares or percents of the image's size, x and y exchanged, y
counted upwards, all or most of them outside, or not as many as their file states.
"""
_EPILOG = """\
examples:
  raz data check photos
  raz data check shanghaitech/part_A --split train --json

exit codes: 0 every image can be used; 2 wrong use; 3 no image can, or the data set cannot be
opened; 6 some images cannot, or more than --max-wrong of the images have wrong points;
130 interrupted; 1 any other error
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command's arguments."""
    parser = subparsers.add_parser(
        "check",
        help="verify every image and its points",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_source(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--max-wrong", type=_share, default=0.01, metavar="SHARE",
        help="share of all images whose points may be wrong, 0 to 1 (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--threads", type=at_least(1, MOST_THREADS), metavar="N",
        help="number of images decoded at once (default: the number of processors, at most 8)",
    )  # fmt: skip
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Check and print; return the exit code."""
    from raz.data.check import CheckReport, Finding, check

    splits, failed = open_splits(args)
    with open_progress(sum(map(len, splits.values())), quiet=args.quiet) as progress:
        reports = check(splits, threads=args.threads, on_image=progress.advance)
    for split, error in failed.items():
        reports[split] = CheckReport(bad=[Finding(args.root, str(error))])
    if args.json:
        print(json.dumps({split: asdict(report) for split, report in reports.items()}))
    else:
        for split, report in reports.items():
            print(_text(split, report), end="")
    images, good, wrong = (
        sum(getattr(report, name) for report in reports.values())
        for name in ("images", "good", "wrong")
    )
    bad = sum(len(report.bad) for report in reports.values())
    if wrong > args.max_wrong * images:
        log.error(
            "%s: %d of %d images have points that cannot be right; --max-wrong is %g",
            args.root, wrong, images, args.max_wrong,
        )  # fmt: skip
        return exit_code(good, bad) or 6
    return exit_code(good, bad)


def _share(text: str) -> float:
    value = number(0)(text)
    if value > 1:
        raise argparse.ArgumentTypeError(f"{text} is above 1")
    return value


def _text(split: str, report: CheckReport) -> str:
    lines = [f"bad: {finding.message}" for finding in report.bad]
    lines += [f"note: {finding.message}" for finding in report.notes]
    lines.append(
        f"{split}  images {report.images}  good {report.good}  heads {report.heads}  "
        f"outside {report.outside}  bad {len(report.bad)}  notes {len(report.notes)}"
        + (f"  wrong {report.wrong}" if report.wrong else "")
    )
    return "".join(f"{printable(line)}\n" for line in lines)
