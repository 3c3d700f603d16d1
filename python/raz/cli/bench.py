"""``raz bench``: time a model on this machine."""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from raz.cli.arguments import at_least, set_threads, wrong_use
from raz.cli.model_options import add_model_options, make_predictor
from raz.cli.overwriting import Output, check_overwriting, weights_files
from raz.network import padded_length

if TYPE_CHECKING:
    import torch

    from raz.prediction import Predictor
    from raz.result import Result
    from raz.zoom.inference import NetworkCall

CROWD = Path(__file__).with_name("crowd.jpg")
"""A part of the example scene (examples/scene.jpg), repeated up to the size: it is zoomed into."""

_DESCRIPTION = """\
Count one image several times, and print the milliseconds of each stage. The time of zooming depends
on what is in the image, so use one of your own.
"""
_EPILOG = """\
examples:
  raz bench photo.jpg --repeats 20
  raz bench --size 2048 1536 --quality fast --threads 4 --json

exit codes: 0 ok; 2 wrong use; 3 the image cannot be read; 4 weights; 5 out of memory;
130 interrupted; 1 any other error
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command's arguments."""
    parser = subparsers.add_parser(
        "bench",
        help="time a model on this machine",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "image", metavar="IMAGE", nargs="?", help="image file (default: a built-in crowd)"
    )
    parser.add_argument(
        "--size", type=at_least(32), nargs=2, default=(1024, 768), metavar=("W", "H"),
        help="size of the built-in crowd in pixels (default: 1024 768)",
    )  # fmt: skip
    parser.add_argument(
        "--repeats", type=at_least(1), default=10, metavar="N",
        help="number of timed runs, after one that is not timed (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=Path, metavar="FILE",
        help="also save the result of every run in this file, and time that (\"write\") and the "
        "whole from the image to the file (\"end to end\", with what no stage counts); its suffix "
        "chooses the format",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_model_options(parser)
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Time, print, and return the exit code."""
    _check_output(args)
    set_threads(args)
    predictor = make_predictor(args)
    image = _crowd(tuple(args.size)) if args.image is None else args.image
    report = measure(predictor, image, repeats=args.repeats, output=args.output)
    report["image"] = args.image
    lines = [json.dumps(report)] if args.json else _lines(report)
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


def _check_output(args: argparse.Namespace) -> None:
    if args.output is None:
        return
    from raz.io.formats import format_of

    with wrong_use(args):
        format_of(args.output)
    read = {
        "the image to count": [] if args.image is None else [args.image],
        "the weights": weights_files(args.model, args.weights),
    }
    check_overwriting(args.parser, [Output("--output", args.output)], read)


def _crowd(size: tuple[int, int]) -> torch.Tensor:
    import torch

    from raz.io.decoding import read_image, to_image

    width, height = size
    tile = to_image(read_image(CROWD))
    rows, columns = (
        torch.arange(n) % m for n, m in zip((height, width), tile.shape[1:], strict=True)
    )
    return tile[:, rows[:, None], columns]


def measure(
    predictor: Predictor, image: Any, *, repeats: int, output: Path | None = None
) -> dict[str, Any]:
    """Count an image ``repeats`` times, after one time that is not timed.

    A run ends with the result in the CPU's memory, so there is no GPU left to wait for.

    Args:
        predictor: the model and how it zooms.
        image: one image.
        repeats: at least 1.
        output: where to save the result of every run, the file's suffix chooses how. There are two
            more stages then: "write", and "end to end", from the image to the file by one clock.

    Returns:
        what was run and where; ``passes`` of the last run by scale, see `account`;
        ``milliseconds`` by stage (median, least and most of the runs);
        ``pixels_per_second`` of the image, at the median; and ``peak_bytes``: the most memory that
        torch held on the GPU, else that the process took since it started, or None if the system
        does not tell.
    """
    import torch

    from raz import __version__
    from raz.zoom.inference import recorded_calls
    from raz.zoom.precision import computing_type

    dtype = computing_type(predictor.model, predictor.device, predictor.settings.asked_dtype)
    _count(predictor, image, output)
    speeds = []  # keep nothing else: it would count as memory of a run
    with recorded_calls() as calls:
        for _ in range(repeats):
            calls.clear()
            last, speed = _count(predictor, image, output)
            speeds.append(speed)
    milliseconds = {stage: _spread([speed[stage] for speed in speeds]) for stage in speeds[0]}
    width, height = last.image_size
    return {
        "model": last.model,
        "device": str(predictor.device),
        "dtype": str(dtype).removeprefix("torch."),
        "threads": torch.get_num_threads(),
        "image_size": [width, height],
        "depth": predictor.settings.depth or 1 + _rounds(last.regions),
        "regions": _regions(last.regions),
        "repeats": repeats,
        "passes": account(calls, last),
        "milliseconds": milliseconds,
        "pixels_per_second": width * height / milliseconds["total"]["median"] * 1000,
        "peak_bytes": _peak_bytes(predictor.device),
        "torch": torch.__version__,
        "raz_version": __version__,
    }


def _count(
    predictor: Predictor, image: Any, output: Path | None
) -> tuple[Result, Mapping[str, float]]:
    """Count once, and save the result if asked to; return it and the milliseconds of its stages."""
    started = time.perf_counter()
    result = predictor(image)
    if output is None:
        return result, result.speed
    counted = time.perf_counter()
    result.save(output)
    written = time.perf_counter()
    more = {"write": (written - counted) * 1e3, "end to end": (written - started) * 1e3}
    return result, {**result.speed, **more}


def account(calls: Sequence[NetworkCall], result: Result) -> list[dict[str, float]]:
    """Tell what went through the net, by scale: where the time of zooming goes.

    Returns:
        for every scale: ``calls`` of the net, ``images`` in them and different ``sizes``; pixels of
        that scale that were ``asked`` for (the image, or its regions), that were ``shown`` (context
        and halos included) and that were computed (``padded``, to a multiple of `PAD_MULTIPLE`);
        ``milliseconds`` in the net. With mirrored passes all but ``asked`` and ``sizes`` double.
    """
    width, height = result.image_size
    asked: dict[float, float] = {result.scale: width * height * result.scale**2}
    below = list(result.regions)
    while below:
        region = below.pop()
        x1, y1, x2, y2 = region.box
        asked[region.scale] = asked.get(region.scale, 0.0) + (x2 - x1) * (y2 - y1) * region.scale**2
        below += region.children
    return [
        {
            "scale": scale,
            "calls": len(own),
            "images": sum(call.images for call in own),
            "sizes": len({call.size for call in own}),
            "asked": round(asked.get(scale, 0.0)),
            "shown": sum(call.images * math.prod(call.size) for call in own),
            "padded": sum(call.images * math.prod(map(padded_length, call.size)) for call in own),
            "milliseconds": sum(call.seconds for call in own) * 1e3,
        }
        for scale in sorted({call.scale for call in calls})
        for own in [[call for call in calls if call.scale == scale]]
    ]


def _spread(values: list[float]) -> dict[str, float]:
    return {"median": median(values), "least": min(values), "most": max(values)}


def _regions(regions: tuple[Any, ...]) -> int:
    return sum(1 + _regions(region.children) for region in regions)


def _rounds(regions: tuple[Any, ...]) -> int:
    return max((1 + _rounds(region.children) for region in regions), default=0)


def _peak_bytes(device: torch.device) -> int | None:
    if device.type == "cuda":
        import torch

        return torch.cuda.max_memory_allocated(device)
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _lines(report: dict[str, Any]) -> list[str]:
    width, height = report["image_size"]
    memory = report["peak_bytes"]
    return [
        f"{report['model']} on {report['device']} in {report['dtype']}, "
        f"{report['threads']} threads, {width} x {height} pixels, depth {report['depth']}, "
        f"{report['regions']} regions, {report['repeats']} runs",
        f"{'milliseconds':12}{'median':>10}{'least':>10}{'most':>10}",
        *(
            f"{stage:12}{times['median']:10.1f}{times['least']:10.1f}{times['most']:10.1f}"
            for stage, times in report["milliseconds"].items()
        ),
        *_pass_lines(report["passes"]),
        f"{report['pixels_per_second'] / 1e6:.2f} megapixels per second"
        + ("" if memory is None else f", memory at most {memory / 1e9:.2f} GB"),
    ]


def _pass_lines(passes: Sequence[Mapping[str, float]]) -> list[str]:
    """What went through the net, a line for each scale."""
    if not passes:
        return []
    return [
        f"{'scale':8}{'calls':>7}{'images':>8}{'sizes':>7}{'asked':>12}{'shown':>12}{'padded':>12}"
        f"{'ns/shown':>10}",
        *(
            f"{each['scale']:<8.3g}{each['calls']:7}{each['images']:8}{each['sizes']:7}"
            f"{each['asked']:12,}{each['shown']:12,}{each['padded']:12,}"
            f"{each['milliseconds'] / each['shown'] * 1e6:10.0f}"
            for each in passes
        ),
    ]
