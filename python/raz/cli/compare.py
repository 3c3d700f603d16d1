"""``raz compare A B --data DIR``: which of two models counts better, if images can tell."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raz.cli.arguments import add_head_options, set_threads, wrong_use
from raz.cli.measured_sets import add_model_run, add_set_options, measure_set, open_sets
from raz.cli.wording import print_lines
from raz.devices import choose_device

if TYPE_CHECKING:
    from raz.evaluation import Measurement

_DESCRIPTION = """\
Measures two models on the same images with known heads, and prints the mean absolute error of every
count estimate for both, in persons, and the mean of A's error minus B's on the same image, with its
95 % interval (10,000 paired bootstrap resamples). Below 0, A is better. An interval that holds 0
says that these images cannot tell the two apart.
"""
_EPILOG = """\
examples:
  raz compare runs/a/weights.safetensors runs/b/weights.safetensors --data photos
  raz compare mine.safetensors raznet_lite --data photos --limit 20 --json

A and B are each a weights file, the name of published weights, or the name of a model, which stands
for its default weights.

exit codes: 0 ok; 2 wrong use; 3 an image or data set is bad; 4 weights; 130 interrupted;
1 any other error
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the subcommand's arguments."""
    parser = subparsers.add_parser(
        "compare",
        help="compare two models on images with known heads",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("first", metavar="A", help="the first model")
    parser.add_argument("second", metavar="B", help="the second model")
    add_set_options(parser, required=True)
    add_head_options(parser, of="your own folder")
    parser.add_argument(
        "--model", default="raznet_lite", metavar="NAME",
        help="model of weights that do not say which they are of (default: %(default)s)",
    )  # fmt: skip
    add_model_run(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run, parser=parser, shows_progress=True)


def run(args: argparse.Namespace) -> int:
    """Measure both and print; return the exit code."""
    from raz.evaluation import comparison_table, error_differences
    from raz.metrics import MetricTable
    from raz.models import get_model

    set_threads(args)
    named = [_named(text, args.model) for text in (args.first, args.second)]
    with wrong_use(args):
        device = choose_device(args.device)
        models = [get_model(name, weights=weights).to(device) for name, weights in named]
    sets = open_sets(args)
    figures: dict[str, Any] = {}
    for each in sets:
        first, second = (measure_set(args, model, each) for model in models)
        differences = error_differences(first.estimates, second.estimates)
        if not args.json:
            title = f"{each.title}, {len(each.samples)} images"
            print_lines(comparison_table(title, first.counts, second.counts, differences))
        figures[each.key] = {
            "images": len(each.samples),
            "first": _table(first),
            "second": _table(second),
            "difference": MetricTable({k: v._asdict() for k, v in differences.items()}).to_json(),
        }
    if args.json:
        names = ("first", "second")
        models_used = {
            key: {"model": name, "weights": weights}
            for key, (name, weights) in zip(names, named, strict=True)
        }
        print(json.dumps({"models": models_used, "sets": figures}, allow_nan=False))
    return 0


def _named(text: str, model: str) -> tuple[str, str]:
    """The name of a model and its weights that an argument stands for."""
    from raz.models import list_models
    from raz.models.weights import architecture_of

    if text in list_models():
        return text, "DEFAULT"
    written = architecture_of(Path(text)) if Path(text).is_file() else None
    return (written if written in list_models() else None) or model, text


def _table(measured: Measurement) -> Any:
    from raz.metrics import MetricTable

    return MetricTable({name: asdict(error) for name, error in measured.counts.items()}).to_json()
