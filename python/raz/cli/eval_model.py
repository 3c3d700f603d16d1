"""``raz eval --data DIR``: measure a model on images with known heads."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from raz.cli.arguments import set_threads, wrong_use
from raz.cli.eval_files import check_plot
from raz.cli.measured_sets import (
    SET_OPTIONS,
    MeasuredSet,
    add_model_run,
    add_set_options,
    measure_set,
    open_sets,
)
from raz.cli.model_options import add_model, chosen_model
from raz.cli.overwriting import Output, check_overwriting, weights_files
from raz.cli.wording import print_lines
from raz.devices import choose_device
from raz.errors import InputError

if TYPE_CHECKING:
    from raz.data import AnnotatedPhotographs
    from raz.evaluation import CountEstimate

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

    check_plot(args)
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
    estimates: dict[str, Sequence[CountEstimate]] = {}
    sets = open_sets(args)
    if args.plot:
        _keep_inputs(args, sets)
    for each in sets:
        measured = measure_set(args, model, each)
        estimates[each.title] = measured.estimates
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
    if args.plot:
        _write_plot(args.plot, estimates)
    return 0


def _keep_inputs(args: argparse.Namespace, sets: Sequence[MeasuredSet]) -> None:
    photographs = (cast("AnnotatedPhotographs", each.samples.samples) for each in sets)
    read = {
        "a file of --data": (file for images in photographs for file in images.files()),
        "the file of --weights": weights_files(args.model, args.weights),
    }
    check_overwriting(args.parser, [Output("--plot", args.plot)], read)


def _write_plot(path: Path, estimates: Mapping[str, Sequence[CountEstimate]]) -> None:
    """Draw the fused count of each image over its true one, a panel for each set."""
    from raz.io.accuracy_chart import CountPanel, panels_figure
    from raz.io.chart import to_image
    from raz.io.formats import save_plot

    panels = [
        CountPanel(
            title,
            [each.counts["fusion"] for each in images],
            [each.heads for each in images],
            [each.interval for each in images],
        )
        for title, images in estimates.items()
        if images
    ]
    if not panels:
        raise InputError(f"--plot: no image was measured, so {path} is not written")
    save_plot(to_image(panels_figure(panels)), path)
