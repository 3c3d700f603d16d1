"""Bulk prediction: images in, a folder of Parquet out, by Ray Data.

Ray reads the names, leaves out those that are done by its checkpoint, gives blocks of the others to
workers, writes a file for each block, and then notes the block's names in the checkpoint. A worker
that dies is started again, and its block computed again. After the call itself has died, the same
call goes on: Ray removes files whose names were not noted yet, and they are computed again.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from raz.io.rasters import AS_STORED, Reading
from raz.zoom.settings import ZoomSettings

from .checkpoint import checkpoint_of
from .cluster import LOCAL, Workers, connected, import_ray
from .counting import ImageCounter
from .recipe import Recipe
from .rows import ID_COLUMN, text_of_name
from .storage import Place, Storage, listed, place_of

if TYPE_CHECKING:
    import pyarrow
    import ray.data

__all__ = ["Summary", "predict"]

BLOCKS_PER_WORKER = 8
"""Of few images, blocks are made so small that all workers are busy to the end."""

SMALL_TASK = 0.1
"""CPUs that a task takes which reads names or writes a file."""

WORKERS_PER_TASK = 4
"""Workers that one such task at a time is enough for. Each further one is a process that imports
Ray and raz while the workers want to begin."""


@dataclass(frozen=True)
class Summary:
    """What a folder of results holds.

    Attributes:
        output: the folder, an absolute path or an address.
        images: rows in it, of this call and of those before.
        failed: how many of them are errors.

    Example:
        >>> Summary("/results", images=500, failed=1).failed
        1
    """

    output: str
    images: int
    failed: int


def predict(
    source: Any,
    output: str | os.PathLike[str],
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
    images_per_file: int = 100,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> Summary:
    """Count the people in many images on a Ray cluster, into a folder of Parquet.

    One row per image: ``path``, ``width``, ``height``, ``count``, ``count_low``, ``count_high``,
    ``points``, ``scores`` and ``error``; see `raz.distributed.rows`. The rows are those of
    :func:`raz.predict`, in any order. A bad image is a row with an error.

    The same call again computes only what is missing, and nothing if nothing is: images with an
    error count as done, too. What is done is noted beside the output, in the checkpoint; what is
    noted of files that are gone is computed again.

    Args:
        source: a path or an address (``s3://bucket/folder``, ``gs://...``; see
            `raz.distributed.storage`) of an image or a folder, a glob pattern of local files, an
            iterable of these; or a Ray dataset with a column ``path`` of names, each once. Local
            paths must be valid on every machine of the cluster. A dataset must begin with a read
            (``ray.data.read_parquet`` and its like): others Ray cannot resume.
        output: folder of the results, a path or an address. Local ones must be on a disk that all
            machines share.
        model: a name that every worker knows (see :func:`raz.list_models`).
        weights: a name, or a file that every worker finds at this path.
        device: of each worker; "auto" is CUDA where it has a GPU.
        settings: how to zoom.
        max_pixels: largest image, width times height; see :func:`raz.predict`.
        reading: what you know better than the files: bits of their samples, and their bands.
        cluster: "local" starts one on this machine, "auto" takes the one that runs, or an address;
            see `raz.distributed.cluster.connected`.
        workers: most workers at once; by default as many as there is room for.
        cpus: that each worker takes, with as many threads. With one thread each, results are the
            same to the last digit as those of one process with one thread.
        gpus: that each worker takes.
        images_per_file: most rows of a file; also what is lost of a worker that dies.
        checkpoint: folder of what is done, outside of ``output`` and as durable; by default
            ``OUTPUT.checkpoint``.
        progress: show Ray's bars on stderr.

    Returns:
        how many rows there are, and how many of them are errors.

    Raises:
        InputError: the source holds no image, or ``output`` holds results of other settings, or
            files of something else.
        WeightsError: the weights cannot be loaded.
        ResourceError: the cluster has no room for a worker.
        ImportError: Ray is not installed (extra ``ray``).
        OSError: a bucket or the output cannot be reached. The same call goes on later.
        ValueError, TypeError: an argument is wrong.

    Example:
        >>> summary = predict("photos", "results", workers=2)  # doctest: +SKIP
        >>> summary.images, summary.failed  # doctest: +SKIP
        (500, 0)
    """
    wanted = Workers(workers, cpus, gpus)
    recipe = Recipe(model, weights, device, settings, max_pixels, reading)
    if images_per_file < 1:
        raise ValueError(f"images_per_file is {images_per_file}; it must be at least 1")
    import_ray()
    results = place_of(output)
    done = checkpoint_of(results, checkpoint, recipe.fingerprint())
    recipe.build()  # what is wrong with it is said here, not by a worker
    names, storage = (None, Storage()) if _is_dataset(source) else listed(source)
    with connected(cluster, wanted) as number, _told(progress):
        if names is not None:
            rows = _rows_of_block(len(names), number, images_per_file)
            source = _dataset(names, rows, _small_tasks(number))
        _run(source, results, done, recipe, storage, wanted, number)
    return _summary(results)


def _is_dataset(source: Any) -> bool:
    import ray.data

    return isinstance(source, ray.data.Dataset)


def _rows_of_block(images: int, workers: int, most: int) -> int:
    return max(1, min(most, math.ceil(images / (BLOCKS_PER_WORKER * workers))))


def _small_tasks(workers: int) -> int:
    return math.ceil(workers / WORKERS_PER_TASK)


def _dataset(names: list[str], rows: int, tasks: int) -> ray.data.Dataset:
    """A dataset that begins with a read, as Ray's checkpoint wants it, of so many rows a block."""
    import ray.data
    from ray.data.block import BlockMetadata

    class Names(ray.data.Datasource):  # its base can be named once Ray is there
        def get_name(self) -> str:
            return "Names"

        def estimate_inmemory_data_size(self) -> int | None:
            return sum(map(len, names))

        def get_read_tasks(self, parallelism: int, *_: Any, **__: Any) -> list[ray.data.ReadTask]:
            return [_read_task(names[start : start + rows]) for start in starts]

    def _read_task(block: list[str]) -> ray.data.ReadTask:
        metadata = BlockMetadata(
            num_rows=len(block),
            size_bytes=sum(map(len, block)),
            input_files=None,
            exec_stats=None,
        )
        return ray.data.ReadTask(partial(_tables, block), metadata)

    starts = range(0, len(names), rows)
    names_read: Any = Names  # Ray has types for a part of itself
    dataset: ray.data.Dataset = ray.data.read_datasource(
        names_read(),
        override_num_blocks=len(starts),
        num_cpus=SMALL_TASK,
        compute=ray.data.TaskPoolStrategy(size=tasks),
    )
    return dataset


