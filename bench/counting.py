"""Measure the counts of a model at every quality: `python bench/counting.py --data DIR`.

On the held-out tenth of ShanghaiTech's parts A and B, every estimate of `raz.evaluation.ESTIMATES`
with --quality fast, balanced and best, --dtype float32 unless told otherwise, and the time per
image: the passes of the net and all that turns them into a result, without reading the file. Prints
Markdown: a table per part, with 95 % intervals (10,000 bootstrap resamples of the images), then the
differences on the same images: of the fused count to the estimates it is made of, and of every
quality to the one before.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, get_args

import numpy as np
import torch

import raz
from raz.data import Sample, ShanghaiTech, Subset, holdout
from raz.evaluation import (
    BootstrapMean,
    CountEstimate,
    count_errors,
    fusion_minus,
    paired_difference,
)
from raz.evaluation.estimates import counts_of, trace_image
from raz.models import RAZNet
from raz.zoom import ZoomSettings, resolve
from raz.zoom.settings import Dtype, Quality

ZOOMED = ("density+", "localization+")
"""Estimates that at depth 1 are the same as those without the sign."""


class Counted(NamedTuple):
    """The counts of a part at a quality, and the seconds of each image."""

    estimates: list[CountEstimate]
    seconds: list[float]

    @property
    def fused(self) -> np.ndarray:
        """The absolute error of the fused count of each image."""
        return np.array([abs(each.counts["fusion"] - each.heads) for each in self.estimates])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with part_A and part_B")
    parser.add_argument("--model", default="raznet_lite")
    parser.add_argument("--weights", default="DEFAULT", help="name or file")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--limit", type=int, help="the first N images of each part only")
    parser.add_argument("--threads", type=int, help="CPU threads of torch")
    qualities: tuple[Quality, ...] = get_args(Quality)
    parser.add_argument("--quality", choices=qualities, action="append", help="default: all")
    parser.add_argument("--dtype", choices=get_args(Dtype), default="float32")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    model = raz.get_model(arguments.model, weights=arguments.weights).to(arguments.device)
    for part in "AB":
        photographs = ShanghaiTech(arguments.data, part)
        chosen = holdout(photographs.names).validation[: arguments.limit]
        samples = Subset(photographs, chosen)
        table = {
            quality: count(model, samples, ZoomSettings(quality=quality, dtype=arguments.dtype))
            for quality in arguments.quality or qualities
        }
        print("\n".join([f"## Part {part}, {len(chosen)} images", "", *lines_of(table), ""]))


def count(model: RAZNet, samples: Iterable[Sample], settings: ZoomSettings) -> Counted:
    """Count every image by every estimate."""
    counted = Counted([], [])
    for sample in samples:
        started = time.perf_counter()
        trace = trace_image(model, sample, settings)
        deep = resolve(trace, model.operating_point)
        counted.seconds.append(time.perf_counter() - started)
        counts = counts_of(resolve(trace, model.operating_point, depth=1), deep)
        counted.estimates.append(CountEstimate(len(sample.points), counts))
    return counted


def lines_of(table: dict[Quality, Counted]) -> Iterable[str]:
    """Write the table of a part and its differences."""
    yield "| quality | estimate | MAE | 95 % | RMSE | bias | in % | ms, median |"
    yield "|---|---|---|---|---|---|---|---|"
    for quality, counted in table.items():
        milliseconds = f"{1000 * np.median(counted.seconds):.0f}"
        for name, error in count_errors(counted.estimates).items():
            if quality == "fast" and name in ZOOMED:
                continue
            yield row(
                quality, name, f"{error.mae:.2f}", f"{error.mae_low:.2f} to {error.mae_high:.2f}",
                f"{error.rmse:.2f}", f"{error.bias:+.2f}", f"{error.bias_percent:+.1f}",
                milliseconds,
            )  # fmt: skip
    yield ""
    yield "| quality | difference of absolute errors | mean | 95 % |"
    yield "|---|---|---|---|"
    previous: tuple[Quality, Counted] | None = None
    for quality, counted in table.items():
        for name, difference in fusion_minus(counted.estimates).items():
            if quality == "fast" and name in ZOOMED:
                continue
            yield row(quality, f"fusion - {name}", *texts(difference))
        if previous is not None:
            difference = paired_difference(counted.fused, previous[1].fused)
            yield row(quality, f"fusion - fusion of {previous[0]}", *texts(difference))
        previous = quality, counted


def texts(difference: BootstrapMean) -> Sequence[str]:
    """The mean and its interval."""
    return f"{difference.mean:+.2f}", f"{difference.low:+.2f} to {difference.high:+.2f}"


def row(*cells: str) -> str:
    """A row of a table."""
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
