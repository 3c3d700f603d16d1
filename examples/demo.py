"""Count the people of the example scene, and draw them against the truth and with the regions.

The scene was drawn by an earlier version of raz, from a seed that no training saw, so its heads are
known: ``scene.json`` holds them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from PIL import Image

import raz
from raz.io.plot import plot_matches

HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("out/demo"))
    folder = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)

    truth = json.loads((HERE / "scene.json").read_text())["points"]
    result = raz.predict(HERE / "scene.jpg", depth=2)

    result.save(folder / "scene.json")
    against_truth = plot_matches(result, truth)
    side_by_side(against_truth, result.plot(trace=True)).save(folder / "scene.png")

    print(
        f"count    {result.count:.1f} (density {result.count_density:.1f}, points "
        f"{result.count_points})"
    )
    print(f"truth    {len(truth)}")
    print(f"image    {folder / 'scene.png'}  (left: against the truth, right: heads and regions)")
    print(f"json     {folder / 'scene.json'}")


def side_by_side(left: Image.Image, right: Image.Image) -> Image.Image:
    """Put two images next to each other, on white."""
    size = left.width + right.width, max(left.height, right.height)
    both = Image.new("RGB", size, "white")
    both.paste(left, (0, 0))
    both.paste(right, (left.width, 0))
    return both


if __name__ == "__main__":
    main()
