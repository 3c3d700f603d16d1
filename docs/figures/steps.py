"""The figures of docs/method.md: what each step of RAZ-Net makes of the scene."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from drawing import (
    BLUE,
    GREEN,
    RED,
    WHITE,
    YELLOW,
    dots,
    enlarged,
    frames,
    grey,
    heat,
    reduced,
    side_by_side,
    within,
)
from raz.zoom import cell_counts
from scene import CROP, scene


def method_density() -> Image.Image:
    """The density map of the first pass."""
    return reduced(heat(scene().image, scene().density, power=0.6))


def method_attention() -> Image.Image:
    """The attention map and the regions that the cover makes of it."""
    image = heat(scene().image, scene().attention, power=0.6)
    frames(image, [region.box for region in scene().zoomed.regions], WHITE)
    return reduced(image)


def method_peaks() -> Image.Image:
    """Probabilities of heads at single pixels, and the peaks of their 3 x 3 means."""
    x1, y1, x2, y2 = CROP
    image = enlarged(scene().image, CROP, 3)
    map_ = heat(image, scene().probability[y1:y2, x1:x2])
    peaks = image.copy()
    dots(peaks, within(scene().first.points, CROP, 3), RED, radius=4)
    return reduced(side_by_side(map_, peaks), 960)


def method_zoom() -> Image.Image:
    """Points of the first pass and of the enlarged pass, true heads as rings."""
    box = (100, 352, 268, 464)
    parts = []
    for result in (scene().first, scene().zoomed):
        part = enlarged(scene().image, box, 3)
        dots(part, within(scene().heads, box, 3), YELLOW, radius=8, ring=True)
        dots(part, within(result.points, box, 3), RED, radius=4)
        parts.append(part)
    return side_by_side(*parts)


def method_regions() -> Image.Image:
    """What is found in the end: points, and the regions that were enlarged."""
    image = scene().image.copy()
    frames(image, [region.box for region in scene().zoomed.regions], BLUE)
    dots(image, scene().zoomed.points, RED)
    return reduced(image)


def method_fusion() -> Image.Image:
    """Both counts in the 4 x 4 cells: bars from the lower edge, by the density and by points."""
    image = grey(scene().image)
    result = scene().zoomed
    by_density, by_points = (
        cells.numpy() for cells in cell_counts(result.density, result.points, image.size)
    )
    width, height = image.width / 4, image.height / 4
    most = max(by_density.max(), by_points.max())
    draw = ImageDraw.Draw(image)
    for row, column in np.ndindex(4, 4):
        left, bottom = column * width, (row + 1) * height
        frames(image, [(left, bottom - height, left + width, bottom)], WHITE, width=1)
        for bar, (counts, colour) in enumerate(((by_density, GREEN), (by_points, RED))):
            x = left + width * (0.3 + 0.22 * bar)
            top = bottom - 0.9 * height * counts[row, column] / most
            draw.rectangle((x, top, x + 0.18 * width, bottom), fill=colour)
    return reduced(image)


FIGURES = {
    figure.__name__: figure
    for figure in (
        method_density,
        method_attention,
        method_peaks,
        method_zoom,
        method_regions,
        method_fusion,
    )
}
