"""``raz train``: from photographs with head points to a weights file."""

from __future__ import annotations

import argparse
from pathlib import Path

from raz.cli.arguments import add_threads, at_least, positive, set_threads, wrong_use


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the subcommand's arguments."""
    parser = subparsers.add_parser(
        "train",
        help="train a model on ShanghaiTech",
        description=(
            "Train all branches on the training pictures of ShanghaiTech, calibrate thresholds on "
            "pictures kept out of it, and write OUTPUT/weights.safetensors. The held-out tenth "
            "(IMG_k with k divisible by 10) is not touched. Run the same command again to continue."
        ),
    )
    parser.add_argument("--data", required=True, help="folder with part_A and part_B")
    parser.add_argument("--output", required=True, help="folder for checkpoints, log and weights")
    parser.add_argument("--model", default="raznet_lite", help="architecture (%(default)s)")
    parser.add_argument("--backbone", help="safetensors file of the ImageNet trunk")
    parser.add_argument("--minutes", type=positive, default=60.0, help="length (%(default)s)")
    parser.add_argument(
        "--batch-size", type=at_least(1), default=8, help="crops a step (%(default)s)"
    )
    parser.add_argument("--crop-size", type=int, default=384, help="pixels (%(default)s)")
    parser.add_argument(
        "--gamma", type=positive, default=20.0,
        help="weight of marked pixels in eq. 3 (%(default)s; the paper's is 100)",
    )  # fmt: skip
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda (%(default)s)")
    parser.add_argument(
        "--pictures", type=at_least(1), metavar="N",
        help="calibrate and measure on the first N of each split only",
    )  # fmt: skip
    parser.add_argument(
        "--workers", type=at_least(0), default=1, help="data processes (%(default)s)"
    )
    add_threads(parser)
    parser.add_argument(
        "--seed", type=at_least(0), default=0, help="of initial weights and crops (%(default)s)"
    )
    parser.set_defaults(run=run, parser=parser, shows_progress=True)


def run(args: argparse.Namespace) -> int:
    """Train, calibrate, save and measure; return the exit code."""
    from raz.losses import LossWeights
    from raz.training.config import TrainingConfig
    from raz.training.loop import train
    from raz.training.publish import publish

    set_threads(args)
    with wrong_use(args):
        config = TrainingConfig(
            data=args.data,
            output=args.output,
            model=args.model,
            backbone=args.backbone,
            minutes=args.minutes,
            batch_size=args.batch_size,
            crop_size=args.crop_size,
            device=args.device,
            workers=args.workers,
            seed=args.seed,
            losses=LossWeights(gamma=args.gamma),
        )
    model = train(config)
    path = Path(args.output) / "weights.safetensors"
    print(publish(model, config, path, pictures=args.pictures))
    return 0
