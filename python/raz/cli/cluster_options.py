"""``raz predict --cluster``: many images by Ray Data, or one image by workers that share it."""

from __future__ import annotations

import argparse
import re
import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raz.cli.arguments import at_least, positive, wrong_use
from raz.cli.overwriting import is_exported
from raz.cli.sources import named_sources
from raz.cli.wording import printable
from raz.zoom.settings import ZoomSettings

if TYPE_CHECKING:
    from raz.distributed.cluster import Workers
    from raz.distributed.recipe import Recipe

__all__ = [
    "add_cluster_options",
    "check_cluster",
    "count_into_folder",
    "has_bucket",
    "path_or_address",
    "tiles_shared",
]

_OF_ONE_PROCESS = (
    "plot", "report", "json", "format", "trace", "dry_run", "zones", "area", "every", "save_video",
    "plot_counts", "smooth", "stream", "reconnect", "ground_sampling_distance", "ground_point",
    "runtime", "checkpoint",
)  # fmt: skip
"""Options that a folder of Parquet has no place for; it has a checkpoint of its own."""


def add_cluster_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that the functions below read.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add_cluster_options(parser)
        >>> parser.parse_args(["--cluster", "local", "--workers", "4"]).workers
        4
    """
    group = parser.add_argument_group("cluster (docs/distributed.md)")
    group.add_argument(
        "--cluster", metavar="local|auto|ADDRESS",
        help="count on a Ray cluster: one that is started on this machine, the one that runs, or "
        "that at an address. Several images, or addresses of buckets (s3://, gs://), go into "
        "--output, a folder of Parquet; the same command again does what is missing. Of one image "
        "the workers share the tiles. --threads is of each worker (default: 1)",
    )  # fmt: skip
    group.add_argument(
        "--workers", type=at_least(1), metavar="N",
        help="most workers at once (default: as many as there is room for)",
    )  # fmt: skip
    group.add_argument(
        "--gpus", type=positive, metavar="X",
        help="GPUs of each worker; 0.5 puts two on one (default: 0)",
    )  # fmt: skip
    group.add_argument(
        "--checkpoint", type=Path, metavar="FOLDER",
        help="of one image: keep finished tiles there, so that the same command goes on after an "
        "interruption",
    )  # fmt: skip


def path_or_address(text: str) -> Path | str:
    """Read a path, or an address as it is written: a path would lose one of its slashes.

    An argparse type.

    Example:
        >>> path_or_address("s3://photos/results")
        's3://photos/results'
    """
    return text if re.match("[A-Za-z][A-Za-z0-9+.-]*://", text) else Path(text)


def has_bucket(args: argparse.Namespace) -> bool:
    """Tell whether a source is an address that a cluster can read.

    Example:
        >>> has_bucket(argparse.Namespace(cluster="auto", sources=["s3://photos/2026"]))
        True
    """
    from raz.distributed.storage import is_bucket

    return args.cluster is not None and any(map(is_bucket, args.sources))


def check_cluster(args: argparse.Namespace, *, several: bool) -> None:
    """End as wrong use if options do not go together.

    Args:
        args: with ``parser``, and ``--output``.
        several: whether the results go into a folder of Parquet.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add_cluster_options(parser)
        >>> _ = parser.add_argument("--output", type=path_or_address)
        >>> check_cluster(parser.parse_args([]), several=True)
    """
    if isinstance(args.output, str) and not (several and args.cluster):
        args.parser.error(
            "--output: is an address; it must be a path, except for several images with --cluster"
        )
    if args.cluster is None:
        for option in ("workers", "gpus", "checkpoint"):
            if getattr(args, option) is not None:
                args.parser.error(f"--{option}: is for --cluster")
        return
    if is_exported(args.model):
        args.parser.error("--model: with --cluster it must be a name, which each worker builds")
    if not several:
        return
    if args.output is None:
        args.parser.error("--cluster: several images need --output, a folder for files of Parquet")
    for option in _OF_ONE_PROCESS:
        if getattr(args, option) != args.parser.get_default(option):
            spelled = option.replace("_", "-")
            args.parser.error(f"--{spelled}: does not go with --cluster and several images")


def count_into_folder(args: argparse.Namespace) -> int:
    """Count images into a folder of Parquet, say how many, and return the exit code.

    Example:
        >>> count_into_folder(parser.parse_args(["photos", "--cluster", "auto"]))  # doctest: +SKIP
        0
    """
    from raz import distributed

    with wrong_use(args):
        recipe, workers = _recipe(args), _workers(args)
    summary = distributed.predict(
        named_sources(args),
        str(args.output),
        model=recipe.model,
        weights=recipe.weights,
        device=recipe.device,
        settings=recipe.settings,
        max_pixels=recipe.max_pixels,
        reading=recipe.reading,
        cluster=args.cluster,
        workers=workers.number,
        cpus=workers.cpus,
        gpus=workers.gpus,
        progress=not args.quiet and sys.stderr.isatty(),
    )
    failed = f", {summary.failed} of them could not be read" if summary.failed else ""
    sys.stdout.write(f"{printable(summary.output)}  {summary.images} images{failed}\n")
    if not summary.failed:
        return 0
    return 6 if summary.failed < summary.images else 3


def tiles_shared(args: argparse.Namespace) -> AbstractContextManager[Any]:
    """Let a cluster's workers compute the network in the block, if ``--cluster`` is given.

    Example:
        >>> with tiles_shared(argparse.Namespace(cluster=None)):
        ...     pass
    """
    if args.cluster is None:
        return nullcontext()
    from raz.distributed.tiles import shared_tiles

    with wrong_use(args):
        return shared_tiles(_recipe(args), args.cluster, _workers(args), args.checkpoint)


def _workers(args: argparse.Namespace) -> Workers:
    from raz.distributed.cluster import Workers

    return Workers(args.workers, args.threads or 1, args.gpus or 0)


def _recipe(args: argparse.Namespace) -> Recipe:
    from raz.distributed.recipe import Recipe
    from raz.io.rasters import Reading

    settings = {each.name: getattr(args, each.name) for each in fields(ZoomSettings)}
    return Recipe(
        args.model,
        args.weights,
        args.device,
        ZoomSettings(**settings),
        args.max_pixels,
        Reading(args.bits, args.bands),
    )
