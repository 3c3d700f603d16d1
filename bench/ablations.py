"""Measure what each choice of a training is worth.

    python bench/ablations.py --data DIR --output RUNS

Trains every variant of ablations.toml on every fold of the training photographs, and counts the
photographs that it was not trained on. So each line of the table covers all of them, out of fold.
The held-out tenth is not used. Every variant is compared with the first: the mean of its absolute
error minus the first's on the same photograph, with a 95 % interval (10,000 paired bootstrap
resamples).

Finished runs are kept, and a stopped run is continued. With --fold a single fold is trained: one
process per fold, each with --threads threads, is faster than one process with many threads. With
--table nothing is trained.
"""

from __future__ import annotations

import argparse
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from compare_weights import difference

from raz.files import atomic_file
from raz.models import RAZNet
from raz.training.config import SYNTHETIC, TrainingConfig, make_config
from raz.training.datasets import open_parts
from raz.training.engine import train
from raz.training.settings import merged

Counts = dict[str, list[tuple[int, float]]]
"""For each part: the heads of every photograph, and what is counted."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with part_A and part_B")
    parser.add_argument("--output", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--backbone", type=Path, help="ImageNet weights of the backbone")
    parser.add_argument("--variants", type=Path, default=Path(__file__).with_suffix(".toml"))
    parser.add_argument("--fold", type=int, help="train this fold alone")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--table", action="store_true", help="print the table of the finished runs")
    arguments = parser.parse_args()
    plan = tomllib.loads(arguments.variants.read_text(encoding="utf-8"))
    folds = range(1, plan["folds"] + 1)
    if not arguments.table:
        for name in plan["variants"]:
            for fold in folds if arguments.fold is None else [arguments.fold]:
                run(config_of(plan, name, fold, arguments))
    for line in table(arguments.output, list(plan["variants"]), folds):
        print(line)


def config_of(
    plan: dict[str, Any], name: str, fold: int, arguments: argparse.Namespace
) -> TrainingConfig:
    """Return the training of a variant on a fold: its own settings over the shared ones."""
    values = merged(plan["shared"], plan["variants"][name])
    parts = []
    for part, settings in values["data"].items():
        crossed = {} if settings["layout"] == SYNTHETIC else {"folds": plan["folds"], "fold": fold}
        parts.append({"name": part, **settings, **crossed})
    places = {
        "data_root": str(arguments.data),
        "output": str(folder(arguments.output, name, fold)),
        "threads": arguments.threads,
    }
    if arguments.backbone is not None:
        places["backbone"] = str(arguments.backbone)
    return make_config({**values, **places, "data": parts})


def folder(runs: Path, name: str, fold: int) -> Path:
    return runs / name.replace(" ", "_") / f"fold{fold}"


def run(config: TrainingConfig) -> None:
    """Train and count, unless that was done before."""
    counts = Path(config.output) / "counts.json"
    if counts.exists():
        return
    model = train(config)
    assert model is not None  # this is the only process
    with atomic_file(counts) as file:
        json.dump(count(model, config), file)


@torch.inference_mode()
def count(model: RAZNet, config: TrainingConfig) -> Counts:
    """Count the photographs that a fold reports on, by the sum of the density at depth 1."""
    counts: Counts = {}
    for part in open_parts(config):
        for sample in part.report:
            image = torch.tensor(sample.image).permute(2, 0, 1)[None].float() / 255
            density = model.maps(image, counting_alone=True)["density"]
            counts.setdefault(part.name, []).append((len(sample.points), float(density.sum())))
    return counts


def table(runs: Path, names: list[str], folds: range) -> Iterator[str]:
    """Yield the lines of a table in Markdown, for the variants that are done on all folds.

    The table is empty until the first variant is done, with which all others are compared.
    """
    yield "| part | variant | MAE | RMSE | bias | minus the first's MAE | 95 % |"
    yield "|---|---|---|---|---|---|---|"
    files = {name: [folder(runs, name, fold) / "counts.json" for fold in folds] for name in names}
    done = {name: _errors(f) for name, f in files.items() if all(each.exists() for each in f)}
    for part in done.get(names[0], {}):
        first = np.abs(done[names[0]][part])
        for name, errors in done.items():
            error = errors[part]
            figures = np.abs(error).mean(), np.sqrt(np.square(error).mean())
            line = [part, name, *(f"{figure:.2f}" for figure in figures), f"{error.mean():+.2f}"]
            line += difference(np.abs(error), first) if name != names[0] else ["", ""]
            yield f"| {' | '.join(line)} |"


def _errors(files: list[Path]) -> dict[str, np.ndarray]:
    """Return the counted minus the true heads of every photograph of all folds, by part."""
    folds: list[Counts] = [json.loads(file.read_text()) for file in files]
    pairs = {part: [pair for fold in folds for pair in fold[part]] for part in folds[0]}
    return {part: np.array([counted - heads for heads, counted in p]) for part, p in pairs.items()}


if __name__ == "__main__":
    main()
