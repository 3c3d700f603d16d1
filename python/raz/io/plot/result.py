"""One result on its image: heads, density, zoom trace, and the count below."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from raz.io.count_text import count_text
from raz.io.plot.canvas import font_of, open_canvas
from raz.io.plot.heat import draw_bar, draw_heat, scale_of
from raz.io.plot.marks import Colour, draw_marks, mark_radii, points_of
from raz.io.plot.strip import headline, plain, with_strip
from raz.io.plot.zoom_trace import draw_frames, draw_numbers, trace_rows
from raz.io.zone_plot import draw_zones

if TYPE_CHECKING:
    import torch

    from raz.result import Result

__all__ = ["plot_result"]

_HEAD_COLOUR: Colour = (235, 20, 75)


def plot_result(
    result: Result,
    *,
    image: torch.Tensor | npt.NDArray[np.uint8] | Image.Image | None = None,
    points: bool = True,
    trace: bool = False,
    density: bool = False,
    caption: bool = True,
    scale: int = 1,
) -> Image.Image:
    """Draw the points, and if asked the regions and the density; see :meth:`raz.Result.plot`.

    Example:
        >>> import torch
        >>> from raz import Result
        >>> result = Result(
        ...     points=torch.tensor([[32.0, 24.0]]), scores=torch.tensor([0.75]),
        ...     density=torch.zeros(6, 8), count=1.0, count_density=0.0, count_points=1,
        ...     image_size=(64, 48),
        ... )
        >>> image = torch.zeros(3, 48, 64, dtype=torch.uint8)
        >>> plot_result(result, image=image, caption=False, scale=2).size
        (128, 96)
    """
    canvas = open_canvas(result, image, scale)
    rows = [headline(count_text(result)), plain(origin_text(result))]
    if density:
        cells = result.density.detach().cpu().float().numpy()
        if (bar := scale_of(cells, result.stride)) is not None:
            canvas = draw_heat(canvas, cells, bar, result.image_size, result.stride)
            rows.append(lambda width, size: draw_bar(bar, width, font_of(size)))
    if trace:
        draw_frames(canvas, result, scale)
        rows += trace_rows(result)
    draw_zones(canvas, result)
    if points:
        located = points_of(result) * scale
        draw_marks(canvas, located, mark_radii(located, canvas.size), _HEAD_COLOUR)
    if trace:
        draw_numbers(canvas, result, scale)
    return with_strip(canvas, rows) if caption else canvas


def origin_text(result: Result) -> str:
    """Say what a count is made from, and by which net."""
    return ", ".join(
        filter(
            None,
            (
                f"{result.count_density:.1f} by the density",
                f"{result.count_points} heads located",
                result.model,
            ),
        )
    )
