"""``raz train``: from photographs with head points to a weights file."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raz.cli.arguments import MOST_THREADS, at_least, positive, wrong_use
from raz.cli.overwriting import Output, check_overwriting
from raz.cli.wording import print_lines
from raz.devices import choose_device
from raz.errors import shown

if TYPE_CHECKING:
    from raz.training.config import TrainingConfig

log = logging.getLogger(__name__)

_DESCRIPTION = """\
Trains a net in stages, chooses thresholds on images kept out of the training, measures the net on
others, and writes OUTPUT/weights.safetensors. Options replace the settings of --config, which
replace the defaults. --print-config prints the result in the form that --config reads. The same
command continues an interrupted run. For several GPUs: torchrun --nproc-per-node N -m raz.cli train
"""
_EPILOG = """\
examples:
  raz train --data photos --output runs/a --backbone backbone.safetensors --minutes 60
  raz train --config runs/a/config.toml --output runs/b --set optimizer.learning_rate=1e-4
  raz train --resume --output runs/a                  continue an interrupted run

--data holds ShanghaiTech's part_A and part_B, or any other data set that `raz data` reads. Every
tenth image is held out: it is only reported on at the end. Every twentieth chooses thresholds.

exit codes: 0 ok; 2 wrong use; 3 an image or data set is bad; 4 weights or a
checkpoint; 5 a batch does not fit the memory, or a worker was killed; 130 interrupted (and saved);
1 anything else
"""

_OPTIONS = {
    "data": "data_root",
    "output": "output",
    "model": "model",
    "backbone": "backbone",
    "weights": "weights",
    "steps": "steps",
    "minutes": "minutes",
    "batch_size": "batch_size",
    "crop_size": "crops.size",
    "learning_rate": "optimizer.learning_rate",
    "gamma": "losses.gamma",
    "device": "device",
    "limit": "validation.limit",
    "workers": "workers",
    "threads": "threads",
    "seed": "seed",
    "accept_truth": "accept_truth",
}
"""The setting of each option."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the subcommand's arguments."""
    parser = subparsers.add_parser(
        "train",
        help="train a model on images with known heads",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run_options = parser.add_argument_group("run")
    run_options.add_argument("--config", metavar="FILE", help="settings, a TOML file")
    run_options.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE",
        help="any setting by its dotted name: --set schedule.name=plateau",
    )  # fmt: skip
    run_options.add_argument(
        "--print-config", action="store_true", help="print all settings as TOML and stop"
    )
    run_options.add_argument(
        "--output", metavar="DIR", help="folder for checkpoints, log and weights"
    )
    run_options.add_argument(
        "--resume", action="store_true",
        help="fail if OUTPUT holds no run; without --config, take its settings",
    )  # fmt: skip
    run_options.add_argument(
        "--json", action="store_true",
        help="print settings, thresholds and all figures of the result as JSON, not a table",
    )  # fmt: skip
    run_options.add_argument(
        "--extend", action="store_true", help="continue a run with another length"
    )
    _add_settings(parser.add_argument_group("settings; --print-config prints the defaults"))
    parser.set_defaults(run=run, parser=parser, shows_progress=True)


