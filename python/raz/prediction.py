"""One call for every source: a file, a folder, a pattern, or an image in memory."""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from raz.devices import choose_device
from raz.errors import InputError, ResourceError
from raz.result import Result
from raz.sources import expand_source, is_many

if TYPE_CHECKING:
    import torch

    from raz.io.windows import TiffWindows
    from raz.zoom import Budget, Network, Overlap
    from raz.zoom.memory import Work

__all__ = ["predict"]

log = logging.getLogger(__name__)

OnError = Literal["raise", "skip"] | Callable[[str, InputError], None]

_modes: dict[torch.nn.Module, tuple[int, list[torch.nn.Module]]] = {}
"""Of models that predict now: by how many calls, and which submodules were in training mode."""

_modes_lock = threading.Lock()
_NO_MEMORY = re.compile(r"out of memory|not enough memory|can't allocate memory", re.IGNORECASE)


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
    from raz.zoom.budget import Budget, check_integer

    if max_pixels is not None:
        max_pixels = check_integer("max_pixels", max_pixels, least=1)
    seed = check_integer("seed", seed, least=-(2**63))
    check_every(every)
    budget = Budget(depth, max_regions, max_zoom_pixels, max_seconds)
    if on_error not in ("raise", "skip") and not callable(on_error):
        raise ValueError(f"on_error is {on_error!r}; it must be 'raise', 'skip' or a function")
    many = is_many(source)
    images = expand_source(source) if many else None
    predictor = Predictor(
        model,
        weights,
        device,
        budget=budget,
        tile=tile,
        overlap=overlap,
        max_pixels=max_pixels,
        seed=seed,
    )
    if images is None:
        return predictor.count(predictor.read(source))
    # A generator may wait for its next image itself: it is asked only for the one at hand.
    at_hand = isinstance(source, (str, os.PathLike, Sequence))
    reads = _reads(images, predictor, ahead=at_hand)
    return _stream(_with_frames(reads, predictor, every), predictor, on_error)


def _reads(
    images: Iterator[Any], predictor: Predictor, *, ahead: bool
) -> Generator[tuple[Any, Callable[[], _Image]], None, None]:
    """Every image with a function that reads it, or that waits for the thread that does."""
    from raz.io.prefetch import read_ahead

    if ahead:
        yield from read_ahead(images, predictor.read, predictor.bytes_to_read)
    else:
        for image in images:
            yield image, partial(predictor.read, image)


def _with_frames(
    reads: Generator[tuple[Any, Callable[[], _Image]], None, None],
    predictor: Predictor,
    every: float | None,
) -> Generator[tuple[Any, Callable[[], _Image]], None, None]:
    """The same, with the frames of a video in its place, each decoded when its turn comes.

    What is wrong with a video comes after the frames before it.
    """
    from raz.io.decoding import MAX_PIXELS
    from raz.io.video import is_video, video_frames

    limit = MAX_PIXELS if predictor.max_pixels is None else predictor.max_pixels
    with closing(reads):
        for image, read in reads:
            path = _path(image)
            if path is None or not is_video(path):
                yield image, read
                del image, read  # and with them the pixels
                continue
            try:
                for frame in video_frames(path, every=every, max_pixels=limit):
                    yield frame, partial(predictor.read, frame)
                    del frame
            except InputError as error:
                yield error, partial(predictor.read, error)


def _stream(
    reads: Generator[tuple[Any, Callable[[], _Image]], None, None],
    predictor: Predictor,
    on_error: OnError,
) -> Iterator[Result]:
    with closing(reads):
        index = -1
        for image, read in reads:  # enumerate would hold the pixels until the next is read
            index += 1
            try:
                if on_error != "raise":
                    read = partial(_read_as_input, read, _name(image, index))
                result = predictor.count(read())
            except InputError as error:
                if on_error == "raise":
                    raise
                if on_error == "skip":
                    log.warning("%s (skipped)", error)
                elif callable(on_error):
                    on_error(_name(image, index), error)
                continue
            finally:
                del read  # and with it the pixels
            yield result


def _read_as_input(read: Callable[[], _Image], name: str) -> _Image:
    """Read an image; of many, an object that is none is a bad image, not a wrong call."""
    try:
        return read()
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: {error}") from error


def _name(image: Any, index: int) -> str:
    from raz.io.video import VideoFrame

    if isinstance(image, (str, os.PathLike)):
        return os.fspath(image)
    if isinstance(image, InputError):  # its text begins with what was asked for
        return str(image).rpartition(": ")[0]
    if isinstance(image, VideoFrame):
        return image.name
    return f"image {index}"


@dataclass(frozen=True)
class _Image:
    """An image that has been read (uint8 [3, H, W]) or opened, and how long that took."""

    path: str | None
    source: torch.Tensor | TiffWindows
    milliseconds: float
    time: float | None = None  # of a video's frame


def _path(image: Any) -> str | None:
    return os.fspath(image) if isinstance(image, (str, os.PathLike)) else None


