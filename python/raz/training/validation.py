"""Validation during a training, divided among its processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from raz.data.sample import Sample
from raz.evaluation import CountEstimate, count_image
from raz.training.distributed import World
from raz.zoom import Network


def validate_together(
    model: Network,
    samples: Sequence[Sample],
    world: World,
    *,
    depth: int,
    after_each: Callable[[], None],
) -> list[CountEstimate]:
    """Count the persons in all samples, divided among the processes.

    No sample is left out or counted twice, so the figures equal those of a single process.

    Args:
        model: the same on every process, in evaluation mode.
        samples: the same on every process.
        world: the processes.
        depth: number of passes; 1 does not zoom.
        after_each: called after each image.

    Returns:
        The estimates in the order of the samples, on every process.
    """
    mine = {}
    for index in range(world.rank, len(samples), world.size):
        mine[index] = count_image(model, samples[index], depth=depth)
        after_each()
    together: dict[int, CountEstimate] = {}
    for part in world.gather(mine):
        together.update(part)
    return [together[index] for index in range(len(samples))]
