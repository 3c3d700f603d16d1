"""Measure counts at any resolution: `python bench/scales.py --data DIR`.

On the held-out tenth of ShanghaiTech's parts A and B, without an option set by hand: copies of each
image, enlarged or reduced with antialiasing, against the image at its own size; and mosaics of the
images against the sum of their own counts. Prints Markdown. A copy's points are compared in pixels
of the original. Images in a mosaic are cut to 1024 x 768 pixels; smaller ones are enlarged, those
left out that would need more than 1.35 times. Mosaics of A and B have every other image from each.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

import raz
from raz.data import Sample, ShanghaiTech, Subset, holdout
from raz.evaluation.estimates import as_tensor
from raz.metrics import fixed_radius_localization

CELL = (768, 1024)
MOST_ENLARGED = 1.35

MOSAIC_HEADER = (
    "| mosaic | pixels | heads | own counts | found | difference | own points | found | seconds "
    "| warnings |",
    "|---|---|---|---|---|---|---|---|---|---|",
)


class Copy(NamedTuple):
    """What was found in one image at one size."""

    heads: int
    count: float
    points: int
    f1: float
    seconds: float


def resized(image: Tensor, times: float) -> Tensor:
    """Resize an image uint8 [3, H, W] by bicubic interpolation, with antialiasing."""
    if times == 1:
        return image
    size = [round(length * times) for length in image.shape[1:]]
    pixels = F.interpolate(image[None].float(), size=size, mode="bicubic", antialias=True)[0]
    return pixels.round().clamp(0, 255).to(torch.uint8)


def copies(predictor: raz.Predictor, samples: Subset, times: float) -> list[Copy]:
    """Count the copies of all images at one size."""
    found = []
    for sample in samples:
        image = resized(as_tensor(sample), times)
        started = time.process_time()
        result = predictor(image)
        seconds = time.process_time() - started
        points = result.points.numpy() / times
        f1 = fixed_radius_localization([points], [sample.points])["8px"]["f1"]
        heads = len(sample.points)
        found.append(Copy(heads, result.count, result.count_points, float(f1), seconds))
    return found


def copy_lines(table: dict[float, list[Copy]]) -> Iterator[str]:
    """Write what was found at every size, one line each."""
    yield "| size | difference from 1x | of it bias | MAE | points' MAE | F1@8 | seconds, median |"
    yield "|---|---|---|---|---|---|---|"
    own = np.array([copy.count for copy in table[1]])
    for times, found in table.items():
        heads, counts, points, f1, seconds = (
            np.array(column) for column in zip(*found, strict=True)
        )
        change = counts - own
        yield row(
            f"{times:g}x", f"{np.abs(change).sum() / own.sum():.1%}",
            f"{change.sum() / own.sum():+.1%}", f"{np.abs(counts - heads).mean():.1f}",
            f"{np.abs(points - heads).mean():.1f}", f"{f1.mean():.3f}",
            f"{np.median(seconds):.2f}",
        )  # fmt: skip


class Piece(NamedTuple):
    """One image of a mosaic, cut to one size, with its true number of heads."""

    image: Tensor
    heads: int


def pieces(samples: Subset) -> list[Piece]:
    """Cut those images that are large enough to the size of a mosaic's cell."""
    return [piece for sample in samples if (piece := piece_of(sample)) is not None]


def piece_of(sample: Sample) -> Piece | None:
    """The middle of an image, in the size of a mosaic's cell; None if it is too small."""
    image = as_tensor(sample)
    times = max(1.0, *(cell / length for cell, length in zip(CELL, image.shape[1:], strict=True)))
    if times > MOST_ENLARGED:
        return None
    image = resized(image, times)
    corner = [(length - cell) // 2 for cell, length in zip(CELL, image.shape[1:], strict=True)]
    (top, left), (height, width) = corner, CELL
    inside = sample.points * times - (left, top)
    heads = ((inside >= 0) & (inside < (width, height))).all(axis=1).sum()
    return Piece(image[:, top : top + height, left : left + width], int(heads))


def mosaics(pieces: Sequence[Piece], side: int) -> list[list[Piece]]:
    """Group pieces into mosaics of ``side`` x ``side``; the last ones begin again."""
    number = side * side
    groups = -(-len(pieces) // number)
    return [
        [pieces[(group * number + index) % len(pieces)] for index in range(number)]
        for group in range(groups)
    ]


def mosaic_line(predictor: raz.Predictor, name: str, group: Sequence[Piece], side: int) -> str:
    """Count a mosaic and its pieces; write one line."""
    own = [predictor(piece.image) for piece in group]
    rows = [
        torch.cat([piece.image for piece in group[first : first + side]], dim=2)
        for first in range(0, len(group), side)
    ]
    started = time.process_time()
    result = predictor(torch.cat(rows, dim=1))
    seconds = time.process_time() - started
    counts, points = sum(each.count for each in own), sum(each.count_points for each in own)
    width, height = result.image_size
    return row(
        name, f"{width} x {height}", str(sum(piece.heads for piece in group)), f"{counts:.0f}",
        f"{result.count:.0f}", f"{result.count / counts - 1:+.1%}", str(points),
        str(result.count_points), f"{seconds:.0f}", "; ".join(result.warnings) or "none",
    )  # fmt: skip


def row(*cells: str) -> str:
    """A row of a table."""
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with part_A and part_B")
    parser.add_argument("--model", default="raznet_lite")
    parser.add_argument("--weights", default="DEFAULT", help="name or file")
    parser.add_argument("--limit", type=int, help="the first N images of each part only")
    parser.add_argument("--threads", type=int, help="CPU threads of torch")
    parser.add_argument("--sizes", type=float, nargs="*", default=[0.5, 2, 3, 4])
    parser.add_argument(
        "--mosaics", nargs="*", default=["A2", "A4", "AB2", "AB4"],
        help="parts and images a side (%(default)s)",
    )  # fmt: skip
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    predictor = raz.Predictor(arguments.model, arguments.weights, device="cpu")
    parts = {}
    for part in "AB":
        photographs = ShanghaiTech(arguments.data, part)
        parts[part] = Subset(photographs, holdout(photographs.names).validation[: arguments.limit])
        if arguments.sizes:
            print(f"## Part {part}, {len(parts[part])} images\n")
            table = {
                times: copies(predictor, parts[part], times) for times in [1, *arguments.sizes]
            }
            print("\n".join(copy_lines(table)), flush=True)
    if arguments.mosaics:
        print("\n## Mosaics\n")
        print("\n".join(MOSAIC_HEADER), flush=True)
    cut = {part: pieces(samples) for part, samples in parts.items()} if arguments.mosaics else {}
    for name in arguments.mosaics:
        chosen, side = name[:-1], int(name[-1])
        mixed = [
            piece for group in zip(*(cut[part] for part in chosen), strict=False) for piece in group
        ]
        for group in mosaics(mixed, side):
            print(mosaic_line(predictor, f"{chosen} {side} x {side}", group, side), flush=True)


if __name__ == "__main__":
    main()