class Predictor:
    """A model on its device, with the settings of one call."""

    def __init__(
        self,
        model: str | Network,
        weights: Any,
        device: str | torch.device,
        *,
        budget: Budget,
        tile: int,
        overlap: Overlap,
        max_pixels: int | None,
        seed: int,
    ) -> None:
        from raz.zoom.tiles import tiling

        tiling(tile, overlap, 0)  # whatever the model, before it is loaded
        self.model, self.device = _load(model, weights, device)
        self.budget = budget
        self.tile: int = tile
        self.overlap: Overlap = overlap
        self.tiling = tiling(tile, overlap, getattr(self.model, "receptive_field", 0))
        self.max_pixels = max_pixels
        self.seed = seed

    def read(self, image: Any) -> _Image:
        """Decode an image, or open a large file for windows; may run in a thread of its own.

        Raises:
            InputError: it cannot be read, or ``image`` is such an error itself.
        """
        from raz.io.decoding import MAX_PIXELS, to_image
        from raz.io.video import VideoFrame

        if isinstance(image, InputError):
            raise image
        path = _path(image)
        if isinstance(image, VideoFrame):
            return _Image(image.name, image.pixels, image.milliseconds, image.seconds)
        start = time.perf_counter()
        with _memory_errors(path):
            source: torch.Tensor | TiffWindows | None = self.windows(path)
            if source is None:
                limit = MAX_PIXELS if self.max_pixels is None else self.max_pixels
                source = to_image(image, max_pixels=limit)
        return _Image(path, source, (time.perf_counter() - start) * 1000)

    def bytes_to_read(self, image: Any) -> int | None:
        """Memory that :meth:`read` will ask for; None for what it need not read ahead."""
        from raz.io.video import is_video

        path = _path(image)
        if path is None or is_video(path):
            return None
        try:
            (height, width), image_bytes = self.examined(path)
        except InputError:  # reading will say so
            return 0
        return 3 * width * height if image_bytes is None else image_bytes

    def count(self, opened: _Image) -> Result:
        """Count and locate the people of an image that has been read."""
        import torch

        from raz.io.georeference import read_georeference
        from raz.zoom import count_and_locate

        path, source, decode = opened.path, opened.source, opened.milliseconds
        is_frame = opened.time is not None
        with _memory_errors(path), ExitStack() as closing_file:
            if not isinstance(source, torch.Tensor):
                closing_file.enter_context(closing(source))
            self.check_memory(source, path)
            with _evaluating(self.model):
                found = count_and_locate(
                    self.model,
                    source,
                    budget=self.budget,
                    tile=self.tile,
                    overlap=self.overlap,
                    seed=self.seed,
                    path=path,
                )
            image = None
            if is_frame or path is None:
                assert isinstance(source, torch.Tensor)
                # A copy of what is the caller's, who may use the array again for the next opened.
                image = source if is_frame else source.clone()
        return replace(
            found,
            path=path,
            time=opened.time,
            georeference=None if path is None or is_frame else read_georeference(path),
            image=image,
            speed={"decode": decode, **found.speed, "total": decode + found.speed["total"]},
        )

    def windows(self, path: str | None) -> TiffWindows | None:
        """A file opened for reading windows of it; None where it is to be decoded whole."""
        from raz.io.windows import open_windows

        if path is None or self.tiling is None:
            return None
        return open_windows(path, longer_than=self.tile, max_pixels=self.max_pixels)

    def examined(self, path: str) -> tuple[tuple[int, int], int | None]:
        """Size (h, w) of a file, and bytes that it takes if windows are read; nothing is decoded.

        Raises:
            InputError: the file is no image, or one over the limit.
        """
        from raz.io.decoding import MAX_PIXELS, read_image_size
        from raz.io.video import is_video, video_length
        from raz.io.windows import CACHE_BYTES

        limit = MAX_PIXELS if self.max_pixels is None else self.max_pixels
        if is_video(path):
            (width, height), _ = video_length(path, max_pixels=limit)
            return (height, width), None
        windows = self.windows(path)
        if windows is not None:
            with closing(windows):
                return windows.image_size[::-1], CACHE_BYTES
        width, height = read_image_size(path, max_pixels=limit)
        return (height, width), None

    def work(self, size: tuple[int, int], image_bytes: int | None) -> Work:
        """What an image of size (h, w) comes to, see `raz.zoom.memory.work`."""
        from raz.zoom.memory import work

        return work(
            getattr(self.model, "bytes_per_pixel", 0),
            size,
            budget=self.budget,
            tiling=self.tiling,
            image_bytes=image_bytes,
        )

    def evaluating(self) -> AbstractContextManager[None]:
        """Evaluation mode without gradients, for the block."""
        return _evaluating(self.model)

    def check_memory(self, source: torch.Tensor | TiffWindows, path: str | None) -> None:
        """Refuse an image that the net cannot hold: the system would end the process instead."""
        import torch

        from raz.io.windows import CACHE_BYTES
        from raz.zoom.memory import check_memory

        if isinstance(source, torch.Tensor):
            size, image_bytes = (source.shape[-2], source.shape[-1]), None
        else:
            size, image_bytes = source.image_size[::-1], CACHE_BYTES
        try:
            check_memory(
                getattr(self.model, "bytes_per_pixel", 0),
                size,
                self.device,
                budget=self.budget,
                tiling=self.tiling,
                image_bytes=image_bytes,
            )
        except ResourceError as error:
            raise ResourceError(f"{path or 'image'}: {error}") from None


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


@contextmanager
def _memory_errors(path: str | None) -> Iterator[None]:
    """Raise memory that ran out, by whichever name torch gives it, as a ResourceError."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not _NO_MEMORY.search(str(error)):
            raise
        raise ResourceError(
            f"{path or 'image'}: memory ran out; try a smaller tile, image or depth"
        ) from error
