"""``raz bench``: how fast a net counts on this machine."""

from __future__ import annotations

import argparse
import json
import sys
from statistics import median
from typing import TYPE_CHECKING, Any

from raz.cli.arguments import at_least, set_threads
from raz.cli.model_options import add_model_options, make_predictor

if TYPE_CHECKING:
    import torch

    from raz.prediction import Predictor

SEED = 9
"""Of the drawn scene: at the usual size a crowd that is zoomed into (ours)."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the subcommand's arguments."""
    parser = subparsers.add_parser(
        "bench",
        help="time a net on this machine",
        description="Count one image again and again, and print the milliseconds of each stage. "
        "The time of zooming depends on what is seen: bring an image of your own.",
    )
    parser.add_argument("image", metavar="IMAGE", nargs="?", help="an image file (a drawn crowd)")
    parser.add_argument(
        "--size", type=at_least(32), nargs=2, default=(1024, 768), metavar=("W", "H"),
        help="of the drawn crowd, in pixels (1024 768)",
    )  # fmt: skip
    parser.add_argument(
        "--repeats", type=at_least(1), default=10, metavar="N",
        help="runs that are timed, after one that is not (%(default)s)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_model_options(parser)
    parser.set_defaults(run=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Time, print, and return the exit code."""
    set_threads(args)
    predictor = make_predictor(args)
    image = _drawn(tuple(args.size)) if args.image is None else args.image
    report = measure(predictor, image, repeats=args.repeats)
    report["image"] = args.image
    lines = [json.dumps(report)] if args.json else _lines(report)
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


def _drawn(size: tuple[int, int]) -> torch.Tensor:
    from raz.data.synthetic import crowd_scene
    from raz.io.decoding import to_image

    width, height = size
    return to_image(crowd_scene(SEED, (height, width)).image)


def measure(predictor: Predictor, image: Any, *, repeats: int) -> dict[str, Any]:
    """Count an image ``repeats`` times after one that is not timed.

    A run ends with the result in the memory of the CPU, so on a GPU nothing is left to wait for.

    Returns:
        what was run on what, ``milliseconds`` by stage (median, least, most of the runs), pixels
        of the image a second at the median, and the most memory: of the GPU what torch held,
        else of the process since it began, None where the system does not tell.
    """
    import torch

    from raz import __version__

    predictor(image)
    speeds = []  # nothing else is kept: it would count as memory that a run takes
    for _ in range(repeats):
        last = predictor(image)
        speeds.append(last.speed)
    milliseconds = {stage: _spread([speed[stage] for speed in speeds]) for stage in last.speed}
    width, height = last.image_size
    return {
        "model": last.model,
        "device": str(predictor.device),
        "threads": torch.get_num_threads(),
        "image_size": [width, height],
        "depth": predictor.settings.depth,
        "regions": _regions(last.regions),
        "repeats": repeats,
        "milliseconds": milliseconds,
        "pixels_per_second": width * height / milliseconds["total"]["median"] * 1000,
        "peak_bytes": _peak_bytes(predictor.device),
        "torch": torch.__version__,
        "raz_version": __version__,
    }


def _spread(values: list[float]) -> dict[str, float]:
    return {"median": median(values), "least": min(values), "most": max(values)}


def _regions(regions: tuple[Any, ...]) -> int:
    return sum(1 + _regions(region.children) for region in regions)


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
        f"{report['model']} on {report['device']}, {report['threads']} threads, "
        f"{width} x {height} pixels, depth {report['depth']}, {report['regions']} regions, "
        f"{report['repeats']} runs",
        f"{'milliseconds':12}{'median':>10}{'least':>10}{'most':>10}",
        *(
            f"{stage:12}{times['median']:10.1f}{times['least']:10.1f}{times['most']:10.1f}"
            for stage, times in report["milliseconds"].items()
        ),
        f"{report['pixels_per_second'] / 1e6:.2f} megapixels per second"
        + ("" if memory is None else f", memory at most {memory / 1e9:.2f} GB"),
    ]