def _add_settings(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--data", metavar="DIR", help="folder of the data")
    group.add_argument("--model", help="architecture")
    group.add_argument(
        "--backbone", metavar="FILE", help="ImageNet weights of the backbone, a file or URL"
    )
    group.add_argument("--weights", help="weights to start from, a name or a file")
    group.add_argument("--minutes", type=positive, help="length in minutes")
    group.add_argument(
        "--steps", type=at_least(1), help="length in steps instead, which is reproducible"
    )
    group.add_argument("--batch-size", type=at_least(1), help="crops per step, over all processes")
    group.add_argument("--crop-size", type=int, help="side of a crop in pixels")
    group.add_argument("--learning-rate", type=positive, help="of the branches")
    group.add_argument(
        "--gamma", type=positive, help="weight of marked pixels in eq. 3; 100 in the paper"
    )
    group.add_argument("--device", help="auto, cpu, cuda, cuda:1")
    group.add_argument(
        "--limit", type=at_least(1), metavar="N",
        help="validate, calibrate and measure on the first N images of each part",
    )  # fmt: skip
    group.add_argument("--workers", type=at_least(0), help="processes that make crops")
    group.add_argument("--threads", type=at_least(1, MOST_THREADS), metavar="N", help="CPU threads")
    group.add_argument(
        "--accept-truth", action="store_true", default=None,
        help="train on points that cannot be right, too (in another unit or frame, or not as many "
        "as their file states)",
    )  # fmt: skip
    group.add_argument("--seed", type=at_least(0), help="seed of initial weights and crops")


def run(args: argparse.Namespace) -> int:
    """Train, calibrate, save and measure; return the exit code."""
    from raz.training.config import config_toml, make_config

    with wrong_use(args):
        values = _values(args)
        config = make_config(values)
        if args.print_config:
            sys.stdout.write(config_toml(config))
            return 0
        _check_complete(config, values)
    _keep_inputs(args, config)
    _warn_of_random_weights(config)
    return _train(args, config)


def _train(args: argparse.Namespace, config: TrainingConfig) -> int:
    from raz.training.engine import train
    from raz.training.publishing import publish

    model = train(config, resume=args.resume, extend=args.extend)
    if model is None:  # another process leads
        return 0
    weights = Path(config.output) / "weights.safetensors"
    table = publish(model, config, weights)
    if args.json:
        sys.stdout.write(weights.with_suffix(".json").read_text(encoding="utf-8"))
    else:
        print_lines(table)
    sys.stdout.flush()
    for file, content in (
        (weights, f"the weights; raz predict photo.jpg --weights {weights}"),
        (weights.with_suffix(".json"), "settings, thresholds and all figures"),
        (weights.with_name("curve.png"), "losses and validations"),
    ):
        if file.exists():
            log.info("%s  %s", file, content)
    return 0


def _keep_inputs(args: argparse.Namespace, config: TrainingConfig) -> None:
    """End as wrong use if a new run would overwrite what it reads; a run to continue reads itself.

    Of several processes the first one looks: it writes.
    """
    from raz.training.checkpoint import BEST, LAST, STATE

    output = Path(config.output)
    if (output / STATE).exists() or os.environ.get("RANK", "0") != "0":
        return
    roots = [Path(config.data_root, p.root) for p in config.data if p.layout != "synthetic"]
    others = ("config.toml", "log.jsonl", "curve.png", "weights.safetensors", "weights.json")
    read = {
        "the file of --config": [args.config] if args.config else [],
        "the file of --weights": [config.weights] if config.weights else [],
        "the file of --backbone": [config.backbone] if config.backbone else [],
        "a file of --data": (file for root in roots for file in _data_files(root, output)),
    }
    check_overwriting(
        args.parser,
        [Output("--output", output / name) for name in (STATE, LAST, BEST, *others)],
        read,
        makes_folders=True,
    )


def _data_files(root: Path, output: Path) -> Iterator[Path]:
    """Files of a folder of data, without those of a run within it that left no checkpoint."""
    run = output.resolve() if (output / "config.toml").is_file() else None
    within = run is not None and run != root.resolve()
    for folder, folders, files in os.walk(root):
        if within:
            folders[:] = [name for name in folders if Path(folder, name).resolve() != run]
        yield from (Path(folder, file) for file in files)


def _warn_of_random_weights(config: TrainingConfig) -> None:
    """Say so where a new run starts from nothing: it takes far longer, and ends elsewhere."""
    from raz.models.backbones import BACKBONES
    from raz.training.checkpoint import STATE

    if config.backbone or config.weights or (Path(config.output) / STATE).exists():
        return
    advice = f"; raz backbone {config.model} fetches ImageNet's" * (config.model in BACKBONES)
    if os.environ.get("RANK", "0") == "0":
        log.warning(
            "training starts from random numbers: neither --backbone nor --weights is given%s",
            advice,
        )


def _values(args: argparse.Namespace) -> dict[str, Any]:
    """Return the settings of the file, replaced by those of the options."""
    from raz.training.config import read_config, with_present_names
    from raz.training.datasets import default_parts
    from raz.training.settings import merged, to_mapping

    values: dict[str, Any] = {}
    file = args.config
    if file is None and args.resume and args.output is not None:
        file = Path(args.output) / "config.toml"
        if not file.exists():
            raise ValueError(f"--resume: {args.output} holds no run to resume")
        values = with_present_names(read_config(file))
    elif file is not None:
        values = read_config(file)
    if args.steps is not None:
        values.pop("minutes", None)
    if args.minutes is not None:
        values.pop("steps", None)
    for option, name in _OPTIONS.items():
        value = getattr(args, option)
        if value is not None:
            values = merged(values, _nested(name, value))
    for text in args.set:
        values = merged(values, _setting(text))
    if "data_root" in values and "data" not in values:
        values["data"] = [to_mapping(part) for part in default_parts(values["data_root"])]
    return values


def _nested(name: str, value: Any) -> dict[str, Any]:
    for part in reversed(name.split(".")):
        value = {part: value}
    nested: dict[str, Any] = value
    return nested


def _setting(text: str) -> dict[str, Any]:
    """Read ``name = value`` as TOML; a value that is not TOML is a string."""
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"--set {shown(text, 100)} has no value; it must be NAME=VALUE")
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return _nested(name.strip(), value.strip())


def _check_complete(config: TrainingConfig, values: dict[str, Any]) -> None:
    choose_device(config.device)
    if not config.output:
        raise ValueError("--output is needed, or output in --config")
    if not values.keys() & {"data", "data_root"}:
        raise ValueError("--data is needed, or data in --config")
