"""The commands through which a hostile image goes: alone, in a folder, in a data set."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from hostile.case import EITHER, Hostile
from hostile.command import Answer, Command, judge, snapshot

FAST = ("--depth", "1", "--threads", "1", "--device", "cpu")
GOOD_NAMES = ("before.png", "between.png", "zebra.png")


@dataclass(frozen=True)
class Place:
    """A folder with a hostile image alone, and one with it among good ones and their points."""

    alone: Path
    among: Path
    output: Path


@dataclass(frozen=True)
class Way:
    """A command: its arguments, and its exit codes where the image cannot be used."""

    name: str
    arguments: Callable[[Place], tuple[object, ...]]
    bad: tuple[int, ...]
    header_only: bool = False  # a broken body is not looked at
    hostile_arguments: bool = False


WAYS = (
    Way("predict", lambda at: ("predict", at.alone, *FAST), (3,), hostile_arguments=True),
    Way("dry-run", lambda at: ("predict", at.alone, "--dry-run"), (3,), header_only=True),
    Way(
        "predict a folder",
        lambda at: ("predict", at.among, "--json", *FAST),
        (6,),
        hostile_arguments=True,
    ),
    Way("data check", lambda at: ("data", "check", at.among, "--threads", "1"), (6,)),
    Way("data stats", lambda at: ("data", "stats", at.among), (6,), header_only=True),
    Way(
        "data convert",
        lambda at: ("data", "convert", at.among, "--to", "coco", "--output", at.output / "a.json"),
        (3,),
        header_only=True,
    ),
    Way("eval", lambda at: ("eval", "--data", at.among, *FAST), (3,)),
    Way(
        "compare",
        lambda at: ("compare", "raznet_lite", "raznet_lite", "--data", at.among, *FAST),
        (3,),
    ),
    Way(
        "report",
        lambda at: (
            *("predict", at.among, "--report", at.output / "a.html", "--plot", at.output / "plots"),
            *("--output", at.output / "a.jsonl", *FAST),
        ),
        (6,),
        hostile_arguments=True,
    ),
)


def good_images(folder: Path) -> None:
    """Three images of noise, each with a file of one point."""
    folder.mkdir(parents=True)
    for seed, name in enumerate(GOOD_NAMES):
        pixels = np.random.default_rng(seed).integers(0, 256, (48, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / name)
        (folder / name).with_suffix(".txt").write_text("10 12\n")


def prepare(hostile: Hostile, folder: Path) -> Place:
    """The folders of an image."""
    shutil.rmtree(folder, ignore_errors=True)
    good_images(folder / "among")
    (folder / "out").mkdir()
    (folder / "alone").mkdir()
    alone = folder / "alone" / hostile.file
    hostile.make(alone)
    shutil.copyfile(alone, folder / "among" / hostile.file)
    if _is_known(hostile):
        (folder / "among" / "a.txt").write_text("10 12\n")
    return Place(alone, folder / "among", folder / "out")


def go(command: Command, way: Way, hostile: Hostile, place: Place) -> Answer:
    """One command on one image; raises an AssertionError if the answer is none that may be."""
    before = snapshot(place.alone.parent) | snapshot(place.among)
    shutil.rmtree(place.output)
    place.output.mkdir()
    more = hostile.arguments if way.hostile_arguments else ()
    answer = command.run([*map(str, way.arguments(place)), *more])
    codes = _codes(way, hostile)
    judge(answer, codes, names=f"a{place.alone.suffix}")
    assert before == snapshot(place.alone.parent) | snapshot(place.among), "an input has changed"
    if answer.code in (3, 2):
        left = [path for path in place.output.rglob("*") if path.is_file()]
        assert not left, f"left {left}"
    return answer


def _is_known(hostile: Hostile) -> bool:
    """Whether a folder's images are those of this suffix, too."""
    from raz.io.decoding import IMAGE_SUFFIXES

    return "." + hostile.file.rpartition(".")[2] in IMAGE_SUFFIXES


def _codes(way: Way, hostile: Hostile) -> tuple[int, ...]:
    if hostile.arguments and not way.hostile_arguments:
        return (0, *way.bad)
    if not _is_known(hostile) and way.name not in ("predict", "dry-run"):
        return (0,)
    if hostile.codes == EITHER or (way.header_only and hostile.codes == (3,)):
        return (0, *way.bad)
    return (0,) if hostile.codes == (0,) else way.bad
