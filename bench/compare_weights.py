"""Compare weights image by image: `python bench/compare_weights.py FIRST SECOND... --data DIR`.

Photographs of ShanghaiTech's parts A and B: of --split validation (the held-out tenth, the
default), calibration (the twentieth that chooses thresholds) or train. Prints one line per part
and estimate: its mean absolute error, and for every file after the first the mean of its error
minus the first's on the same image, with a 95 % interval (10,000 paired bootstrap resamples). An
interval that holds 0 says that these images cannot tell the two apart.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import raz
from raz.data import ShanghaiTech, holdout
from raz.evaluation import ESTIMATES, count_image, paired_difference


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("weights", nargs="+", help="names or files")
    parser.add_argument("--data", type=Path, required=True, help="folder with part_A and part_B")
    parser.add_argument("--model", default="raznet_lite")
    parser.add_argument("--depth", type=int, default=2)
    parser.add_argument("--split", choices=holdout(())._fields, default="validation")
    arguments = parser.parse_args()
    print("| part | estimate | weights | MAE | minus the first's | 95 % |")
    print("|---|---|---|---|---|---|", flush=True)
    for part in "AB":
        tables = [errors(arguments, part, weights) for weights in arguments.weights]
        for name in ESTIMATES:
            for weights, table in zip(arguments.weights, tables, strict=True):
                line = [part, name, Path(weights).name, f"{np.abs(table[name]).mean():.2f}"]
                if table is not tables[0]:
                    line += difference(np.abs(table[name]), np.abs(tables[0][name]))
                print(f"| {' | '.join(line)} |", flush=True)


def errors(arguments: argparse.Namespace, part: str, weights: str) -> dict[str, np.ndarray]:
    """Return the predicted minus the true count of each image, by estimate."""
    model = raz.get_model(arguments.model, weights=weights)
    photographs = ShanghaiTech(arguments.data, part)
    chosen = getattr(holdout(photographs.names), arguments.split)
    counted = [count_image(model, photographs[index], depth=arguments.depth) for index in chosen]
    return {name: np.array([c.counts[name] - c.heads for c in counted]) for name in ESTIMATES}


def difference(first: np.ndarray, second: np.ndarray) -> list[str]:
    """Return the mean of the difference and its interval as text; one image has no interval."""
    mean, low, high = paired_difference(first, second)
    return [f"{mean:+.2f}", "" if len(first) < 2 else f"{low:+.2f} to {high:+.2f}"]


if __name__ == "__main__":
    main()
