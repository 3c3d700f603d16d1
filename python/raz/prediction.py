"""Count and locate the people in images: one call for every source.

:func:`predict` takes any source. :class:`Predictor` is built once and called for each image. Both
open images through :mod:`raz.io.images` and count with :mod:`raz.zoom`.
"""

from __future__ import annotations

import inspect
import logging
import math
import textwrap
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack, get_type_hints

from raz.devices import choose_device
from raz.errors import InputError, ResourceError, WeightsError, memory_errors
from raz.forking import held_while_forking
from raz.io.images import ImageReader, expand_source, is_many
from raz.io.rasters import AS_STORED, Reading
from raz.io.video import check_every
from raz.io.zones import as_zones
from raz.kept_memory import kept_memory
from raz.network import Network, as_network, unwrapped
from raz.result import Result
from raz.zoom.settings import ZoomOptions, ZoomSettings, check_integer, described

if TYPE_CHECKING:
    import torch

    from raz.io.images import ImageEntries, ImageInfo, OpenedImage, UnopenedImage
    from raz.zoom.memory import Workload

__all__ = ["OnError", "Predictor", "predict"]

log = logging.getLogger(__name__)

OnError = Literal["raise", "skip"] | Callable[[str, InputError], None]
"""What a bad image among many does; see :func:`predict`."""

Function = TypeVar("Function", bound=Callable[..., Any])

_READING = tuple(each.name for each in fields(Reading))


class PredictOptions(ZoomOptions, total=False):
    """Keyword arguments of :func:`predict` beside those in its signature."""

    bits: int | None
    bands: Sequence[int] | None


_modes: dict[torch.nn.Module, tuple[int, list[torch.nn.Module]]] = {}
"""Models in use, each with its number of calls and the submodules that were in training mode."""

_modes_lock = held_while_forking(threading.Lock())


def _with_settings(function: Function) -> Function:
    """Spell out ``**options`` in a function's signature and docstring.

    They are how images are read (`Reading`), and how to zoom (`ZoomSettings`).
    """
    signature = inspect.signature(function)
    *named, _ = signature.parameters.values()
    named += [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=get_type_hints(Reading)[name],
        )
        for name in _READING
    ]
    types = get_type_hints(ZoomSettings)
    settings = [
        inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=each.default,
            annotation=types[each.name],
        )
        for each in fields(ZoomSettings)
    ]
    function.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*named, *settings]
    )
    if function.__doc__:  # None under python -OO
        lines = [
            textwrap.fill(
                f"{each.name}: {described(each)}",
                width=100,
                initial_indent=" " * 12,
                subsequent_indent=" " * 16,
            )
            for each in fields(ZoomSettings)
        ]
        place = "see :class:`raz.ZoomSettings`"
        function.__doc__ = function.__doc__.replace(f"{place}.", "\n".join([f"{place}:", *lines]))
    return function


