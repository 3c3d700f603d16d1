"""Count the people of the example scene and show truth beside prediction.

The scene was drawn by an earlier version of raz, from a seed that no training saw, so its heads are
known: ``scene.json`` holds them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from PIL import Image

import raz

HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("out/demo"))
    folder = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)

    truth = json.loads((HERE / "scene.json").read_text())["points"]
    result = raz.predict(HERE / "scene.jpg", depth=2)

    result.save(folder / "scene.json")
    side_by_side(truth_image(result, truth), result.plot(trace=True)).save(folder / "scene.png")

    print(
        f"count    {result.count:.1f} (density {result.count_density:.1f}, points "
        f"{result.count_points})"
    )
    print(f"truth    {len(truth)}")
    print(f"image    {folder / 'scene.png'}  (left: truth, right: prediction and zoomed regions)")
    print(f"json     {folder / 'scene.json'}")


def truth_image(result: raz.Result, truth: list[list[float]]) -> Image.Image:
    """Draw the known heads in the same way as predicted ones."""
    known = raz.Result(
        points=torch.tensor(truth),
        scores=torch.ones(len(truth)),
        density=torch.zeros_like(result.density),
        count=float(len(truth)),
        count_density=0.0,
        count_points=len(truth),
        regions=(),
        image_size=result.image_size,
        model="truth",
        speed={},
        path=result.path,
    )
    return known.plot()


def side_by_side(left: Image.Image, right: Image.Image) -> Image.Image:
    """Put two images of one size next to each other."""
    both = Image.new("RGB", (left.width + right.width, left.height))
    both.paste(left, (0, 0))
    both.paste(right, (left.width, 0))
    return both


if __name__ == "__main__":
    main()
