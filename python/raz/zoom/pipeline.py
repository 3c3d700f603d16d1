"""Counting and locating in one image, from the network's passes to one `Result`."""

from __future__ import annotations

from torch import Tensor

from raz.network import Network, as_network
from raz.result import Result

from .merging import resolve
from .passes import collect_trace
from .settings import ZoomSettings
from .views import ImageSource


def count_and_locate(
    model: Network,
    image: Tensor | ImageSource,
    settings: ZoomSettings = ZoomSettings(),
    *,
    path: str | None = None,
) -> Result:
    """Count and locate the persons in one image, zooming into its crowded regions.

    The same as `collect_trace` with the model's own thresholds as floors, then `resolve`; last,
    heads below ``settings.min_score`` are dropped. Points lie strictly inside the image. Without a
    proposed region any depth gives what depth 1 gives.

    Memory is bounded by the tile; what comes on top is told at `collect_trace`.

    Args:
        model: in evaluation mode; see `Network`.
        image: uint8 [3, H, W], RGB, H and W at least 1; or a source of which windows are read.
        settings: how to zoom; what its limits cut off is in ``Result.skipped``.
        path: of the image, to be named in the result.

    Raises:
        TypeError: ``image`` is neither a uint8 tensor nor a source.
        ValueError: a shape is wrong, or the tile is too small for the network's receptive field.

    Example:
        >>> import raz, torch
        >>> image = torch.zeros(3, 64, 48, dtype=torch.uint8)
        >>> result = count_and_locate(raz.get_model("raznet_lite"), image, ZoomSettings(depth=1))
        >>> round(result.count, 2), result.count_points
        (0.0, 0)
    """
    model = as_network(model)
    point = model.operating_point
    trace = collect_trace(
        model,
        image,
        settings,
        floor=min(point.peak_thresholds),
        region_floor=point.region_threshold,
        path=path,
    )
    return resolve(trace, point).filtered(min_score=settings.min_score)
