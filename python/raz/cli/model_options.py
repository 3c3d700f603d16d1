"""Options of the commands that count people: which model, and how it zooms.

The options of zooming are the fields of :class:`raz.ZoomSettings`: a field added there is an option
of ``raz predict`` and ``raz bench``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import Field, fields
from typing import TYPE_CHECKING, Any

from raz.cli.arguments import add_device, add_threads, at_least, bands, number, wrong_use
from raz.cli.overwriting import is_exported
from raz.zoom.settings import ZoomSettings, described

if TYPE_CHECKING:
    from raz.export import RuntimeNetwork
    from raz.io.zones import Zones
    from raz.prediction import Predictor

__all__ = ["add_model", "add_model_options", "chosen_model", "make_predictor"]


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that :func:`make_predictor` reads.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add_model_options(parser)
        >>> parser.parse_args(["--depth", "3"]).depth
        3
    """
    group = parser.add_argument_group("model")
    add_model(group)
    add_device(group)
    group.add_argument(
        "--max-pixels", type=at_least(1), metavar="N",
        help="largest image, width times height (default: 1000000000 if windows of the file are "
        "read, 200000000 if the whole image is decoded)",
    )  # fmt: skip
    group.add_argument(
        "--bits", type=at_least(8, 16), metavar="N",
        help="bits, 8 to 16, that samples have which a file stores with more than eight (default: "
        "what the file says, else what its greatest value needs, with a warning)",
    )  # fmt: skip
    group.add_argument(
        "--bands", type=bands, metavar="R,G,B",
        help="numbers of the bands, from 1, of a TIFF or JPEG 2000 file that are red, green and "
        "blue, or of the one that is grey (default: what the file says)",
    )  # fmt: skip
    add_threads(group)
    zooming = parser.add_argument_group("zooming")
    for setting in fields(ZoomSettings):
        _add_setting(zooming, setting)


def add_model(group: argparse._ActionsContainer) -> None:
    """Add the options that :func:`chosen_model` reads.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add_model(parser)
        >>> parser.parse_args(["--model", "net.onnx"]).runtime is None
        True
    """
    group.add_argument(
        "--model", default="raznet_lite", metavar="NAME|FILE",
        help="name of the model, or an .onnx file of raz export (default: %(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--weights", default="DEFAULT", metavar="NAME|FILE",
        help="name of published weights, or a weights file (default: %(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--runtime", choices=("onnxruntime", "openvino"),
        help="what computes an .onnx file (default: the first that is installed)",
    )  # fmt: skip


def chosen_model(args: argparse.Namespace) -> str | RuntimeNetwork:
    """Return the name of the model, or the loaded file of ``raz export``.

    Raises:
        ValueError: an option does not go with the model.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add_model(parser)
        >>> chosen_model(parser.parse_args([]))
        'raznet_lite'
    """
    if not is_exported(args.model):
        if args.runtime is not None:
            raise ValueError(f"runtime is for a model in an .onnx file; this is {args.model}")
        name: str = args.model
        return name
    if args.weights != "DEFAULT":
        raise ValueError(f"weights is only for a model's name; {args.model} has its own already")
    from raz.export import load

    return load(args.model, args.runtime)


def _add_setting(group: argparse._ArgumentGroup, setting: Field[Any]) -> None:
    options: dict[str, Any] = {}
    if setting.metadata["choices"]:
        options["choices"] = setting.metadata["choices"]
    else:
        options["type"] = _reader(**setting.metadata)
        options["metavar"] = setting.metadata["metavar"]
    group.add_argument(
        f"--{setting.name.replace('_', '-')}",
        default=setting.default,
        help=described(setting),
        **options,
    )


def _reader(*, kind: type, least: int, **_: object) -> Callable[[str], int | float]:
    """The argparse type of a number; what it does not check, `ZoomSettings` does."""
    return at_least(least) if kind is int else number(least=least)


def make_predictor(args: argparse.Namespace, zones: Zones | None = None) -> Predictor:
    """Build the predictor; what it finds wrong with an option ends as wrong use.

    Args:
        args: of a parser that has :func:`add_model_options`, with ``parser`` and ``verbose``.
        zones: named areas to count in.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add_model_options(parser)
        >>> parser.set_defaults(parser=parser, verbose=False)
        >>> make_predictor(parser.parse_args(["--depth", "1"])).settings.depth
        1
    """
    from raz.io.rasters import Reading
    from raz.prediction import Predictor

    with wrong_use(args):
        settings = {each.name: getattr(args, each.name) for each in fields(ZoomSettings)}
        return Predictor(
            chosen_model(args),
            args.weights,
            args.device,
            settings=ZoomSettings(**settings),
            max_pixels=args.max_pixels,
            reading=Reading(args.bits, args.bands),
            zones=zones,
        )