def _tables(names: list[str]) -> Iterator[pyarrow.Table]:
    import pyarrow as pa

    yield pa.table({ID_COLUMN: pa.array(map(text_of_name, names), pa.string())})


def _run(
    images: ray.data.Dataset,
    results: Place,
    done: Place,
    recipe: Recipe,
    storage: Storage,
    wanted: Workers,
    number: int,
) -> None:
    import ray.data
    from ray.data.checkpoint import CheckpointConfig

    images.context.checkpoint_config = CheckpointConfig(
        ID_COLUMN,
        done.path,
        override_filesystem=done.filesystem,
        delete_checkpoint_on_success=False,
    )
    counted = images.map_batches(
        ImageCounter,
        fn_constructor_args=(recipe, storage, wanted.threads),
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=number, initial_size=number),
        batch_size=None,
        batch_format="pyarrow",
        num_cpus=wanted.cpus,
        num_gpus=wanted.gpus,
    )
    counted.write_parquet(
        results.path,
        filesystem=results.filesystem,
        ray_remote_args={"num_cpus": SMALL_TASK},
        concurrency=_small_tasks(number),
    )


@contextmanager
def _told(progress: bool) -> Iterator[None]:
    """Let Ray Data show its progress on stderr in the block, or nothing but errors."""
    import ray.data

    context, log = ray.data.DataContext.get_current(), logging.getLogger("ray.data")
    shown, level = context.enable_progress_bars, log.level
    context.enable_progress_bars = progress
    log.setLevel(logging.INFO if progress else logging.ERROR)
    try:
        yield
    finally:
        context.enable_progress_bars = shown
        log.setLevel(level)


def _summary(results: Place) -> Summary:
    import pyarrow.compute as pc
    import pyarrow.dataset as ds

    rows = ds.dataset(results.path, filesystem=results.filesystem, format="parquet")
    failed = rows.count_rows(filter=pc.field("error").is_valid())
    return Summary(results.name, rows.count_rows(), failed)
