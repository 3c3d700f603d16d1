"""The images with known heads that ``raz eval --data`` and ``raz compare`` measure models on."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from raz.cli.arguments import add_device, add_threads, at_least, wrong_use
from raz.cli.data.source import LAYOUTS, SPLITS
from raz.errors import InputError
from raz.progress import open_progress
from raz.zoom.settings import Dtype, Quality

if TYPE_CHECKING:
    from raz.data import AnnotatedPhotographs
    from raz.data.sample import Subset
    from raz.evaluation import Measurement

__all__ = [
    "SET_OPTIONS",
    "MeasuredSet",
    "add_model_run",
    "add_set_options",
    "measure_set",
    "open_sets",
]

log = logging.getLogger(__name__)

SET_OPTIONS = ("data", "part", "split", "layout", "limit")
"""Those that :func:`add_set_options` adds. ``anchor`` and ``category`` are read, too."""


class MeasuredSet(NamedTuple):
    """Images that are measured together.

    Example:
        >>> from raz.data import Subset
        >>> MeasuredSet("A", "part A, held-out tenth", Subset([], [])).key
        'A'
    """

    key: str
    title: str
    samples: Subset


def add_set_options(group: argparse._ActionsContainer, *, required: bool = False) -> None:
    """Add the options that say which images are measured.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add_set_options(parser)
        >>> parser.parse_args(["--data", "mine"]).limit is None
        True
    """
    group.add_argument(
        "--data", metavar="DIR", required=required,
        help="folder of images with known heads, as raz data reads it. Of ShanghaiTech (part_A and "
        "part_B in it) the held-out tenth is measured, of any other all splits",
    )  # fmt: skip
    group.add_argument(
        "--part", choices=("A", "B"), action="append",
        help="part of ShanghaiTech; may be repeated (default: both)",
    )  # fmt: skip
    group.add_argument("--split", choices=SPLITS, help="measure all of this split, and only it")
    group.add_argument(
        "--layout", choices=("auto", *LAYOUTS), default="auto", metavar="NAME",
        help=f"how the folder lies on disk: {', '.join(LAYOUTS)} (default: found out)",
    )  # fmt: skip
    group.add_argument(
        "--limit", type=at_least(1), metavar="N", help="measure the first N images of each set only"
    )


def add_model_run(group: argparse._ActionsContainer) -> None:
    """Add the options that say where a model runs and how much it does.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add_model_run(parser)
        >>> parser.parse_args([]).quality
        'balanced'
    """
    add_device(group)
    group.add_argument(
        "--depth", type=at_least(1), metavar="N",
        help="passes from the image's own resolution: 1 does not zoom, 2 zooms once (default: by "
        "--quality and the image's size)",
    )  # fmt: skip
    group.add_argument(
        "--quality", choices=get_args(Quality), default="balanced",
        help="how much is done, as in raz predict (default: %(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--dtype", choices=get_args(Dtype),
        help="floating type that the net computes in, as in raz predict (default: float32, or auto "
        "if the quality is fast)",
    )  # fmt: skip
    add_threads(group)


def open_sets(args: argparse.Namespace) -> list[MeasuredSet]:
    """Open the sets that were asked for. Points that cannot be right are warned of.

    Raises:
        InputError: there is no such folder, or it holds no such set.

    Example:
        >>> open_sets(argparse.Namespace(data="nowhere"))
        Traceback (most recent call last):
        raz.errors.InputError: nowhere: no such folder
    """
    from raz.data.layouts import detect_layout, splits_in

    root = Path(args.data)
    if not os.path.isdir(root):
        raise InputError(f"{root}: no such folder")
    parts = _parts(args, root)
    if parts:
        return [_part(args, part) for part in parts]
    layout = detect_layout(root) if args.layout == "auto" else args.layout
    splits = [args.split] if args.split else splits_in(root, layout)
    if not splits:
        raise InputError(f"{root}: holds no split of layout {layout}")
    return [_split(args, layout, split, alone=len(splits) == 1) for split in splits]


def measure_set(args: argparse.Namespace, model: Any, images: MeasuredSet) -> Measurement:
    """Measure a model on a set, with a progress bar; ``args`` has :func:`add_model_run`'s options.

    Example:
        >>> import raz
        >>> model = raz.get_model("raznet_lite")
        >>> measure_set(args, model, open_sets(args)[0]).counts["fusion"].mae  # doctest: +SKIP
        9.36
    """
    from raz.evaluation import measure

    with open_progress(len(images.samples), quiet=args.quiet) as progress:
        return measure(
            model,
            images.samples,
            depth=args.depth,
            quality=args.quality,
            dtype=args.dtype,
            on_image=progress.advance,
        )


def _parts(args: argparse.Namespace, root: Path) -> list[str]:
    """The parts of ShanghaiTech to measure; none of another data set."""
    from raz.data.layouts import splits_in

    if args.layout not in ("auto", "shanghaitech_a", "shanghaitech_b"):
        if args.part:
            args.parser.error(f"--part does not go with --layout {args.layout}")
        return []
    if args.layout != "auto":
        return [args.layout[-1].upper()]
    if args.part:
        return list(args.part)
    found = [part for part in "AB" if splits_in(root, f"shanghaitech_{part.lower()}")]
    if len(found) > 1 and any((root / f"{split}_data").is_dir() for split in SPLITS):
        raise InputError(f"{root}: may be part A or part B of ShanghaiTech; name it by --part")
    return found


def _part(args: argparse.Namespace, part: Any) -> MeasuredSet:
    from raz.data.shanghaitech import ShanghaiTech
    from raz.data.splits import holdout

    if args.split:
        with wrong_use(args):
            images = ShanghaiTech(args.data, part, args.split)
        return _limited(args, part, f"part {part}, {args.split}", images, range(len(images)))
    images = ShanghaiTech(args.data, part)
    indices = holdout(images.names).validation
    return _limited(args, part, f"part {part}, held-out tenth", images, indices)


def _split(args: argparse.Namespace, layout: str, split: str, *, alone: bool) -> MeasuredSet:
    from raz.data.layouts import open_data_set
    from raz.data.truth import require_sense

    with wrong_use(args):
        images = open_data_set(args.data, layout, split, anchor=args.anchor, labels=args.category)
    try:
        require_sense(images)
    except InputError as error:
        log.warning("%s", error)
    name = Path(args.data).resolve().name
    return _limited(args, split, name if alone else f"{name}, {split}", images, range(len(images)))


def _limited(
    args: argparse.Namespace,
    key: str,
    title: str,
    images: AnnotatedPhotographs,
    indices: Iterable[int],
) -> MeasuredSet:
    from raz.data.sample import Subset

    return MeasuredSet(key, title, Subset(images, list(indices)[: args.limit]))
