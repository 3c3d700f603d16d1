"""One pass of the network over views of an image: whole, or tile by tile."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
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
from .tiles import Tiling
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
        self.progress = Teller()

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
        """Run one pass over views of one size: as one batch, or in tiles if they are too large.

        Args:
            views: of one size.
            keep: names of the maps to keep.
            stop: asked before each tile; once it is true, no further tile is begun.

        Returns:
            One output per view; fewer if ``stop`` ended the pass.
        """
        if self.tiling is None or self.tiling.fits(views[0].size):
            return self.run_batch(views, keep=keep)
        outputs = []
        for view in views:
            output = self.run_tiled(view, self.tiling, keep=keep, stop=stop)
            if output is None:
                break
            outputs.append(output)
        return outputs

    def run_batch(self, views: Sequence[View], *, keep: Collection[str]) -> list[PassOutput]:
        """Run the network once over several views of one size."""
        images = [view.pixels() for view in views]
        batch = torch.stack(images) if len(images) > 1 else images[0][None]
        outputs = self.forward(batch, views[0].crop.scale)
        self.progress.advance(len(views))
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

    def run_tiled(
        self, view: View, tiling: Tiling, *, keep: Collection[str], stop: Callable[[], bool]
    ) -> PassOutput | None:
        """Run the network over a view of any size, one tile after the other.

        Besides the memory of one tile's pass, each map that is kept takes 4 bytes per cell on the
        view's device. Returns None if ``stop`` ended it.
        """
        peaks = PeakStitcher(view.size, self._floor)
        maps = {name: CellStitcher(view.size, self.stride, view.device) for name in keep}
        for tile in tiling.tiles(view.size):
            if stop():
                return None
            outputs = self.forward(view.pixels(tile.box)[None], view.crop.scale)
            self.progress.advance(1)
            peaks.add(tile, torch.sigmoid(core_of(tile, outputs["localization"][0]).float()))
            for name, stitcher in maps.items():
                stitcher.add(tile, core_of(tile, outputs[name][0], self.stride))
        points, scores = peaks.peaks()
        return PassOutput(points, scores, {name: stitcher.map for name, stitcher in maps.items()})


def placement(model: Network, image: Tensor | ImageSource) -> tuple[torch.device, torch.dtype]:
    """Device and floating type of a module's weights; without weights, the image's and float32."""
    device = image.device if isinstance(image, Tensor) else torch.device("cpu")
    if isinstance(model, torch.nn.Module):
        device = next((each.device for each in model.parameters()), device)
    return device, own_type(model)
