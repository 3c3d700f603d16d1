"""``raz train``: from photographs with head points to a weights file."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
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
    parser.add_argument("--minutes", type=float, default=60.0, help="length (%(default)s)")
    parser.add_argument("--batch-size", type=int, default=8, help="crops a step (%(default)s)")
    parser.add_argument("--crop-size", type=int, default=384, help="pixels (%(default)s)")
    parser.add_argument("--gamma", type=float, default=20.0, help="eq. 3 (%(default)s; paper: 100)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda (%(default)s)")
    parser.add_argument(
        "--pictures", type=int, help="measure on the first PICTURES of each split only"
    )
    parser.add_argument("--workers", type=int, default=1, help="data processes (%(default)s)")
    parser.add_argument("--threads", type=int, help="threads of the net")
    parser.add_argument("--seed", type=int, default=0)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train, calibrate, save."""
    import torch

    from raz.losses import LossWeights
    from raz.training.config import TrainingConfig
    from raz.training.loop import train
    from raz.training.publish import publish

    if args.threads is not None:
        torch.set_num_threads(args.threads)
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
