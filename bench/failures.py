"""Draw where a model is most wrong: `python bench/failures.py --data DIR --output FILE.png`.

Takes the held-out photographs of each part of ShanghaiTech whose fused count has the largest
errors. Each is drawn as dots alone, since the photographs are not ours to show: heads with a point
within 8 pixels, missed heads, and points without a head. Prints one line per photograph.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import raz
from raz.data import Sample, ShanghaiTech, holdout
from raz.models import RAZNet
from raz.ops import match_points

RADIUS = 8
"""Greatest distance in pixels between a head and its point."""
PANEL, CAPTION, DOT = 400, 36, 1.6
"""Width of a photograph's panel, height of what is written above it, and a dot's radius."""
COLOURS = {"found": (70, 170, 90), "missed": (225, 50, 50), "without a head": (60, 110, 235)}
PAPER, INK = (250, 250, 250), (40, 40, 40)


class Case(NamedTuple):
    """A photograph's name and size, its dots by kind, its heads, and the model's count."""

    name: str
    size: tuple[int, int]
    dots: dict[str, np.ndarray]
    heads: int
    count: float

    @property
    def caption(self) -> str:
        return f"{self.name}: {self.heads} heads, counted {self.count:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with part_A and part_B")
    parser.add_argument("--output", type=Path, required=True, help="image to write")
    parser.add_argument("--weights", default="DEFAULT", help="of raznet_lite: a name or a file")
    parser.add_argument("--limit", type=int, default=3, help="number of photographs of each part")
    arguments = parser.parse_args()
    model = raz.get_model("raznet_lite", weights=arguments.weights)
    rows = []
    for part in "AB":
        photographs = ShanghaiTech(arguments.data, part)
        chosen = holdout(photographs.names).validation
        cases = [case_of(model, part, photographs[index]) for index in chosen]
        worst = sorted(cases, key=lambda case: -abs(case.count - case.heads))
        rows.append(worst[: arguments.limit])
        for case in rows[-1]:
            numbers = ", ".join(f"{len(dots)} {kind}" for kind, dots in case.dots.items())
            print(f"{case.caption}; {numbers}", flush=True)
    sheet(rows).save(arguments.output, optimize=True)


def case_of(model: RAZNet, part: str, sample: Sample) -> Case:
    """Compare what the model finds in a photograph with its heads."""
    result = model.predict(sample.image)
    points, heads = result.points.numpy(), sample.points
    of_points, of_heads = match_points(points, heads, RADIUS)
    dots = {
        "found": heads[of_heads],
        "missed": np.delete(heads, of_heads, axis=0),
        "without a head": np.delete(points, of_points, axis=0),
    }
    size = sample.image.shape[1], sample.image.shape[0]
    return Case(f"{part} {sample.name}", size, dots, len(heads), result.count)


def sheet(rows: list[list[Case]]) -> Image.Image:
    """Put the panels side by side, one row per part."""
    panels = [[panel(case) for case in row] for row in rows]
    heights = [max(each.height for each in row) for row in panels]
    canvas = Image.new("RGB", (PANEL * max(map(len, rows)), sum(heights)), PAPER)
    for number, row in enumerate(panels):
        for column, each in enumerate(row):
            canvas.paste(each, (PANEL * column, sum(heights[:number])))
    return canvas.quantize(64, dither=Image.Dither.NONE)


def panel(case: Case) -> Image.Image:
    """Draw the dots of one photograph under its caption."""
    scale = (PANEL - 8) / case.size[0]
    height = round(case.size[1] * scale)
    image = Image.new("RGB", (PANEL, height + CAPTION + 8), PAPER)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(13)
    draw.text((4, 1), case.caption, INK, font)
    x = 4.0
    for kind, colour in COLOURS.items():
        text = f"{len(case.dots[kind])} {kind}"
        draw.text((x, 17), text, colour, font)
        x += draw.textlength(text, font) + 14
    draw.rectangle((3, CAPTION - 1, PANEL - 4, CAPTION + height), outline=(200, 200, 200))
    for kind, colour in COLOURS.items():
        for px, py in case.dots[kind] * scale + (4, CAPTION):
            draw.ellipse((px - DOT, py - DOT, px + DOT, py + DOT), colour)
    return image


if __name__ == "__main__":
    main()
