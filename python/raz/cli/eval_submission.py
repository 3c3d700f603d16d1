"""``raz eval --validate FILE``: check a submission to NWPU-Crowd's benchmark."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import Any

from raz.cli.wording import printable
from raz.errors import InputError

OPTIONS = ("validate", "images")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describe the options of this use."""
    group = parser.add_argument_group("submission file")
    group.add_argument("--validate", metavar="FILE", help="predictions in NWPU-Crowd's text format")
    group.add_argument(
        "--images",
        metavar="N|GT",
        help="number of images it must hold, or a file with those images",
    )


def run(args: argparse.Namespace) -> int:
    """Check and print every problem; return the exit code.

    Raises:
        InputError: the file cannot be read, or is not valid.
    """
    from raz.io.points import read_points, read_sizes, validate_nwpu

    images: Any = args.images
    sizes = read_sizes(args.sizes) if args.sizes else {}
    if images is not None:
        if images.isdecimal():
            images = int(images)
        else:
            images = expected = read_points(images).images
            sizes = {k: image.size for k, image in expected.items() if image.size} | sizes
    result = validate_nwpu(args.validate, images=images, sizes=sizes)
    if args.json:
        print(json.dumps(asdict(result) | {"valid": result.valid}))
    for problem in () if args.json else result.problems:
        place = result.path if problem.line is None else f"{result.path}:{problem.line}"
        print(printable(f"{place}: {problem.message}"))
    if not result.valid:
        raise InputError(f"{result.path}: not valid: {len(result.problems)} problems")
    if not args.json:
        print(f"{printable(result.path)}: valid: {result.images} images, {result.points} points")
    return 0
