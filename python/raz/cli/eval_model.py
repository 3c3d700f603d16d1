"""``raz eval --data DIR``: measure a model on ShanghaiTech's held-out tenth."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import Any, get_args

from raz.cli.arguments import add_threads, at_least, set_threads, wrong_use
from raz.devices import choose_device
from raz.progress import open_progress
from raz.zoom.settings import Quality

OPTIONS = ("data", "part", "model", "weights", "device", "depth", "quality", "limit", "threads")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describe the options of this use."""
    group = parser.add_argument_group("model")
    group.add_argument("--data", metavar="DIR", help="folder with ShanghaiTech's part_A and part_B")
    group.add_argument(
        "--part",
        choices=("A", "B"),
        action="append",
        help="part to measure; may be repeated (default: both)",
    )
    group.add_argument(
        "--model",
        default="raznet_lite",
        metavar="NAME",
        help="name of the model (default: %(default)s)",
    )
    group.add_argument(
        "--weights",
        default="DEFAULT",
        metavar="NAME|FILE",
        help="name of published weights, or a weights file (default: %(default)s)",
    )
    group.add_argument(
        "--device",
        default="auto",
        metavar="NAME",
        help="auto, cpu, cuda or cuda:1 (default: %(default)s)",
    )
    group.add_argument(
        "--depth",
        type=at_least(1),
        metavar="N",
        help="passes from the image's own resolution: 1 does not zoom, 2 zooms once (default: by "
        "--quality and the image's size)",
    )
    group.add_argument(
        "--quality",
        choices=get_args(Quality),
        default="balanced",
        help="how much is done, as in raz predict (default: %(default)s)",
    )
    group.add_argument(
        "--limit",
        type=at_least(1),
        metavar="N",
        help="measure the first N images of each part only",
    )
    add_threads(group)


def run(args: argparse.Namespace) -> int:
    """Measure and print; return the exit code."""
    from raz.data.sample import Subset
    from raz.data.shanghaitech import ShanghaiTech
    from raz.data.splits import holdout
    from raz.evaluation import difference_lines, error_table, measure
    from raz.metrics import MetricTable
    from raz.models import get_model

    set_threads(args)
    with wrong_use(args):
        device = choose_device(args.device)
        model = get_model(args.model, weights=args.weights).to(device)
    figures: dict[str, Any] = {}
    for part in args.part or ("A", "B"):
        images = ShanghaiTech(args.data, part)
        held_out = Subset(images, holdout(images.names).validation[: args.limit])
        with open_progress(len(held_out), quiet=args.quiet) as progress:
            measured = measure(
                model,
                held_out,
                depth=args.depth,
                quality=args.quality,
                on_image=progress.advance,
            )
        if not args.json:
            print(error_table(f"part {part}, held-out tenth", measured.counts))
            print(difference_lines(measured.fusion_minus))
            for level, rows in measured.points.items():
                print(f"points, depth {level}\n{rows}")
        figures[part] = {
            "counts": MetricTable(
                {n: asdict(error) for n, error in measured.counts.items()}
            ).to_json(),
            "fusion_minus": MetricTable(
                {name: each._asdict() for name, each in measured.fusion_minus.items()}
            ).to_json(),
            "points": {f"depth {level}": rows.to_json() for level, rows in measured.points.items()},
        }
    if args.json:
        print(json.dumps(figures, allow_nan=False))
    return 0
