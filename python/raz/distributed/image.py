"""One image on a cluster: workers share its tiles and regions."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from raz.io.rasters import AS_STORED, Reading
from raz.result import Result
from raz.zoom.settings import ZoomSettings

from .cluster import LOCAL, Workers, import_ray
from .recipe import Recipe
from .tiles import shared_tiles

__all__ = ["predict_image"]


def predict_image(
    image: Any,
    *,
    model: str = "raznet_lite",
    weights: Any = "DEFAULT",
    device: str = "auto",
    settings: ZoomSettings = ZoomSettings(),
    max_pixels: int | None = None,
    reading: Reading = AS_STORED,
    cluster: str = LOCAL,
    workers: int | None = None,
    cpus: float = 1.0,
    gpus: float = 0.0,
    checkpoint: str | os.PathLike[str] | None = None,
) -> Result:
    """Count the people in one image, whose tiles and regions the workers of a cluster compute.

    The result is that of :class:`raz.Predictor`: to the last digit, if the workers compute in the
    same type on the same kind of processor, with as many threads. With ``max_seconds`` more is done
    in the time, of course.

    Args:
        image: any source of :func:`raz.predict` that is one image. Only this process reads it.
        model, weights, settings, max_pixels, reading, cluster, cpus, gpus: as in
            :func:`raz.distributed.predict`.
        device: of each worker. This process reads, cuts and stitches on its CPU.
        workers: how many; by default as many as there is room for.
        checkpoint: a folder of this machine. After an interruption the same call on the same kind
            of machines does not compute again what is in it: the maps of finished tiles and
            regions, about 4 bytes for each pixel that the network sees. Whoever has the result may
            remove it.

    Raises:
        InputError, WeightsError, ResourceError: as :func:`raz.predict`.
        ImportError, ResourceError, ValueError, TypeError: as :func:`raz.distributed.predict`.
        OSError: ``checkpoint`` cannot be written to.

    Example:
        >>> result = predict_image("huge.tif", workers=8, cluster="auto")  # doctest: +SKIP
    """
    if not isinstance(checkpoint, (str, os.PathLike, type(None))):
        raise TypeError(f"checkpoint is {type(checkpoint).__name__}; it must be a path or None")
    wanted = Workers(workers, cpus, gpus)
    recipe = Recipe(model, weights, device, settings, max_pixels, reading)
    import_ray()
    predictor = Recipe(model, weights, "cpu", settings, max_pixels, reading).build()
    kept = None if checkpoint is None else Path(checkpoint)
    with predictor.reader.open(image) as opened, shared_tiles(recipe, cluster, wanted, kept):
        return predictor.count(opened)
