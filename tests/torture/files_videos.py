"""Broken and malicious videos through the command line."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator

from drill import Drill, Effort
from hostile.command import Command, judge, snapshot
from hostile.videos import videos
from hostile.ways import FAST, GOOD_NAMES, good_images


def run(effort: Effort) -> None:
    """Each video alone, among images, examined, and to be drawn."""
    command = Command(effort.folder)
    for each in effort.sampled(videos()):
        folder = effort.folder / "case"
        shutil.rmtree(folder, ignore_errors=True)
        good_images(folder / "among")
        file = folder / each.file
        each.make(file)
        shutil.copyfile(file, folder / "among" / each.file)
        before = snapshot(folder)
        ways = list(_ways(each.codes))
        for arguments, codes in ways if effort.whole else ways[:1] + effort.random.sample(ways, 1):
            words = [word.format(at=file, folder=folder) for word in arguments]
            with effort.case(f"{each.name}: {' '.join(arguments)}"):
                answer = command.run([*words, *(each.arguments if codes else ())])
                judge(answer, codes, names=None if answer.code == 2 else file.name)
                made = folder / "made.mp4"
                assert answer.code in (0, 6) or not made.exists(), "left a video"
                made.unlink(missing_ok=True)
                assert snapshot(folder) == before, "an input has changed"
                if words[1].endswith("among"):
                    for name in GOOD_NAMES:
                        assert name in answer.out, f"{name} was not counted"
                effort.answered(f"exit code {answer.code}")
    effort.note(command.bounds())


def _ways(codes: tuple[int, ...]) -> Iterator[tuple[tuple[str, ...], tuple[int, ...]]]:
    yield ("predict", "{at}", *FAST), codes
    yield ("predict", "{at}", "--dry-run"), (0, 3)
    # Of a folder, what is no video and has another suffix is left out.
    yield ("predict", "{folder}/among", "--format", "jsonl", *FAST), (0, 6)
    yield (
        ("predict", "{at}", "--save-video", "{folder}/made.mp4", "--every", "0.5", *FAST),
        (0, 2, 3, 6),
    )


def _lacks() -> str | None:
    return None if importlib.util.find_spec("av") else "PyAV (pip install av)"


DRILLS = (Drill("files.videos", "broken and malicious videos", run, enough=400, lacks=_lacks),)
