"""``raz eval --data DIR``: measure a model on images with known heads."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import Any

from raz.cli.arguments import set_threads, wrong_use
from raz.cli.measured_sets import (
    SET_OPTIONS,
    add_model_run,
    add_set_options,
    measure_set,
    open_sets,
)
from raz.cli.model_options import add_model, chosen_model
from raz.cli.wording import print_lines
from raz.devices import choose_device

OPTIONS = (
    *SET_OPTIONS,
    *("model", "weights", "runtime", "device", "depth", "quality", "dtype", "threads"),
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describe the options of this use."""
    group = parser.add_argument_group("model")
    add_set_options(group)
    add_model(group)
    add_model_run(group)


def run(args: argparse.Namespace) -> int:
    """Measure and print; return the exit code."""
    from raz.evaluation import difference_lines, error_table
    from raz.metrics import MetricTable
    from raz.models import get_model

    set_threads(args)
    with wrong_use(args):
        device = choose_device(args.device)
        chosen = chosen_model(args)
        model = (
            get_model(chosen, weights=args.weights).to(device)
            if isinstance(chosen, str)
            else chosen
        )
    figures: dict[str, Any] = {}
    for each in open_sets(args):
        measured = measure_set(args, model, each)
        if not args.json:
            print_lines(error_table(each.title, measured.counts))
            print(difference_lines(measured.fusion_minus))
            for level, rows in measured.points.items():
                print(f"points, depth {level}\n{rows}")
        figures[each.key] = {
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
