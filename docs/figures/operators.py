"""The figures of docs/operators/: each operator on the scene."""

from __future__ import annotations

import numpy as np
import torch
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
    lines,
    reduced,
    side_by_side,
    within,
)
from raz import ops
from raz.reference.propose_regions import anchor_boxes, random_points
from scene import CROP, scene

STRIDE = 8


def attention_map() -> Image.Image:
    """Soft blobs where heads stand close together; the limit is twice that of training."""
    blobs = ops.attention_map(scene().points, scene().size, stride=1, limit=24.0)
    return reduced(heat(scene().image, blobs))


def congestion() -> Image.Image:
    """Every head as a ring as wide as the mean distance to its three nearest."""
    image = grey(scene().image)
    crowded = ops.congestion(scene().points)
    for point, distance in zip(scene().heads, crowded.tolist(), strict=True):
        colour = RED if distance < 12 else YELLOW
        dots(image, [point], colour, radius=distance / 2, ring=True)
    return reduced(image)


def crop_and_resize() -> Image.Image:
    """A box, and the crop of it enlarged twice."""
    image = scene().image.copy()
    frames(image, [CROP], YELLOW)
    x1, y1, x2, y2 = CROP
    pixels = torch.from_numpy(np.array(scene().image)).permute(2, 0, 1)[None]
    size = (2 * (y2 - y1), 2 * (x2 - x1))
    boxes = torch.tensor([CROP], dtype=torch.float64)
    crop = ops.crop_and_resize(pixels, boxes, torch.tensor([0]), size)[0]
    values = (crop * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    left = image.resize((round(image.width * size[0] / image.height), size[0]))
    return reduced(side_by_side(left, Image.fromarray(values)), 880)


def density_map() -> Image.Image:
    """The adaptive map of the true heads at stride 1, and at stride 8."""
    x1, y1, x2, y2 = CROP
    image = enlarged(scene().image, CROP, 2)
    fine = ops.density_map(scene().points, scene().size, stride=1)[y1:y2, x1:x2]
    cells = ops.density_map(scene().points, scene().size)
    coarse = cells[y1 // STRIDE : y2 // STRIDE, x1 // STRIDE : x2 // STRIDE]
    return side_by_side(heat(image, fine), heat(image, coarse))


def find_peaks() -> Image.Image:
    """The map of probabilities, and its peaks."""
    x1, y1, x2, y2 = CROP
    image = enlarged(scene().image, CROP, 2)
    points, _, _ = ops.find_peaks(scene().probability[None], threshold=0.34)
    found = heat(image, scene().probability[y1:y2, x1:x2])
    dots(found, within(points[0], CROP, 2), WHITE, radius=3)
    return side_by_side(heat(image, scene().probability[y1:y2, x1:x2]), found)


def integral_image() -> Image.Image:
    """A map, and the table of its sums from the upper left corner on."""
    blank = Image.new("RGB", (512, 384))
    table = ops.integral_image(scene().attention)
    return side_by_side(heat(blank, scene().attention, power=0.6), heat(blank, table))


def match_points() -> Image.Image:
    """Pairs of predictions and heads within 8 pixels; what is alone has no line."""
    image = enlarged(grey(scene().image), CROP, 3)
    pred, heads = within(scene().zoomed.points, CROP, 3), within(scene().heads, CROP, 3)
    of_pred, of_heads = ops.match_points(pred, heads, 8.0 * 3)
    lines(image, pred[of_pred], heads[of_heads], GREEN, width=3)
    dots(image, heads, YELLOW, radius=7, ring=True)
    dots(image, pred, RED, radius=4)
    return image


def count_matches() -> Image.Image:
    """Pairs for radii of 0 to 24 pixels, as a share of the heads; a mark every 4 pixels."""
    width, height, margin, most = 640, 320, 24, 24
    radii = np.linspace(0, most, 97)
    pairs = ops.count_matches(scene().zoomed.points.numpy(), scene().heads, radii)
    x = margin + radii / most * (width - 2 * margin)
    y = height - margin - pairs / len(scene().heads) * (height - 2 * margin)
    image = Image.new("RGB", (width, height), WHITE)
    draw = ImageDraw.Draw(image)
    draw.rectangle((margin, margin, width - margin, height - margin), outline="#888888")
    for at in np.linspace(margin, width - margin, 1 + most // 4).tolist():
        draw.line((at, height - margin, at, height - margin + 6), fill="#444444", width=2)
    draw.line(np.stack([x, y], 1).flatten().tolist(), fill=BLUE, width=3)
    return image


def point_map() -> Image.Image:
    """Crosses of five pixels on the heads."""
    x1, y1, x2, y2 = 96, 376, 216, 456
    image = enlarged(scene().image, (x1, y1, x2, y2), 6)
    return heat(image, ops.point_map(scene().points, scene().size)[y1:y2, x1:x2])


def point_nms() -> Image.Image:
    """Peaks of low threshold: what stays, and what a better one within 8 pixels suppresses."""
    points, scores, _ = ops.find_peaks(scene().probability[None], threshold=0.1)
    stays = ops.point_nms_mask(points[0], scores[0], 8.0)
    image = enlarged(grey(scene().image), CROP, 3)
    dots(image, within(points[0][~stays], CROP, 3), YELLOW, radius=5)
    dots(image, within(points[0][stays], CROP, 3), RED, radius=5)
    dots(image, within(points[0][stays], CROP, 3), RED, radius=24, ring=True)
    return image


def propose_regions() -> Image.Image:
    """The random points, and the regions that are kept of their 1,200 anchors."""
    image = heat(scene().image, scene().attention, power=0.6)
    boxes, _, counts = ops.propose_regions(scene().attention[None])
    points = random_points(0, 200, *scene().attention.shape)
    dots(image, points * STRIDE, YELLOW, radius=3)
    frames(image, (boxes[0, : counts[0]] * STRIDE).tolist(), WHITE)
    return reduced(image)


def score_anchors() -> Image.Image:
    """Twenty-four anchors, the better the brighter: from blue over green to red."""
    attention = scene().attention
    points = random_points(0, 4, *attention.shape)
    boxes = anchor_boxes(points, *attention.shape, (1 / 3, 2 / 3), (0.5, 1.0, 2.0))
    scores = ops.score_anchors(ops.integral_image(attention[None]), boxes[None])[0]
    image = heat(scene().image, attention, power=0.6)
    thirds = scores.argsort().chunk(3)
    for part, colour in zip(thirds, (BLUE, GREEN, RED), strict=True):
        frames(image, (boxes[part] * STRIDE).tolist(), colour, width=4)
    return reduced(image)


FIGURES = {
    figure.__name__: figure
    for figure in (
        attention_map,
        congestion,
        count_matches,
        crop_and_resize,
        density_map,
        find_peaks,
        integral_image,
        match_points,
        point_map,
        point_nms,
        propose_regions,
        score_anchors,
    )
}
