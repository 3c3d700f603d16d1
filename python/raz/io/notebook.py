"""A Result as HTML, for notebooks."""

from __future__ import annotations

import base64
import html
import io
from dataclasses import replace
from typing import TYPE_CHECKING

from raz.io.small_copy import small_copy
from raz.io.zone_plot import draw_zones
from raz.io.zones import Zones

if TYPE_CHECKING:
    from PIL.Image import Image

    from raz.result import Result

__all__ = ["to_html"]

_SIDE = 640
"""Longest side of the image, in pixels."""


def to_html(result: Result) -> str:
    """Show the located heads on a small image, and the figures in a table below it.

    The text needs no other file. Where the image is not at hand the table stands alone: see
    `raz.io.small_copy.small_copy`.

    Example:
        >>> import torch
        >>> from raz import Result
        >>> result = Result(
        ...     points=torch.tensor([[32.0, 24.0]]), scores=torch.tensor([0.75]),
        ...     density=torch.zeros(6, 8), count=1.0, count_density=0.0, count_points=1,
        ...     image_size=(64, 48),
        ... )
        >>> "64 x 48 pixels" in to_html(result)
        True
    """
    plot = _plot(result)
    rows = "".join(
        f'<tr><th style="text-align:left">{name}</th>'
        f'<td style="text-align:left">{html.escape(value)}</td></tr>'
        for name, value in _figures(result).items()
    )
    return f"<div>{_img(plot) if plot else ''}<table>{rows}</table></div>"


def _figures(result: Result) -> dict[str, str]:
    width, height = result.image_size
    figures = {
        "image": "in memory" if result.path is None else result.path,
        "size": f"{width} x {height} pixels",
        "count": f"{result.count:.1f}",
        "density": f"{result.count_density:.1f}",
        "points": str(result.count_points),
        "regions": str(len(result.regions)),
    }
    if result.skipped:
        figures["skipped"] = str(len(result.skipped))
    if result.warnings:
        figures["doubtful"] = "; ".join(result.warnings)
    if result.time is not None:
        figures["time"] = f"{result.time:.3f} s"
    if result.model:
        figures["model"] = result.model
    if "total" in result.speed:
        figures["speed"] = f"{result.speed['total']:.0f} ms"
    return figures


def _plot(result: Result) -> Image | None:
    """Draw the points on a small copy of the image, so that they do not shrink with it."""
    small = small_copy(result, _SIDE)
    if small is None:
        return None
    width, height = result.image_size
    scale = result.points.new_tensor([small.width / width, small.height / height])
    draw_zones(small, result)  # with the counts of the whole image
    shrunk = replace(result, points=result.points * scale, image_size=small.size, zones=Zones())
    return shrunk.plot(image=small, caption=False)


def _img(image: Image) -> str:
    file = io.BytesIO()
    image.save(file, format="JPEG", quality=85)
    data = base64.b64encode(file.getvalue()).decode("ascii")
    return f'<img alt="located heads" src="data:image/jpeg;base64,{data}">'
