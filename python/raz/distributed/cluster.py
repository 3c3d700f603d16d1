"""The Ray cluster that a call computes on: one of its own on this machine, or one that runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from raz.errors import ResourceError, installs

__all__ = ["AUTO", "LOCAL", "Workers", "connected", "import_ray"]

LOCAL, AUTO = "local", "auto"

SPARE_CPUS = 2
"""CPUs beside the workers' that Ray's own tasks are scheduled on: they read lists of names, leave
out what is done, and write files. With none to spare a job would wait for ever."""


@dataclass(frozen=True)
class Workers:
    """The workers of a call, each a process with a model of its own.

    Attributes:
        number: how many; None is as many as the cluster has room for.
        cpus: CPUs that each one takes; also its threads, at least one.
        gpus: GPUs that each one takes; may be a part of one.

    Raises:
        ValueError, TypeError: a number is out of range.

    Example:
        >>> Workers(number=2, cpus=4).threads
        4
    """

    number: int | None = None
    cpus: float = 1.0
    gpus: float = 0.0

    def __post_init__(self) -> None:
        if self.number is not None and not isinstance(self.number, int):
            raise TypeError(f"workers is {self.number!r}; it must be an integer or None")
        if self.number is not None and self.number < 1:
            raise ValueError(f"workers is {self.number}; it must be at least 1")
        if not 0 < self.cpus < float("inf"):
            raise ValueError(f"cpus is {self.cpus}; it must be above 0")
        if not 0 <= self.gpus < float("inf"):
            raise ValueError(f"gpus is {self.gpus}; it must be at least 0")

    @property
    def threads(self) -> int:
        """Threads of torch in each worker."""
        return max(1, int(self.cpus))

    def on(self, cpus: float, gpus: float) -> int:
        """Return how many there are on a cluster of so many CPUs and GPUs.

        Raises:
            ResourceError: there is no room for a single one.

        Example:
            >>> Workers().on(cpus=16, gpus=0), Workers(gpus=0.5).on(cpus=64, gpus=4)
            (14, 8)
        """
        if self.number is not None:
            return self.number
        room = (cpus - SPARE_CPUS) / self.cpus
        if self.gpus:
            room = min(room, gpus / self.gpus)
        if room < 1:
            raise ResourceError(
                f"the cluster has {cpus:g} CPUs and {gpus:g} GPUs; a worker takes {self.cpus:g} "
                f"and {self.gpus:g}, and Ray's own tasks {SPARE_CPUS} CPUs (say how many workers, "
                "if the cluster grows)"
            )
        return int(room)


def import_ray() -> Any:
    """Import Ray.

    Raises:
        ImportError: it is not installed; the message says how it is.

    Example:
        >>> import_ray().__name__
        'ray'
    """
    try:
        import ray
    except ImportError as error:
        raise ImportError(f"counting on a cluster needs Ray: {installs('ray')}") from error
    return ray


@contextmanager
def connected(cluster: str, workers: Workers) -> Iterator[int]:
    """Connect to a cluster for a ``with`` block.

    A cluster of this process's own counts CPUs as Ray does, not as the machine has them: what the
    workers take, and those that Ray's own tasks are scheduled on. It has no dashboard and sends no
    statistics of its use.

    Args:
        cluster: "local" starts one on this machine, and ends it after the block; "auto" is the one
            that this process is connected to, or that runs on this machine; else the address of
            one (``10.0.0.1:6379``, or ``ray://10.0.0.1:10001``).
        workers: what to make room for.

    Yields:
        the number of workers.

    Raises:
        ImportError: Ray is not installed.
        ResourceError: there is no room for a worker.
        ValueError: "local", where this process is connected to a cluster already.
        ConnectionError: no cluster answers.

    Example:
        >>> with connected("local", Workers(2)) as number:  # doctest: +SKIP
        ...     print(number)
        2
    """
    ray = import_ray()
    if ray.is_initialized():
        if cluster == LOCAL:
            raise ValueError(
                "cluster is 'local'; this process is connected to a cluster already, which 'auto' "
                "uses"
            )
        yield _number(ray, workers)
        return
    if cluster == LOCAL:
        number = workers.number or max(1, int((os.cpu_count() or 1) / workers.cpus))
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(
            address=LOCAL,
            num_cpus=int(number * workers.cpus + 0.999) + SPARE_CPUS,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="error",
        )
    else:
        ray.init(address=cluster, log_to_driver=False, logging_level="error")
        number = 0
    try:
        yield number or _number(ray, workers)
    finally:
        ray.shutdown()


def _number(ray: Any, workers: Workers) -> int:
    """How many workers the cluster that this process is connected to has room for."""
    has = ray.cluster_resources()
    return workers.on(has.get("CPU", 0.0), has.get("GPU", 0.0))
