"""``raz data convert DIR --to FORMAT --output PATH``: write the points in another format."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from raz.cli.arguments import wrong_use
from raz.cli.data.source import add_source, open_splits

log = logging.getLogger(__name__)

FORMS = ("csv", "coco", "jsonl", "nwpu", "cvat", "label-studio", "txt", "json")
"""The keys of :data:`raz.io.points.writing.FORMS`, which ``--help`` must not import."""

_EPILOG = """\
examples:
  raz data convert photos --to csv --output heads.csv
  raz data convert shanghaitech/part_A --split test --to coco --output part_A_test.json

exit codes: 0 ok; 2 wrong use; 3 the data set cannot be read; 130 interrupted; 1 any other error
"""
_DESCRIPTION = """\
Write the points of one split in another format, which raz reads again:
  csv           image,x,y, one line per head                       .csv
  coco          COCO keypoints                                     .json
  jsonl         one object per image: path, image_size, points     .jsonl
  nwpu          NWPU-Crowd's text, one line per image, whole
                pixels; with radii and levels if the data set
                has boxes                                          .txt
  cvat          CVAT's XML for images                              .xml
  label-studio  Label Studio's tasks                               .json
  txt           one file per image, one line "x y" per head        a folder
  json          one file per image, an object with points          a folder
Images are not copied or changed.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command's arguments."""
    parser = subparsers.add_parser(
        "convert",
        help="write the points in another format",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_source(parser)
    parser.add_argument("--to", choices=FORMS, required=True, help="the format")
    parser.add_argument(
        "--output", type=Path, required=True, metavar="PATH", help="the file or folder to write"
    )
    parser.set_defaults(run=run, parser=parser, shows_progress=True)


def run(args: argparse.Namespace) -> int:
    """Convert; return the exit code."""
    from raz.data.convert import convert

    splits, failed = open_splits(args)
    if len(splits) + len(failed) > 1:
        args.parser.error(f"--split is needed: there are {', '.join([*splits, *failed])}")
    [(split, samples)] = splits.items()
    with wrong_use(args):
        convert(samples, args.output, args.to)
    log.info("%s: written  split %s  images %d", args.output, split, len(samples))
    return 0
