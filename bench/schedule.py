"""A discrete-event simulation of who waits for whom when images are counted by many workers.

Service times are those that bench/capacity.py measured, drawn with replacement; everything else is
stated here. Two questions: how busy may workers be before images from live sources wait long, and
how many decoding cores feed one accelerator that counts so many images per second.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import quantiles

import simpy

SEED = 1
IMAGES = 20_000
"""Simulated images per point of a curve."""

AHEAD = 16
"""Decoded images that may wait for the accelerator, as in a bounded queue of Ray Data."""


def waiting(seconds: Sequence[float], workers: int, busy: float, images: int = IMAGES) -> float:
    """Simulate live sources: images come at random (Poisson) and one free worker takes each.

    Args:
        seconds: of one worker per image, measured; drawn with replacement.
        workers: number of workers, one core each.
        busy: share of the time that they work on average, in (0, 1).
        images: how many come.

    Returns:
        seconds that 99 of 100 images wait at most before a worker takes them.
    """
    chance = random.Random(SEED)
    world = simpy.Environment()
    pool = simpy.Resource(world, capacity=workers)
    rate = busy * workers * len(seconds) / sum(seconds)
    waits: list[float] = []

    def image() -> Iterator[simpy.Event]:
        came = world.now
        with pool.request() as turn:
            yield turn
            waits.append(world.now - came)
            yield world.timeout(chance.choice(seconds))

    def source() -> Iterator[simpy.Event]:
        for _ in range(images):
            yield world.timeout(chance.expovariate(rate))
            world.process(image())

    world.process(source())
    world.run()
    return quantiles(waits[images // 10 :], n=100)[-1]  # the first find an empty house


def fed(seconds: Sequence[float], decoders: int, rate: float, images: int = IMAGES) -> float:
    """Simulate an accelerator that counts one image after the other as they are decoded.

    Args:
        seconds: that decoding takes a core, per image, measured; drawn with replacement.
        decoders: number of cores that decode.
        rate: images per second that the accelerator counts when it never waits.
        images: how many there are in all.

    Returns:
        images per second.
    """
    chance = random.Random(SEED)
    world = simpy.Environment()
    decoded = simpy.Store(world, capacity=AHEAD)
    left = iter(range(images))

    def decoder() -> Iterator[simpy.Event]:
        for _ in left:
            yield world.timeout(chance.choice(seconds))
            yield decoded.put(None)

    def accelerator() -> Iterator[simpy.Event]:
        for _ in range(images):
            yield decoded.get()
            yield world.timeout(1 / rate)

    for _ in range(decoders):
        world.process(decoder())
    world.run(world.process(accelerator()))
    return images / world.now


def plot(decode: Sequence[float], whole: Sequence[float], path: Path) -> None:
    """Draw both answers side by side.

    Args:
        decode: seconds to decode each measured image.
        whole: seconds to decode and count it.
        path: of a JPEG file.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    shares = [0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95]
    for workers in (2, 16, 128):
        left.plot(shares, [waiting(whole, workers, busy) for busy in shares], label=f"{workers}")
    left.set_yscale("symlog", linthresh=0.1)
    left.set_yticks([0, 0.1, 1, 10, 60], labels=["0", "0.1", "1", "10", "60"])
    left.set(
        xlabel="share of the time that workers are busy",
        ylabel="seconds",
        ylim=(0, 100),
        title="Wait of 99 % of live images before they are counted",
    )
    left.legend(title="workers")
    cores = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
    for rate in (100, 500, 2000):
        right.plot(cores, [fed(decode, n, rate) for n in cores], label=f"{rate:,}")
    right.set(
        xlabel="cores that decode",
        ylabel="images per second",
        title="Images counted by one accelerator",
    )
    right.legend(title="it could count")
    figure.savefig(path, dpi=100, pil_kwargs={"quality": 85})
