"""Broken and malicious images through the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from drill import Drill, Effort
from hostile.case import Hostile
from hostile.command import Command, judge, shown, snapshot
from hostile.images import images
from hostile.ways import FAST, GOOD_NAMES, WAYS, go, good_images, prepare


def each_image(effort: Effort) -> None:
    """Each image through `raz predict` and commands that are drawn; through all in a whole run."""
    command = Command(effort.folder)
    for hostile in effort.sampled(images()):
        place = prepare(hostile, effort.folder / "case")
        others = WAYS[1:] if effort.whole else effort.random.sample(WAYS[1:], 2)
        for way in (WAYS[0], *others):
            with effort.case(f"{hostile.name}: {way.name}"):
                answer = go(command, way, hostile, place)
                effort.answered(f"exit code {answer.code}")
    effort.note(command.bounds())


def all_together(effort: Effort) -> None:
    """A folder of broken images and three good ones: these are counted, each other one is named."""
    command = Command(effort.folder)
    bad = [each for each in images() if each.codes == (3,) and not each.arguments]
    for k in effort.goes_on():
        chosen = bad if effort.whole and k == 0 else effort.random.sample(bad, 25)
        with effort.case(f"{len(chosen)} images together: {[each.name for each in chosen][:30]}"):
            _together(effort, command, chosen, effort.folder / f"together {k}")
        if effort.whole:
            break
    effort.note(command.bounds())


def _together(effort: Effort, command: Command, chosen: list[Hostile], folder: Path) -> None:
    from raz.io.decoding import IMAGE_SUFFIXES

    good_images(folder)
    names = []
    for index, each in enumerate(chosen):
        suffix = "." + each.file.rpartition(".")[2]
        if suffix in IMAGE_SUFFIXES:
            names.append(f"case {index}{suffix}")
            each.make(folder / names[-1])
    before = snapshot(folder)
    answer = command.run(["predict", str(folder), "--format", "jsonl", *FAST])
    judge(answer, (6,))
    assert before == snapshot(folder), "an input has changed"
    counted = [Path(json.loads(line)["path"]).name for line in answer.out.splitlines()]
    assert counted == sorted(GOOD_NAMES), f"counted {counted}"
    lines = answer.err.splitlines()
    for name in names:
        assert any(f"/{name}: " in line for line in lines), f"{name} is not named"
    assert lines[-1] == f"raz: {len(names)} of {len(names) + 3} images could not be read", lines[-1]
    effort.answered("exit code 6")


def processes(effort: Effort) -> None:
    """Images through `python -m raz`: a process of its own says what a forked child does."""
    command = Command(effort.folder)
    for hostile in effort.sampled(effort.random.sample(images(), 40)):
        place = prepare(hostile, effort.folder / "case")
        words = ["predict", str(place.alone), *FAST, *hostile.arguments]
        with effort.case(f"{hostile.name}: python -m raz"):
            child = command.run(words)
            process = subprocess.run(
                [sys.executable, "-m", "raz", *words], capture_output=True, text=True, timeout=300
            )
            alone = (process.returncode, process.stdout, process.stderr)
            assert alone == (child.code, child.out, child.err), f"{alone} is not {shown(child)}"
            effort.answered(f"exit code {process.returncode}")
    effort.note(command.bounds())


DRILLS = (
    Drill("files.images", "broken and malicious images through commands", each_image, enough=8000),
    Drill("files.together", "folders of broken images and good ones", all_together, share=0.3),
    Drill("files.processes", "such images through `python -m raz`", processes, 0.3, enough=40),
)
