"""``raz eval``: measure files of points, check a submission file, or measure a model.

The argument that is given tells which of the three; each has a module of its own.
"""

from __future__ import annotations

import argparse

from raz.cli import eval_files, eval_model, eval_submission

_USAGE = """\
raz eval PRED GT --protocol NAME [--json] [--per-image FILE] [--plot FILE] ...
       raz eval --validate FILE [--images N|GT] [--sizes SOURCE] [--json]
       raz eval --data DIR [--model NAME|FILE] [--depth N] [--json] [--plot FILE] ..."""

_DESCRIPTION = """\
Measures one of three things. PRED GT: predicted points against true points, by a protocol of the
field. --validate: whether a file is fit for submission to NWPU-Crowd's benchmark. --data: a model,
on all images of a folder of your own, or on the held-out training images of ShanghaiTech (IMG_k
with k divisible by 10). It prints the mean absolute error, root mean squared error and bias of
every count estimate, in persons, and for each depth how well points are placed, by the protocols
"fixed" and "coco".
"""
_EPILOG = """\
examples:
  raz eval heads.csv truth.json --protocol fixed --protocol count   files of points
  raz eval --data photos --json                                     the default model
  raz eval --data photos --plot counts.png                          counts over the truth
  raz eval --validate submission.txt --images 1500                  before it is submitted

PRED and GT are NWPU-Crowd's text, CSV with the columns x, y and perhaps image and score, COCO,
CVAT, Label Studio, labelme, VGG Image Annotator, makesense.ai, GeoJSON, or raz's own results. The
content tells which. Each may be a folder with a .txt or .json for each image, too; images pair by
their relative paths.

exit codes: 0 ok; 2 wrong use; 3 a file is bad or not valid; 4 weights; 130 interrupted;
1 any other error
"""

_USES = {"pred": eval_files, "validate": eval_submission, "data": eval_model}
"""By the argument that asks for each."""

_OPTIONS = {
    "pred": {*eval_files.OPTIONS, "sizes"},
    "validate": {*eval_submission.OPTIONS, "sizes"},
    "data": {*eval_model.OPTIONS, "category", "anchor", "plot"},
}
"""What may be given with each, beside ``--json``."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the subcommand's arguments."""
    parser = subparsers.add_parser(
        "eval",
        help="measure points against the truth, or a model on images with known heads",
        usage=_USAGE,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print JSON, every figure")
    parser.add_argument(
        "--sizes", metavar="SOURCE",
        help="sizes of the images: their folder, or a CSV with image,width,height; for "
        "GAME(1) to GAME(3), and for --validate to find points outside",
    )  # fmt: skip
    for module in _USES.values():
        module.add_options(parser)
    parser.set_defaults(run=run, parser=parser, shows_progress=True)


def run(args: argparse.Namespace) -> int:
    """Measure and print; return the exit code."""
    uses = [use for use in _USES if getattr(args, use) is not None]
    if not uses:
        args.parser.error("one of these is needed: PRED GT, --validate, --data")
    _check_options(args, uses[0])
    code: int = _USES[uses[0]].run(args)
    return code


def _check_options(args: argparse.Namespace, use: str) -> None:
    """End as wrong use when an option belongs to another use: it would have no effect."""
    for option in set().union(*_OPTIONS.values()) - _OPTIONS[use]:
        if getattr(args, option) != args.parser.get_default(option):
            args.parser.error(f"{_spelled(option)} does not go with {_spelled(use)}")


def _spelled(option: str) -> str:
    return option.upper() if option in ("pred", "gt") else "--" + option.replace("_", "-")
