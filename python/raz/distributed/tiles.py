"""Workers that compute the network for one image: what goes through it at once is one task.

The image is read, cut, stitched and zoomed into by the caller alone, by the code of `raz.zoom` that
does so without a cluster: workers get pixels and return maps (`raz.zoom.inference.forwarded_by`).
So they need no access to the file, and the result is that of one process.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raz.errors import InputError
from raz.zoom.inference import ForwardCall, Forwarding, Inference, Maps, forwarded_by

from .cluster import Workers, connected, import_ray
from .kept_tiles import KeptTiles
from .recipe import Recipe

if TYPE_CHECKING:
    import numpy as np

__all__ = ["TileWorker", "shared_tiles"]

AHEAD = 3
"""Calls on their way per worker: one computed, one waiting, one done whose turn has not come. Each
takes about 16 bytes per pixel in Ray's memory, 67 MB for a tile of the default size."""

RETRIES = 3
"""How often a call is computed again whose worker died. One that always kills its worker ends the
image with an error."""


class TileWorker:
    """A network in a worker.

    Args:
        recipe: of the predictor whose model computes.
        threads: of torch, in this process.

    Example:
        >>> import numpy as np
        >>> worker = TileWorker(Recipe(), threads=1)  # doctest: +SKIP
        >>> maps = worker.forward(np.zeros((1, 3, 64, 48), np.float32), 1.0)  # doctest: +SKIP
    """

    def __init__(self, recipe: Recipe, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        self._predictor = recipe.build()

    def forward(self, images: np.ndarray, scale: float) -> dict[str, np.ndarray]:
        """Return the maps of images float32 [B, 3, h, w]."""
        import torch

        predictor = self._predictor
        with predictor.evaluating(), torch.inference_mode():
            pixels = torch.from_numpy(images.copy()).to(predictor.device)
            network = Inference(
                predictor.model,
                pixels,
                None,
                0.0,
                mirrored=predictor.settings.quality == "best",
                dtype=predictor.settings.asked_dtype,
            )
            maps = network.forward(pixels, scale)
            return {name: each.float().cpu().numpy() for name, each in maps.items()}


@contextmanager
def shared_tiles(
    recipe: Recipe, cluster: str, workers: Workers, checkpoint: Path | None = None
) -> Iterator[None]:
    """Let the workers of a cluster compute the network, in the block and in this thread.

    Args:
        recipe: of the predictor that is called in the block.
        cluster: see `raz.distributed.cluster.connected`.
        workers: how many, and what each one takes.
        checkpoint: a folder of this machine for the maps of finished calls, which are not computed
            again; see `KeptTiles`.

    Raises:
        ImportError, ResourceError, ValueError: as `raz.distributed.cluster.connected`.
        InputError: ``checkpoint`` is a file.
        OSError: it cannot be made, or not be written to in the block.

    Example:
        >>> recipe = Recipe()
        >>> with shared_tiles(recipe, "local", Workers(2)):  # doctest: +SKIP
        ...     result = recipe.build()("huge.tif")
    """
    if checkpoint is not None:
        try:
            checkpoint.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            raise InputError(f"checkpoint is {checkpoint}; it must be a folder") from None
    with connected(cluster, workers) as number:
        worker = (
            import_ray()
            .remote(TileWorker)
            .options(
                num_cpus=workers.cpus,
                num_gpus=workers.gpus,
                max_restarts=-1,
                max_task_retries=RETRIES,
            )
        )
        forwarding: Forwarding = _Pool(
            [worker.remote(recipe, workers.threads) for _ in range(number)]
        )
        if checkpoint is not None:
            # A processor and a GPU do not compute the same digits, nor perhaps in the same type.
            key = f"{recipe.fingerprint()} {recipe.device}"
            forwarding = KeptTiles(forwarding, checkpoint, key)
        with forwarded_by(forwarding):
            yield


class _Pool:
    """Gives each call to the worker with the fewest, and returns the maps in order."""

    def __init__(self, workers: list[Any]) -> None:
        self._workers = workers

    def __call__(self, calls: Iterator[ForwardCall]) -> Iterator[Maps]:
        waiting: deque[tuple[Any, int]] = deque()  # the maps to come, and whose they are
        for images, scale in calls:
            if len(waiting) >= AHEAD * len(self._workers):
                yield self._maps(waiting.popleft()[0])
            index = self._freest(waiting)
            maps = self._workers[index].forward.remote(images.cpu().numpy(), scale)
            waiting.append((maps, index))
            del images, maps
        while waiting:
            yield self._maps(waiting.popleft()[0])

    def _freest(self, waiting: deque[tuple[Any, int]]) -> int:
        """The number of a worker that has the fewest calls to compute."""
        if not waiting:
            return 0
        references = [reference for reference, _ in waiting]
        _, unfinished = import_ray().wait(references, num_returns=len(references), timeout=0)
        busy = [0] * len(self._workers)
        for reference, index in waiting:
            busy[index] += reference in unfinished
        return busy.index(min(busy))

    def _maps(self, reference: Any) -> Maps:
        import torch

        found = import_ray().get(reference)
        return {name: torch.from_numpy(each.copy()) for name, each in found.items()}
