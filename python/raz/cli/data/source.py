"""Arguments that the commands share: which data set, and which splits of it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from raz.cli.arguments import add_head_options, at_least, wrong_use
from raz.errors import InputError

if TYPE_CHECKING:
    from raz.data import AnnotatedPhotographs

LAYOUTS = (
    *("shanghaitech_a", "shanghaitech_b", "ucf_qnrf", "ucf_cc_50", "nwpu", "jhu"),
    "folder",
)
"""Those of :data:`raz.data.LAYOUTS`, which ``--help`` must not import."""

SPLITS = ("train", "val", "test")


def add_source(parser: argparse.ArgumentParser) -> None:
    """Add the data set's folder and what to read of it."""
    parser.add_argument("root", metavar="DIR", help="folder of the data set")
    parser.add_argument(
        "--layout", choices=("auto", *LAYOUTS), default="auto", metavar="NAME",
        help=f"how it lies on disk: {', '.join(LAYOUTS)} (default: found out from its files)",
    )  # fmt: skip
    parser.add_argument("--split", choices=SPLITS, help="only this split (default: all splits)")
    parser.add_argument(
        "--fold", type=at_least(1), default=1, metavar="K",
        help="fold of UCF_CC_50, 1 to 5 (default: %(default)s)",
    )  # fmt: skip
    add_head_options(parser, "--label", of="your own folder")


def open_splits(
    args: argparse.Namespace,
) -> tuple[dict[str, AnnotatedPhotographs], dict[str, InputError]]:
    """Open the splits that were asked for, by name; others come with why they cannot be opened.

    Raises:
        InputError: no split can be opened.
    """
    from raz.data.layouts import detect_layout, open_data_set, splits_in

    splits, failed = {}, {}
    with wrong_use(args):
        layout = detect_layout(args.root) if args.layout == "auto" else args.layout
        for split in (args.split,) if args.split else splits_in(args.root, layout):
            try:
                splits[split] = open_data_set(
                    args.root, layout, split,
                    fold=args.fold, anchor=args.anchor, labels=args.category,
                )  # fmt: skip
            except InputError as error:
                failed[split] = error
    if not splits:
        nothing = InputError(f"{args.root}: holds no split of layout {layout}")
        raise next(iter(failed.values()), nothing)
    return splits, failed


def exit_code(good: int, bad: int) -> int:
    """Return 0 if nothing is bad, 3 if everything is, 6 if something is."""
    if not bad:
        return 0
    return 6 if good else 3
