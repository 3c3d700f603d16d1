"""One pass of the network over views of an image: whole, or tile by tile.

Where the network is computed is one function's business, a `Forwarding`: by default it is called
here, one call after the other. `forwarded_by` puts another in its place, such as one that sends the
tiles to other machines; views are read and maps are stitched here in any case, by the same code.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from itertools import chain
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from raz import ops
from raz.network import Network, for_inference, known_values, padded_length

from .precision import computing_type, own_type
from .progress import Teller
from .settings import Dtype
from .stitching import CellStitcher, PeakStitcher, core_of
from .tiles import Tile, Tiling
from .views import ImageSource, View


class PassOutput(NamedTuple):
    """What one pass of the network found in a view.

    Args:
        points: float32 [N, 2], peaks in pixels of the view, in raster order, on the CPU.
        scores: float32 [N], on the CPU.
        maps: those that were asked for, "density" and "attention": [h, w] each.
    """

    points: Tensor
    scores: Tensor
    maps: dict[str, Tensor]


class NetworkCall(NamedTuple):
    """One call of the network.

    Args:
        scale: of the views that it saw: pixels of theirs for one of the image.
        images: how many went through together.
        size: (h, w) of each in pixels, with context and halos, before the network pads it.
        seconds: wall clock until the maps were there; on a GPU, until the call was queued.
    """

    scale: float
    images: int
    size: tuple[int, int]
    seconds: float


_calls: ContextVar[list[NetworkCall] | None] = ContextVar("calls", default=None)


@contextmanager
def recorded_calls() -> Iterator[list[NetworkCall]]:
    """Keep a list of the calls of the network in the context, in this thread.

    Example:
        >>> import raz
        >>> image = torch.zeros(3, 64, 48, dtype=torch.uint8)
        >>> with recorded_calls() as calls:
        ...     result = raz.predict(image, depth=1)
        >>> [(call.scale, call.images, call.size) for call in calls]
        [(1, 1, (64, 48))]
    """
    calls: list[NetworkCall] = []
    token = _calls.set(calls)
    try:
        yield calls
    finally:
        _calls.reset(token)


class ForwardCall(NamedTuple):
    """One call of the network that is asked for.

    Args:
        images: float32 [B, 3, h, w] in [0, 1].
        scale: of the views: pixels of theirs for one of the image.
    """

    images: Tensor
    scale: float


Maps = dict[str, Tensor]
"""Float32 maps of one call: "localization" [B, h, w], "density", "attention" [B, rows, columns]."""

Forwarding = Callable[[Iterator[ForwardCall]], Iterator[Maps]]
"""Gives the maps of each call, in order. It may take further calls before it gives the maps of one;
each call is read when it is taken."""

_forwarding: ContextVar[Forwarding | None] = ContextVar("forwarding", default=None)


@contextmanager
def forwarded_by(forwarding: Forwarding) -> Iterator[None]:
    """Let a function compute the network, in the block and in this thread.

    Its maps must be those of `Inference.forward`, or results are others. Its calls are not among
    the `recorded_calls`.

    Example:
        >>> import raz
        >>> def nobody(calls):
        ...     for images, scale in calls:
        ...         batch, _, height, width = images.shape
        ...         cells = torch.zeros(batch, height // 8, width // 8)
        ...         heads = torch.full((batch, height, width), -10.0)
        ...         yield {"localization": heads, "density": cells, "attention": cells}
        >>> with forwarded_by(nobody):
        ...     raz.predict(torch.zeros(3, 64, 48, dtype=torch.uint8), depth=1).count
        0.0
    """
    token = _forwarding.set(forwarding)
    try:
        yield
    finally:
        _forwarding.reset(token)


class _Sheet(NamedTuple):
    """Views that make one map each: a batch of whole ones, or one view in tiles."""

    views: Sequence[View]
    tiles: Sequence[Tile]

    def read(self, tile: Tile | None) -> ForwardCall:
        """Read the pixels of a tile, or of the batch."""
        if tile is not None:
            images = self.views[0].pixels(tile.box)[None]
        elif len(self.views) == 1:
            images = self.views[0].pixels()[None]
        else:
            images = torch.stack([view.pixels() for view in self.views])
        return ForwardCall(images, self.views[0].crop.scale)


class Inference:
    """A network at work on one image.

    Args:
        model: in evaluation mode.
        image: the image, which tells the device of a model without weights.
        tiling: how to cut views; None if every view goes through the network whole.
        floor: least score of a peak.
        mirrored: average each pass with that of the mirror image.
        dtype: that was asked for, see `raz.zoom.precision`.
    """

    def __init__(
        self,
        model: Network,
        image: Tensor | ImageSource,
        tiling: Tiling | None,
        floor: float,
        *,
        mirrored: bool = False,
        dtype: Dtype | None = None,
    ) -> None:
        self.tiling = tiling
        self.stride = model.stride
        self.device, self._dtype = placement(model, image)
        computing = computing_type(model, self.device, dtype)
        self._lowered = computing != self._dtype
        self._model = for_inference(model, computing if self._lowered else None)
        self._autocast = self._lowered and self._model is model
        self._floor = floor
        self._mirrored = mirrored
        self._forwarding = _forwarding.get()
        self.progress = Teller()

    def _here(self, calls: Iterator[ForwardCall]) -> Iterator[Maps]:
        """The network in this process: a call is taken once the maps of the one before are read."""
        for images, scale in calls:
            outputs = self.forward(images, scale)
            del images  # before the maps are read
            yield outputs
            del outputs

    def forward(self, images: Tensor, scale: float) -> dict[str, Tensor]:
        """Run the network on float images [B, 3, h, w], and on their mirror images if asked to.

        The mirror image begins at a multiple of `PAD_MULTIPLE` pixels, so its cells are those of
        the image. What it is padded with, its last column, is cut off again.
        """
        outputs = self._maps(images, scale)
        if not self._mirrored:
            return outputs
        width = images.shape[-1]
        padded = F.pad(images, (0, padded_length(width) - width, 0, 0), mode="replicate")
        mirrored = self._maps(padded.flip(-1), scale)
        return {
            name: (each + mirrored[name].flip(-1)[..., : each.shape[-1]]) / 2
            for name, each in outputs.items()
        }

    def _maps(self, images: Tensor, scale: float) -> dict[str, Tensor]:
        """The one call of the network in this package."""
        started = time.perf_counter()
        lower = (
            torch.autocast(self.device.type, torch.bfloat16) if self._autocast else nullcontext()
        )
        with known_values(), lower:
            outputs: dict[str, Tensor] = self._model(images.to(self._dtype))
        if self._lowered:
            outputs = {name: each.float() for name, each in outputs.items()}
        if (calls := _calls.get()) is not None:
            size = (images.shape[-2], images.shape[-1])
            calls.append(NetworkCall(scale, len(images), size, time.perf_counter() - started))
        expected = (images.shape[0], *images.shape[2:])
        if tuple(outputs["localization"].shape) != expected:
            raise ValueError(
                f"the model's localization has shape {tuple(outputs['localization'].shape)}; it "
                f"must be {expected} like its input"
            )
        return outputs

    def parts(self, size: tuple[int, int]) -> int:
        """How many tiles a view of size (h, w) is seen in; 1 if it is not cut."""
        return 1 if self.tiling is None else len(self.tiling.tiles(size))

    def run(
        self, views: Sequence[View], *, keep: Collection[str], stop: Callable[[], bool]
    ) -> list[PassOutput]:
        """Run one pass over views of one size; see `run_each`."""
        return next(self.run_each([views], keep=keep, stop=stop), [])

    def run_each(
        self,
        groups: Sequence[Sequence[View]],
        *,
        keep: Collection[str],
        stop: Callable[[], bool],
    ) -> Iterator[list[PassOutput]]:
        """Run one pass over groups of views, one group after the other.

        Views of one group have one size. They go through the network as one batch or, if they are
        too large, one by one in tiles. Besides the memory of a batch's or a tile's call, each map
        that is kept takes 4 bytes per cell on the view's device.

        Args:
            groups: of views.
            keep: names of the maps to keep.
            stop: asked before each batch and tile; once it is true, none is begun.

        Yields:
            One output per view of each group; fewer in the last if ``stop`` ended the pass.
        """
        sheets = [self._sheets(views) for views in groups]
        forwarding = self._forwarding or self._here
        maps = forwarding(_until(stop, chain.from_iterable(sheets)))
        for views, own in zip(groups, sheets, strict=True):
            outputs: list[PassOutput] = []
            for sheet in own:
                read = self._read_tiles if sheet.tiles else self._read_batch
                outputs += read(sheet, maps, keep)
            if outputs:
                yield outputs
            if len(outputs) < len(views):
                return

    def _sheets(self, views: Sequence[View]) -> list[_Sheet]:
        if self.tiling is None or self.tiling.fits(views[0].size):
            return [_Sheet(views, ())]
        return [_Sheet([view], self.tiling.tiles(view.size)) for view in views]

    def _read_batch(
        self, sheet: _Sheet, maps: Iterator[Maps], keep: Collection[str]
    ) -> list[PassOutput]:
        """Read the maps of a batch; nothing if there are none any more."""
        outputs = next(maps, None)
        if outputs is None:
            return []
        self.progress.advance(len(sheet.views))
        heat = torch.sigmoid(outputs["localization"].float())
        points, scores, counts = ops.find_peaks(heat, threshold=self._floor)
        points, scores = points.cpu(), scores.cpu()
        return [
            PassOutput(
                points[index, :count],
                scores[index, :count].float(),
                {name: outputs[name][index] for name in keep},
            )
            for index, count in enumerate(counts.tolist())
        ]

    def _read_tiles(
        self, sheet: _Sheet, maps: Iterator[Maps], keep: Collection[str]
    ) -> list[PassOutput]:
        """Stitch the maps of a view's tiles; nothing if there are not all of them."""
        [view] = sheet.views
        peaks = PeakStitcher(view.size, self._floor)
        kept = {name: CellStitcher(view.size, self.stride, view.device) for name in keep}
        for tile in sheet.tiles:
            outputs = next(maps, None)
            if outputs is None:
                return []
            self.progress.advance(1)
            peaks.add(tile, torch.sigmoid(core_of(tile, outputs["localization"][0]).float()))
            for name, stitcher in kept.items():
                stitcher.add(tile, core_of(tile, outputs[name][0], self.stride))
            del outputs  # before the next tile is seen
        points, scores = peaks.peaks()
        return [PassOutput(points, scores, {name: each.map for name, each in kept.items()})]


def _until(stop: Callable[[], bool], sheets: Iterable[_Sheet]) -> Iterator[ForwardCall]:
    """Read one call after the other, each when it is asked for, until it is time to stop."""
    for sheet in sheets:
        for tile in sheet.tiles or (None,):
            if stop():
                return
            yield sheet.read(tile)


def placement(model: Network, image: Tensor | ImageSource) -> tuple[torch.device, torch.dtype]:
    """Device and floating type of a module's weights; without weights, the image's and float32."""
    device = image.device if isinstance(image, Tensor) else torch.device("cpu")
    if isinstance(model, torch.nn.Module):
        device = next((each.device for each in model.parameters()), device)
    return device, own_type(model)
