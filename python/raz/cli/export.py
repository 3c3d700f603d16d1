"""``raz export``: a net as one file for other runtimes."""

from __future__ import annotations

import argparse
from pathlib import Path

from raz.cli.arguments import wrong_use

_DESCRIPTION = """\
Write a net and the reading of its maps to one file. ONNX for onnxruntime and others (needs
`pip install raz[export]`), torch for torch.export.load. Images of any size from 9 pixels a side
give points, scores, count, density and attention, as `raz predict --depth 1`.
"""
_EPILOG = """\
exit codes: 0 ok; 2 wrong use; 4 weights; 5 out of memory; 130 interrupted; 1 anything else
"""
_FORMATS = {".onnx": "onnx", ".pt2": "torch"}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the subcommand's arguments."""
    parser = subparsers.add_parser(
        "export",
        help="write a model for other runtimes",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", help="its name, for instance raznet_lite")
    parser.add_argument(
        "--output", type=Path, required=True, metavar="FILE", help="usually .onnx or .pt2"
    )
    parser.add_argument(
        "--format", choices=tuple(_FORMATS.values()), help="by default what FILE's suffix says"
    )
    parser.add_argument(
        "--weights",
        default="DEFAULT",
        metavar="NAME|FILE",
        help="a name of the model's, or a file (%(default)s)",
    )
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Build, export and write; print the file's path; return the exit code."""
    kind = args.format or _FORMATS.get(args.output.suffix.lower())
    if kind is None:
        args.parser.error(
            f"--format: {args.output} ends in none of {', '.join(_FORMATS)}; say onnx or torch"
        )
    from raz.models import get_model

    with wrong_use(args):
        model = get_model(args.model, weights=args.weights)
    if kind == "onnx":
        from raz.export import export_onnx as export
    else:
        from raz.export import export_torch as export
    print(export(model, args.output))
    return 0
