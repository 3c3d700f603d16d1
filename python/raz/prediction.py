"""One call for every source: a file, a folder, a pattern, or an image in memory."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from raz.devices import choose_device
from raz.errors import InputError, ResourceError, memory_errors
from raz.io.images import ImageReader, expand_source, is_many
from raz.result import Result

if TYPE_CHECKING:
    import torch

    from raz.io.images import ImageEntries, ImageInfo, OpenedImage, UnopenedImage
    from raz.zoom import Network, Overlap, ZoomSettings
    from raz.zoom.memory import Work

__all__ = ["predict"]

log = logging.getLogger(__name__)

OnError = Literal["raise", "skip"] | Callable[[str, InputError], None]

_modes: dict[torch.nn.Module, tuple[int, list[torch.nn.Module]]] = {}
"""Of models that predict now: by how many calls, and which submodules were in training mode."""

_modes_lock = threading.Lock()


def predict(
    source: Any,
    *,
    model: str | Network = "raznet_lite",
    weights: Any = "DEFAULT",
    device: str | torch.device = "auto",
    depth: int = 2,
    max_regions: int = 10,
    max_zoom_pixels: int | None = None,
    max_seconds: float | None = None,
    tile: int = 2048,
    overlap: Overlap = "exact",
    max_pixels: int | None = None,
    every: float | None = None,
    seed: int = 0,
    on_error: OnError = "raise",
) -> Result | Iterator[Result]:
    """Count and locate the people in one image or in many.

    Args:
        source: one image gives a Result: a path, a PIL image, a uint8 array [H, W, 3] or
            [H, W], or a tensor [3, H, W] (uint8, or floating point in 0..1). Many give an
            iterator of Results, each computed when it is asked for: a folder (its image files,
            not those of folders within), a glob pattern (``**`` for folders within), both in
            natural order (2.jpg before 10.jpg); a video (a Result a frame; extra ``video``); or
            an iterable of any of these, in its order. Of a folder, a pattern or a sequence, a
            thread decodes the next images meanwhile (at most two, and 256 MiB or one larger
            image); closing the iterator ends it. A generator is asked for an image, and a
            video for a frame, only when its turn has come.
        model: a name (see :func:`raz.list_models`), built anew at each call, or a model. To
            predict often, build it once with :func:`raz.get_model`.
        weights: what :func:`raz.get_model` takes; only with a model's name.
        device: "auto" is CUDA where it is available, else the CPU; for a model that was passed
            in, "auto" leaves it where it is, and anything else moves it there.
        depth: passes over the image; 1 does not zoom, 2 zooms once (the paper's choice:
            Liu et al., CVPR 2019).
        max_regions: most regions proposed by one attention map.
        max_zoom_pixels: most enlarged pixels of all zoom passes over an image together; the best
            regions come first, those cut off are named in ``Result.skipped``. 0 does not zoom.
        max_seconds: wall clock of zooming into an image, after the pass over the whole of it.
            Checked before each batch of regions, so it may be exceeded by one batch. 0 does not
            zoom. What is reached differs from run to run, and with it the result; with
            ``max_zoom_pixels`` every run gives the same.
        tile: longest side in pixels of what goes through the net at once, a multiple of 32. A
            larger image, or enlarged region, goes through in overlapping tiles, with the result
            of the whole and memory bounded by the tile; of a TIFF file larger than that only
            windows are read, where rasterio is installed (extra ``tiles``).
        overlap: of the tiles. "exact" covers all that the net sees around a place; "fast" is 64
            pixels, less work for a result that differs a little (docs/large_images.md).
        max_pixels: largest image, width times height; by default 1,000,000,000 where windows
            of it are read and 200,000,000 where it is decoded whole.
        every: seconds from one frame of a video to the next, the first at 0; by default all its
            frames.
        seed: of the random anchor points.
        on_error: what a bad image among many does: "raise" ends the iterator with its error;
            "skip" logs a warning and goes on; a function is called with the image's name and
            an InputError, and the iterator goes on. Bad is a file that cannot be read, and an
            object that is no image (say, an array of another shape or dtype); with "raise" the
            latter's error is a ValueError or TypeError. One image always raises.

    Returns:
        a Result, or an iterator of them.

    Raises:
        InputError: an image or video cannot be read, or a folder or pattern holds none.
        WeightsError: the weights cannot be had.
        ResourceError: an image needs more memory than there is. This ends an iterator, whatever
            ``on_error`` says.
        ValueError, TypeError: an argument is wrong.
    """
    from raz.io.video import check_every
    from raz.zoom.settings import ZoomSettings, check_integer

    if max_pixels is not None:
        max_pixels = check_integer("max_pixels", max_pixels, least=1)
    check_every(every)
    settings = ZoomSettings(
        depth=depth,
        max_regions=max_regions,
        max_zoom_pixels=max_zoom_pixels,
        max_seconds=max_seconds,
        tile=tile,
        overlap=overlap,
        seed=seed,
    )
    if on_error not in ("raise", "skip") and not callable(on_error):
        raise ValueError(f"on_error is {on_error!r}; it must be 'raise', 'skip' or a function")
    many = is_many(source)
    images = expand_source(source) if many else None
    predictor = Predictor(model, weights, device, settings=settings, max_pixels=max_pixels)
    if images is None:
        return predictor(source)
    return predictor.stream(images, every=every, on_error=on_error)


class Predictor:
    """A model on its device, with the settings of one call."""

    def __init__(
        self,
        model: str | Network,
        weights: Any,
        device: str | torch.device,
        *,
        settings: ZoomSettings,
        max_pixels: int | None,
    ) -> None:
        self.model, self.device = _load(model, weights, device)
        self.settings = settings
        tiling = settings.tiling(self.model.receptive_field)
        self.reader = ImageReader(
            max_pixels=max_pixels, windows_above=None if tiling is None else tiling.side
        )

    def __call__(self, image: Any) -> Result:
        """Count and locate the people in one image."""
        return self.count(self.reader.open(image))

    def stream(
        self, images: ImageEntries, *, every: float | None, on_error: OnError
    ) -> Iterator[Result]:
        """Count and locate the people in many images, each when it is asked for."""
        with closing(self.reader.stream(images, every=every)) as unopened:
            for image in unopened:
                try:
                    result = self.count(_open(image, on_error))
                except InputError as error:
                    if on_error == "raise":
                        raise
                    if on_error == "skip":
                        log.warning("%s (skipped)", error)
                    elif callable(on_error):
                        on_error(image.name, error)
                    continue
                finally:
                    del image  # and with it the pixels
                yield result

    def count(self, image: OpenedImage) -> Result:
        """Count and locate the people in an image that has been opened, and close it."""
        from raz.io.georeference import read_georeference
        from raz.zoom import count_and_locate

        with memory_errors(image.name or "image"), image:
            self._check_memory(image)
            with _evaluating(self.model):
                found = count_and_locate(self.model, image.source, self.settings, path=image.name)
            return replace(
                found,
                path=image.name,
                time=image.time,
                georeference=None if image.file is None else read_georeference(image.file),
                image=image.kept_pixels(),
                speed={
                    "decode": image.milliseconds,
                    **found.speed,
                    "total": image.milliseconds + found.speed["total"],
                },
            )

    def work(self, image: ImageInfo) -> Work:
        """What an image comes to, see `raz.zoom.memory.work`."""
        from raz.zoom.memory import work

        return work(self.model, image.size, self.settings, image_bytes=image.bytes)

    def evaluating(self) -> AbstractContextManager[None]:
        """Evaluation mode without gradients, for the block."""
        return _evaluating(self.model)

    def _check_memory(self, image: OpenedImage) -> None:
        """Refuse an image that the net cannot hold: the system would end the process instead."""
        from raz.zoom.memory import check_memory

        info = image.info
        try:
            check_memory(self.model, info.size, self.device, self.settings, image_bytes=info.bytes)
        except ResourceError as error:
            raise ResourceError(f"{image.name or 'image'}: {error}") from None


def _open(image: UnopenedImage, on_error: OnError) -> OpenedImage:
    """Open one of many images; an object that is none is a bad image, not a wrong call."""
    try:
        return image.open()
    except (TypeError, ValueError) as error:
        if on_error == "raise":
            raise
        raise InputError(f"{image.name}: {error}") from error


def _load(
    model: str | Network, weights: Any, device: str | torch.device
) -> tuple[Network, torch.device]:
    import torch

    if isinstance(model, str):
        from raz.models import get_model

        chosen = choose_device(device)
        return get_model(model, weights=weights).to(chosen), chosen
    if not callable(model):
        raise TypeError(f"model is {type(model).__name__}; it must be a name or a model")
    if weights != "DEFAULT":
        raise ValueError("weights is only for a model's name; this model has its own already")
    if not isinstance(model, torch.nn.Module):
        return model, choose_device("cpu" if device == "auto" else device)
    if device == "auto":
        first = next(model.parameters(), torch.empty(0))
        return model, first.device
    chosen = choose_device(device)
    return model.to(chosen), chosen


@contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    """Put a model into evaluation mode for the block; every submodule gets its own mode back.

    Of threads that predict with one model, the first in puts it there and the last out back.
    """
    import torch

    if not isinstance(model, torch.nn.Module):
        with torch.no_grad():
            yield
        return
    with _modes_lock:
        if model not in _modes:
            _modes[model] = (0, [part for part in model.modules() if part.training])
        uses, training = _modes[model]
        _modes[model] = (uses + 1, training)
        for part in training:
            part.training = False
    try:
        with torch.no_grad():
            yield
    finally:
        with _modes_lock:
            uses, training = _modes.pop(model)
            if uses > 1:
                _modes[model] = (uses - 1, training)
            else:
                for part in training:
                    part.training = True