@_with_settings
def predict(
    source: Any,
    *,
    model: str | Network = "raznet_lite",
    weights: Any = "DEFAULT",
    device: str | torch.device = "auto",
    max_pixels: int | None = None,
    every: float | None = None,
    zones: Any = None,
    on_error: OnError = "raise",
    **options: Unpack[PredictOptions],
) -> Result | Iterator[Result]:
    """Count and locate the people in one image or in many.

    Args:
        source: One image gives a Result: a path; the bytes of an image file, or a file opened as
            bytes, which is read from its start and not closed; a PIL image; a uint8 array [H, W, 3]
            (RGB: of OpenCV's BGR give ``image[..., ::-1]``) or [H, W]; or a tensor [3, H, W]
            (uint8, or floating point in 0..1). Many images give an iterator
            of Results, each computed when it is asked for: a folder (the image files in it, not in
            its subfolders) or a glob pattern (``**`` for subfolders), both in natural order (2.jpg
            before 10.jpg); a video (one Result per frame; extra ``video``); a camera or stream
            (``camera:0``, ``rtsp://...``, or a :class:`raz.io.video_stream.VideoStream`: its
            newest frame each time); or an iterable of any of these, in its order.

            For folders, patterns and sequences, a background thread prefetches up to two images
            (256 MiB, or one larger image); closing the iterator ends it. A generator is asked for
            an image, and a video for a frame, only when its turn has come.
        model: a name (see :func:`raz.list_models`) or a model. A name is built anew at each call;
            to predict often, use a :class:`raz.Predictor`. Of a model in ``DataParallel`` or
            ``DistributedDataParallel`` the model itself is used; a compiled one stays compiled.
        weights: what :func:`raz.get_model` takes; only with a model's name.
        device: "auto" is CUDA if it is available, else the CPU. A model that is passed in stays
            where it is with "auto", and is moved otherwise.
        max_pixels: largest image, width times height; by default 1,000,000,000 if windows of the
            file are read, and 200,000,000 if the whole image is decoded.
        every: seconds from one frame of a video to the next, starting with the first frame; by
            default all frames.
        zones: named areas to count in, for :meth:`raz.Result.zone_counts`: a mapping of names to
            polygons and masks as :meth:`raz.Result.count_in` takes them, or the path of a GeoJSON
            file (`raz.io.zones`). A bad image is also one of another size than a mask has, or than
            the file says.
        on_error: What a bad image among many does. "raise" ends the iterator with its error;
            "skip" logs a warning and goes on; a function is called with the image's name and an
            InputError, and the iterator goes on. A bad image is a file that cannot be read, or an
            object that is no image (for example an array of another shape or dtype); with "raise"
            the error of the latter is a ValueError or TypeError. One image alone always raises.
        bits: that samples have which a file stores with more than eight, 8 to 16: a 12-bit camera's
            in a 16-bit PNG or TIFF. None believes the file, else its greatest value, with a warning
            in the result. Of floating-point samples, 2^bits - 1 is white.
        bands: numbers of the bands, from 1, of a TIFF or JPEG 2000 file that are red, green and
            blue, or of the one that is grey (extra ``tiles``). None believes the file.
        **options: how to zoom, and what that may cost; see :class:`raz.ZoomSettings`.

    Returns:
        a Result, or an iterator of Results.

    Raises:
        InputError: an image or video cannot be read, or a folder or pattern holds none.
        WeightsError: the weights cannot be loaded.
        ResourceError: an image needs more memory than there is. This ends an iterator, whatever
            ``on_error`` says.
        ValueError, TypeError: an argument is wrong.

    Example:
        >>> import numpy as np
        >>> result = predict(np.zeros((48, 64, 3), np.uint8), depth=1)
        >>> result.image_size, result.count < 1
        ((64, 48), True)
        >>> for result in predict([np.zeros((48, 64, 3), np.uint8)] * 2):
        ...     print(len(result))
        0
        0
    """
    reading = Reading(options.pop("bits", None), options.pop("bands", None))
    zooming = _settings(options)
    check_every(every)
    _check_on_error(on_error)
    counted_in = as_zones(zones)
    images = expand_source(source) if is_many(source) else None  # before the weights are loaded
    predictor = Predictor(
        model,
        weights,
        device,
        settings=zooming,
        max_pixels=max_pixels,
        reading=reading,
        zones=counted_in,
    )
    if images is None:
        return predictor(source)
    return predictor.stream(images, every=every, on_error=on_error)


def _settings(options: ZoomOptions) -> ZoomSettings:
    names = [each.name for each in fields(ZoomSettings)]
    unknown = [name for name in options if name not in names]
    if unknown:
        raise TypeError(
            f"predict() has no argument {unknown[0]!r}; the settings are {', '.join(names)}"
        )
    return ZoomSettings(**options)


def _check_on_error(on_error: OnError) -> None:
    if on_error not in ("raise", "skip") and not callable(on_error):
        raise ValueError(f"on_error is {on_error!r}; it must be 'raise', 'skip' or a function")


