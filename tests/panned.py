"""A clip of the example scene, panned behind a window: its true counts are the heads inside."""

from __future__ import annotations

import numpy as np
from PIL import Image

from crowds import example
from raz.io.video_writer import write_video

FRAMES_PER_SECOND = 2


def places(size, seconds):
    """Upper left corner of the window in each frame: from left to right, down and up again."""
    time = np.linspace(0, 1, seconds * FRAMES_PER_SECOND)
    x = time * (1024 - size[0])
    y = np.sin(np.pi * time) ** 2 * (768 - size[1])
    return np.stack([x, y], axis=1).round().astype(int).tolist()


def write_panned(path, size=(640, 480), seconds=10):
    """Write the clip; return the true count of each frame."""
    scene, counts = example(), []
    with write_video(path) as video:
        for number, (x, y) in enumerate(places(size, seconds)):
            window = scene.image[y : y + size[1], x : x + size[0]]
            video.write(Image.fromarray(np.ascontiguousarray(window)), number / FRAMES_PER_SECOND)
            inside = (scene.points >= (x, y)) & (scene.points < (x + size[0], y + size[1]))
            counts.append(int(inside.all(axis=1).sum()))
    return counts


def by_second(values):
    """The mean of each second's values."""
    return np.array(values, dtype=float).reshape(-1, FRAMES_PER_SECOND).mean(axis=1)
