"""``raz eval PRED GT --protocol NAME``: measure predicted points against true ones."""

from __future__ import annotations

import argparse
import csv
import json
import logging
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raz.cli.arguments import add_head_options
from raz.cli.overwriting import Output, check_overwriting
from raz.metrics.registry import protocol_names

if TYPE_CHECKING:
    from raz.io.points import PointFile
    from raz.metrics.evaluation import Evaluation
    from raz.metrics.table import MetricTable

log = logging.getLogger(__name__)

OPTIONS = (
    *("pred", "gt", "protocol", "per_image", "plot", "labels", "row_numbers"),
    *("missing_as_empty", "ignore_extra", "category", "anchor"),
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describe the options of this use."""
    group = parser.add_argument_group("files of points")
    group.add_argument("pred", metavar="PRED", nargs="?", help="predicted points")
    group.add_argument("gt", metavar="GT", nargs="?", help="true points")
    group.add_argument(
        "--protocol", action="append", choices=protocol_names(),
        help="rule by which points match: %(choices)s; may be given several times",
    )  # fmt: skip
    group.add_argument(
        "--per-image", type=Path, metavar="FILE", help="write a CSV, one line per image"
    )
    group.add_argument(
        "--plot", type=Path, metavar="FILE",
        help="draw precision, recall and F1 over 1 to 100 px (protocol qnrf), or with --data the "
        "count of each image over its true one; .png or .jpg",
    )  # fmt: skip
    group.add_argument(
        "--labels", metavar="FILE",
        help="JHU-CROWD++'s image_labels.txt or NWPU-Crowd's val.txt, for the categories of count",
    )  # fmt: skip
    group.add_argument(
        "--row-numbers", choices=("pred", "gt"),
        help="the ids of this file are row numbers in the string order of the other's names",
    )  # fmt: skip
    add_head_options(group, of="GT (and PRED, if it has such) or your own --data")
    group.add_argument(
        "--missing-as-empty", action="store_true",
        help="images that PRED lacks have no predictions (without it: an error)",
    )  # fmt: skip
    group.add_argument(
        "--ignore-extra", action="store_true",
        help="leave out images that GT lacks (without it: an error)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Measure, print and write; return the exit code."""
    _check(args)
    from raz.metrics import evaluate

    pred, truth = _read_files(args)
    allowed: dict[str, Any] = {
        "missing": "empty" if args.missing_as_empty else "error",
        "extra": "ignore" if args.ignore_extra else "error",
    }
    names = list(dict.fromkeys(args.protocol))
    results = {name: evaluate(pred, truth, name, **allowed) for name in names}
    if args.per_image:
        _write_per_image(args.per_image, list(results.values()))
    if args.plot:
        curve = results.get("qnrf") or evaluate(pred, truth, "qnrf", **allowed)
        _write_plot(args.plot, curve, Path(args.pred).name)
    _print_results(args, results)
    return 0


def _check(args: argparse.Namespace) -> None:
    """End as wrong use, before any work, when an argument is missing or cannot be written."""
    if args.gt is None or not args.protocol:
        args.parser.error("PRED GT needs both files and --protocol")
    check_plot(args)
    outputs = [("--per-image", args.per_image), ("--plot", args.plot)]
    given = (args.pred, args.gt, args.labels, args.sizes)
    check_overwriting(
        args.parser,
        [Output(option, file) for option, file in outputs if file],
        {"read": (file for name in given if name for file in _files_read(name))},
    )


def check_plot(args: argparse.Namespace) -> None:
    """End, before any work, where ``--plot`` cannot be drawn.

    Raises:
        ImportError: matplotlib is not installed.

    Example:
        >>> check_plot(argparse.Namespace(plot=None))
    """
    if not args.plot:
        return
    if args.plot.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        args.parser.error(f"--plot: {args.plot} must end in .png, .jpg or .jpeg")
    from raz.io.chart import require_matplotlib

    require_matplotlib()


def _files_read(name: str) -> Iterator[str]:
    """The file, or the files of a folder that hold points or are images: tables may lie beside."""
    from raz.io.decoding import IMAGE_SUFFIXES
    from raz.io.points.single import SINGLE_SUFFIXES

    if not os.path.isdir(name):
        yield name
    for folder, _, files in os.walk(name):
        suffixed = (f for f in files if f.lower().endswith((*SINGLE_SUFFIXES, *IMAGE_SUFFIXES)))
        yield from (os.path.join(folder, file) for file in suffixed)


def _read_files(args: argparse.Namespace) -> tuple[PointFile, PointFile]:
    from raz.io.formats.shapes import HeadRule
    from raz.io.points import read_labels, read_points, read_sizes
    from raz.io.points.reading import read_by_rule
    from raz.metrics import PROTOCOLS

    truth = read_points(args.gt, anchor=args.anchor, labels=args.category)
    # Predictions may have labels of their own, such as raz's "head".
    rule = HeadRule(anchor=args.anchor, labels=args.category, ids=truth.categories, else_usual=True)
    pred = read_by_rule(args.pred, rule)
    if args.row_numbers == "pred":
        pred = pred.by_row_number(truth.images)
    elif args.row_numbers == "gt":
        truth = truth.by_row_number(pred.images)
    if args.sizes:
        truth = truth.with_sizes(read_sizes(args.sizes))
    if args.labels:
        truth = truth.with_labels(read_labels(args.labels))
    _warn_of_negatives(pred)
    remarks = (remark for name in args.protocol for remark in PROTOCOLS[name].remarks(pred, truth))
    for remark in dict.fromkeys(remarks):
        log.warning(remark)
    return pred, truth


def _warn_of_negatives(pred: PointFile) -> None:
    """Warn of negative coordinates; they are measured as they are."""
    images = pred.images.items()
    negative = {key: int((image.points < 0).any(axis=1).sum()) for key, image in images}
    if any(negative.values()):
        first = next(key for key, number in negative.items() if number)
        log.warning(
            "%s: %d points have a negative coordinate (first: image %s); measured as they are",
            pred.where(first), sum(negative.values()), first,
        )  # fmt: skip


def _print_results(args: argparse.Namespace, results: dict[str, Evaluation]) -> None:
    from raz import __version__
    from raz.metrics import MetricTable

    if args.json:
        protocols = {
            name: {"rule": result.protocol.rule, "figures": result.figures.to_json()}
            | ({"read_from": result.read_from} if result.read_from else {})
            for name, result in results.items()
        }
        images = next(iter(results.values())).images
        document = {"pred": args.pred, "gt": args.gt, "images": images, "protocols": protocols}
        print(json.dumps(document | {"raz_version": __version__}, allow_nan=False))
        return
    for name, result in results.items():
        print(f"protocol {name}, {result.images} images: {result.protocol.rule}")
        if result.read_from:
            print(f"counts of {result.read_from}")
        rows = result.protocol.shown or result.figures
        print(f"{MetricTable({row: result.figures[row] for row in rows})}\n")


def _write_per_image(path: Path, results: Sequence[Evaluation]) -> None:
    from raz.files import atomic_file
    from raz.io.formats.csv import safe_cell

    rows: dict[str, dict[str, float]] = {}
    for result in results:
        for key, table in result.per_image.items():
            rows.setdefault(key, {}).update(_columns(result.protocol.name, table))
    names = dict.fromkeys(name for row in rows.values() for name in row)
    with atomic_file(path) as file:
        writer = csv.DictWriter(file, ["image", *names], lineterminator="\n")
        writer.writeheader()
        for key, row in rows.items():
            defined = {name: value for name, value in row.items() if not math.isnan(value)}
            writer.writerow({"image": safe_cell(key), **defined})


def _columns(protocol: str, table: MetricTable) -> dict[str, float]:
    """Return one image's figures by column, without the numbers of images."""
    from raz.metrics import MetricTable

    described = table["image"]
    measured = MetricTable({row: table[row] for row in table if row != "image"}).flat()
    return described | {
        f"{protocol}_{name}": value for name, value in measured.items() if "images" not in name
    }


def _write_plot(path: Path, result: Evaluation, name: str) -> None:
    from raz.io.chart import share_figure, to_image
    from raz.io.formats import save_plot

    rows = [row for key, row in result.figures.items() if key != "mean"]
    mean = result.figures["mean"]
    figure = share_figure(
        range(1, len(rows) + 1),
        {f"{figure} (mean {mean[figure]:.1%})": [row[figure] for row in rows]
         for figure in ("precision", "recall", "f1")},
        title=f"{name}: protocol qnrf, {result.images} images",
        x_label="distance allowed (pixels)",
    )  # fmt: skip
    save_plot(to_image(figure), path)