class Predictor:
    """A model on its device with the settings of zooming: built once, called for each image.

    Threads may share a Predictor, and a child by ``fork()`` may use it, with one thread of torch
    (`raz.forking`). The model is in evaluation mode while it predicts; afterwards
    each of its submodules is in its own mode again. While there is a Predictor on the CPU, the
    process keeps the memory that an image took for the next one (`raz.kept_memory`).

    Args:
        model: a name (see :func:`raz.list_models`) or a model.
        weights: what :func:`raz.get_model` takes; only with a model's name.
        device: "auto" is CUDA if it is available, else the CPU. A model that is passed in stays
            where it is with "auto", and is moved otherwise.
        settings: how to zoom, and what that may cost.
        max_pixels: largest image, width times height; see :func:`raz.predict`.
        reading: what you know better than the files: bits of their samples, and their bands.
        zones: named areas to count in; see :func:`raz.predict`.

    Attributes:
        model: the model, without wrappers of parallel training.
        device: where it computes.
        settings: as given.
        reader: opens the images.
        zones: the named areas.

    Raises:
        WeightsError: the weights cannot be loaded.
        InputError: the file of zones cannot be read.
        ValueError, TypeError: an argument is wrong.

    Example:
        >>> import numpy as np
        >>> predictor = Predictor(settings=ZoomSettings(depth=1))
        >>> predictor(np.zeros((48, 64, 3), np.uint8)).image_size
        (64, 48)
    """

    def __init__(
        self,
        model: str | Network = "raznet_lite",
        weights: Any = "DEFAULT",
        device: str | torch.device = "auto",
        *,
        settings: ZoomSettings = ZoomSettings(),
        max_pixels: int | None = None,
        reading: Reading = AS_STORED,
        zones: Any = None,
    ) -> None:
        if not isinstance(settings, ZoomSettings):
            raise TypeError(f"settings is {type(settings).__name__}; it must be raz.ZoomSettings")
        if max_pixels is not None:
            max_pixels = check_integer("max_pixels", max_pixels, least=1)
        self.zones = as_zones(zones)
        self.model, self.device = _load(model, weights, device)
        kept = ExitStack()
        kept.enter_context(kept_memory(self.device.type == "cpu"))
        weakref.finalize(self, kept.close)
        self.settings = settings
        self._check_dtype()
        tiling = settings.tiling(self.model.receptive_field)
        self.reader = ImageReader(
            max_pixels=max_pixels,
            windows_above=None if tiling is None else tiling.side,
            reading=reading,
        )

    def with_settings(self, settings: ZoomSettings) -> Predictor:
        """Return a predictor of the same model and zones that reads likewise and zooms otherwise.

        Args:
            settings: how to zoom, and what that may cost.

        Raises:
            ValueError, TypeError: a setting does not suit the model.

        Example:
            >>> Predictor().with_settings(ZoomSettings(depth=1)).settings.depth
            1
        """
        return Predictor(
            self.model,
            settings=settings,
            max_pixels=self.reader.max_pixels,
            reading=self.reader.reading,
            zones=self.zones,
        )

    def __call__(self, image: Any) -> Result:
        """Count and locate the people in one image.

        Args:
            image: any source of :func:`raz.predict` that is one image, or a frame of
                :func:`raz.io.video.video_frames`.

        Raises:
            InputError, ResourceError, ValueError, TypeError: as :func:`raz.predict`.
        """
        return self.count(self.reader.open(image))

    def stream(
        self, source: Any, *, every: float | None = None, on_error: OnError = "raise"
    ) -> Generator[Result, None, None]:
        """Count and locate the people in many images, each when it is asked for.

        Args:
            source: any source of :func:`raz.predict`, or of :func:`raz.io.images.expand_source`.
            every: seconds from one frame of a video to the next; by default all frames.
            on_error: what a bad image does; see :func:`raz.predict`.

        Raises:
            InputError, ResourceError, ValueError, TypeError: as :func:`raz.predict`.
        """
        check_every(every)
        _check_on_error(on_error)
        images = expand_source(source if is_many(source) else [source])
        return self._stream(images, every, on_error)

    def _stream(
        self, images: ImageEntries, every: float | None, on_error: OnError
    ) -> Generator[Result, None, None]:
        with closing(self.reader.stream(images, every=every)) as unopened:
            for image in unopened:
                try:
                    result = self.count(_open(image, on_error))
                except InputError as error:
                    if on_error == "raise":
                        raise
                    if on_error == "skip":
                        log.warning("%s (skipped)", error)
                    else:
                        on_error(image.name, error)
                    continue
                finally:
                    del image  # and with it the pixels
                yield result

    def count(self, image: OpenedImage) -> Result:
        """Count and locate the people in an image that has been opened, and close it.

        Raises:
            InputError: the file is damaged where a window is read, or its size is not that of the
                zones.
            ResourceError: the image needs more memory than there is.
            WeightsError: the model's maps are no numbers, so neither is the count.
        """
        from raz.io.georeference import read_georeference
        from raz.zoom import count_and_locate

        with memory_errors(image.name or "image"), image:
            self._check_memory(image)
            beside = self._check_zones(image)
            with self.evaluating():
                found = count_and_locate(self.model, image.source, self.settings, path=image.name)
            if not math.isfinite(found.count + found.count_density):
                raise WeightsError(
                    f"{image.name or 'image'}: the maps of {self.model.architecture} hold NaN or "
                    "infinity, so nothing was counted; its weights are damaged"
                )
            found = replace(found, warnings=(*image.notes, *beside, *found.warnings))
            _log_scales(found, image.name or "image")
            return replace(
                found,
                path=image.name,
                time=image.time,
                georeference=None if image.file is None else read_georeference(image.file),
                image=image.kept_pixels(),
                reading=image.reading,
                zones=self.zones,
                speed={
                    "decode": image.milliseconds,
                    **found.speed,
                    "total": image.milliseconds + found.speed["total"],
                },
            )

    def work(self, image: ImageInfo) -> Workload:
        """Estimate what an image will take, from what ``reader.examine`` told of it."""
        from raz.zoom.memory import workload

        return workload(self.model, image.size, self.settings, image_bytes=image.bytes)

    def evaluating(self) -> AbstractContextManager[None]:
        """Put the model into evaluation mode, without gradients, for a ``with`` block."""
        return _evaluating(self.model)

    def _check_zones(self, image: OpenedImage) -> tuple[str, ...]:
        """Refuse an image of another size than the zones are of; tell which zones lie outside."""
        if not self.zones:
            return ()
        name = image.name or "image"
        height, width = image.info.size
        try:
            self.zones.check((width, height))
        except InputError as error:
            raise InputError(f"{name}: {error}") from None
        notes = self.zones.notes((width, height))
        if image.time == 0:  # of a video's frames warnings are in the results alone
            for note in notes:
                log.warning("%s: %s", name, note)
        return notes

    def _check_dtype(self) -> None:
        """Refuse a type that the model cannot compute in, before an image is opened."""
        from raz.zoom.precision import computing_type

        computing_type(self.model, self.device, self.settings.asked_dtype)

    def _check_memory(self, image: OpenedImage) -> None:
        """Refuse an image that does not fit: the system would end the process instead."""
        from raz.zoom.memory import check_memory

        info = image.info
        try:
            check_memory(self.model, info.size, self.device, self.settings, image_bytes=info.bytes)
        except ResourceError as error:
            raise ResourceError(f"{image.name or 'image'}: {error}") from None


def _log_scales(result: Result, name: str) -> None:
    """Log at which scales an image was seen (level INFO), and what makes its count doubtful.

    Of a video's frames the second is in the results alone: it would be a line per frame.
    """
    regions: Counter[float] = Counter()
    below = list(result.regions)
    while below:
        region = below.pop()
        regions[region.scale] += 1
        below += region.children
    seen = [f"whole at {result.scale:.3g}x"]
    seen += [
        f"{number} region{'s' * (number > 1)} at {scale:.3g}x"
        for scale, number in sorted(regions.items())
    ]
    log.info("%s: %s", name, ", ".join(seen))
    if result.time is None:
        for warning in result.warnings:
            log.warning("%s: %s", name, warning)


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
    model = as_network(model)
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
    """Put a model into evaluation mode for the block; each submodule gets its own mode back.

    Where threads share a model, the first to enter puts it there, and the last to leave back. A
    compiled model shares its submodules with the model itself.
    """
    import torch

    model = unwrapped(model)
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
