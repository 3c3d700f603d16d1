"""``raz export``: write a model to one file for other runtimes."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from raz.cli.arguments import wrong_use
from raz.cli.overwriting import Output, check_overwriting, weights_files
from raz.cli.wording import printable

_DESCRIPTION = """\
Write a model, with everything from pixels to points and count, to one file: ONNX for onnxruntime
and others (needs pip install ".[export]"), or torch for torch.export.load. It takes images of any
size from 9 x 9 pixels and gives points, scores, count, density and attention, as raz predict
--depth 1 does.
"""
_EPILOG = """\
examples:
  raz export raznet_lite --output net.onnx
  raz export raznet_lite --weights runs/a/weights.safetensors --output net.pt2

exit codes: 0 ok; 2 wrong use; 4 weights; 5 out of memory; 130 interrupted; 1 any other error
"""
_FORMATS = {".onnx": "onnx", ".pt2": "torch"}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command's arguments."""
    parser = subparsers.add_parser(
        "export",
        help="write a model for other runtimes",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", help="name of the model, such as raznet_lite")
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help="file to write, usually .onnx or .pt2",
    )
    parser.add_argument(
        "--format",
        choices=tuple(_FORMATS.values()),
        help="format of the file (default: by its suffix)",
    )
    parser.add_argument(
        "--weights",
        default="DEFAULT",
        metavar="NAME|FILE",
        help="name of published weights, or a weights file (default: %(default)s)",
    )
    parser.add_argument(
        "--json", action="store_true", help="print JSON: the file's path, format and bytes"
    )
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Build, export and write; print the file's path; return the exit code."""
    kind = args.format or _FORMATS.get(args.output.suffix.lower())
    if kind is None:
        args.parser.error(
            f"--format: {args.output} ends in none of {', '.join(_FORMATS)}; choose onnx or torch"
        )
    from raz.models import get_model

    read = {"the file of --weights": weights_files(args.model, args.weights)}
    check_overwriting(args.parser, [Output("--output", args.output)], read)
    with wrong_use(args):
        model = get_model(args.model, weights=args.weights)
    if kind == "onnx":
        from raz.export import export_onnx as export
    else:
        from raz.export import export_torch as export
    file = export(model, args.output)
    if args.json:
        document = {"path": str(file), "format": kind, "bytes": file.stat().st_size}
        print(json.dumps(document | {"model": args.model}))
    else:
        print(printable(str(file)))
    return 0
