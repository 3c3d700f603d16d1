"""Follow heads through a video, and count those who cross a line, with supervision and trackers.

raz finds the heads of each frame; a ByteTrack tracker (package trackers) follows them from frame to
frame, and supervision's LineZone counts who crosses the line. Without a video, the example scene is
panned behind a window: there, the true numbers are known.

    pip install ".[video,supervision]" trackers
    python examples/tracking.py                                    # panned scene, with its truth
    python examples/tracking.py clip.mp4 --line 960,0 960,1080     # your own video
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import supervision
from PIL import Image
from trackers import ByteTrackTracker

import raz

HERE = Path(__file__).parent
WINDOW = (512, 384)
STEP = 6
"""Pixels by which the window moves from one frame to the next."""

Point = tuple[float, float]


def main() -> None:
    parser = argparse.ArgumentParser(description="Count who crosses a line in a video.")
    parser.add_argument("video", nargs="?")
    parser.add_argument("--line", nargs=2, type=point, metavar="X,Y", default=middle(WINDOW))
    arguments = parser.parse_args()
    if arguments.video:
        left, right = crossings(raz.predict(arguments.video), *arguments.line)
        print(f"crossed to the left {left}, to the right {right}")
        return
    left, right = crossings(raz.predict(panned_scene()), *arguments.line)
    print(f"crossed to the left {left}, to the right {right}")
    print(f"truth: to the left {heads_passing()}, to the right 0")


def point(text: str) -> Point:
    x, y = text.split(",")
    return float(x), float(y)


def middle(size: tuple[int, int]) -> tuple[Point, Point]:
    """The line from the upper to the lower edge, in the middle."""
    return (size[0] / 2, 0), (size[0] / 2, size[1])


def crossings(frames: Iterable[raz.Result], start: Point, end: Point) -> tuple[int, int]:
    """Return how many heads crossed the line from its right side to its left, and back.

    Sides are as seen from ``start`` towards ``end``, on the screen, for a line that goes down.
    """
    # raz's heads are above its threshold already: each may begin a track.
    tracker = ByteTrackTracker(
        track_activation_threshold=0.0, high_conf_det_threshold=0.0, minimum_consecutive_frames=1
    )
    line = supervision.LineZone(
        supervision.Point(*start),
        supervision.Point(*end),
        triggering_anchors=[supervision.Position.CENTER],
    )
    for result in frames:
        line.trigger(tracker.update(boxes_around(result)))
    return line.out_count, line.in_count


def boxes_around(result: raz.Result) -> supervision.Detections:
    """Give each head a box as wide as the way to its neighbours: trackers compare boxes."""
    points = result.points.numpy()
    away = np.linalg.norm(points[:, None] - points, axis=2)
    np.fill_diagonal(away, np.inf)
    nearest = away.min(axis=1, initial=np.inf)
    half = np.clip(nearest, 8, 64)[:, None] / 2
    return supervision.Detections(
        xyxy=np.hstack([points - half, points + half]),
        confidence=result.scores.numpy(),
        class_id=np.zeros(len(points), dtype=int),
    )


def panned_scene() -> Iterator[np.ndarray]:
    """Frames of a window that moves to the right over the example scene."""
    with Image.open(HERE / "scene.jpg") as image:
        scene = np.asarray(image.convert("RGB"))
    for x, y in places():
        yield np.ascontiguousarray(scene[y : y + WINDOW[1], x : x + WINDOW[0]])


def places() -> list[tuple[int, int]]:
    """Upper left corners of the window."""
    return [(x, 300) for x in range(0, 1024 - WINDOW[0] + 1, STEP)]


def heads_passing() -> int:
    """How many true heads the middle of the window passes over."""
    truth = np.array(json.loads((HERE / "scene.json").read_text())["points"])
    (first, top), (last, _) = places()[0], places()[-1]
    x, y = truth.T
    half = WINDOW[0] / 2
    seen = (top <= y) & (y < top + WINDOW[1])
    return int((seen & (first + half < x) & (x <= last + half)).sum())


if __name__ == "__main__":
    main()
