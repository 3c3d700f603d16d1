"""Broken and malicious files of points, zones and settings through the command line."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from drill import Drill, Effort
from hostile.annotations import points, settings, written, zones
from hostile.case import Hostile
from hostile.command import Answer, Command, judge, snapshot
from hostile.ways import FAST, good_images

_PROTOCOLS = ("--protocol", "count", "--protocol", "fixed")


def run(effort: Effort) -> None:
    """Points by eval, check, convert, train; zones by predict; settings by train."""
    command = Command(effort.folder)
    cases: list[tuple[Hostile, Callable[[Effort, Command, Hostile, Path], None]]] = [
        *((each, _points) for each in points()),
        *((each, _zones) for each in zones()),
        *((each, _settings) for each in settings()),
    ]
    for each, go in effort.sampled(cases):
        folder = effort.folder / "case"
        shutil.rmtree(folder, ignore_errors=True)
        go(effort, command, each, folder)
    effort.note(command.bounds())


def _data_set(each: Hostile, folder: Path) -> Path:
    """Two images with the file for both; of MATLAB's, with one for each."""
    good_images(folder)
    for name in ("before.txt", "between.txt", "zebra.txt", "between.png"):
        (folder / name).unlink()
    (folder / "before.png").rename(folder / "a.png")
    if each.file == "a.mat":
        (folder / "zebra.txt").write_text("10 12\n")
    else:
        (folder / "zebra.png").unlink()
    return written(each, folder)


def _points(effort: Effort, command: Command, each: Hostile, folder: Path) -> None:
    data = folder / "data"
    file = _data_set(each, data)
    output = folder / "output"
    output.mkdir()
    bad = tuple(code for code in each.codes if code != 3)
    wrong = (*bad, 3, 6) if 3 in each.codes else (*bad, 6)
    ways: list[tuple[tuple[object, ...], tuple[int, ...]]] = [
        (("data", "check", data, "--threads", "1"), wrong),
        (("data", "convert", data, "--to", "coco", "--output", output / "a.json"), each.codes),
        (("data", "stats", data), wrong),
    ]
    if file.suffix != ".mat":
        ways.append((("eval", file, file, *_PROTOCOLS), each.codes))
        ways.append((("eval", "--validate", file), (0, 3)))
        ways.append(
            (("eval", file, file, "--protocol", "count", "--sizes", data), (*each.codes, 3))
        )
    if each.codes == (3,) and file.suffix != ".mat":  # of which another image has one
        more = ("--steps", "1", "--crop-size", "64", "--batch-size", "1", "--workers", "0")
        ways.append((("train", "--data", data, "--output", output, *more), (3,)))
    if each.codes == (3,):
        ways.append((("eval", "--data", data, *FAST), (3,)))
    for arguments, codes in ways if effort.whole else effort.random.sample(ways, 2):
        _case(effort, command, each, file, arguments, codes, output)


def _zones(effort: Effort, command: Command, each: Hostile, folder: Path) -> None:
    good_images(folder / "data")
    file = written(each, folder)
    image = folder / "data" / "before.png"
    arguments = ("predict", image, "--zones", file, *FAST)
    _case(effort, command, each, file, arguments, each.codes, folder / "output")


def _settings(effort: Effort, command: Command, each: Hostile, folder: Path) -> None:
    folder.mkdir()
    file = written(each, folder)
    arguments = ("train", "--config", file, "--print-config")
    _case(effort, command, each, file, arguments, each.codes, folder / "output")


def _case(
    effort: Effort,
    command: Command,
    each: Hostile,
    file: Path,
    arguments: tuple[object, ...],
    codes: tuple[int, ...],
    output: Path,
) -> None:
    words = [*map(str, arguments)]
    with effort.case(f"{each.name}: {' '.join(words[:3])}"):
        answer: Answer = command.run(words)
        judge(answer, codes, names=file.name if answer.code == 3 else None)
        _check_left(answer, file, output)
        effort.answered(f"exit code {answer.code}")


def _check_left(answer: Answer, file: Path, output: Path) -> None:
    left = [path for path in output.rglob("*") if path.is_file()] + [output] * output.is_file()
    if answer.code:
        assert not left, f"left {left}"
    for path in left:
        path.unlink()
    seen = {Path(name).name for name in snapshot(file.parent)}
    assert file.name in seen, "the file is gone"
    assert not any(name.endswith((".partial", ".tmp")) for name in seen), f"left {seen}"


DRILLS = (
    Drill("files.annotations", "broken and malicious points, zones and settings", run, enough=3000),
)
