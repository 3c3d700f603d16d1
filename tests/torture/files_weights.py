"""Broken and malicious weights and exported models through the command line."""

from __future__ import annotations

import shutil
from pathlib import Path

from drill import Drill, Effort
from hostile.case import Hostile
from hostile.command import Command, judge, snapshot
from hostile.ways import FAST, good_images
from hostile.weights import models, weights


def run(effort: Effort) -> None:
    """Weights by predict, eval, compare, export, train and backbone; models by predict and eval."""
    command = Command(effort.folder)
    for each in effort.sampled((*weights(), *models())):
        folder = effort.folder / "case"
        shutil.rmtree(folder, ignore_errors=True)
        data, output = folder / "data", folder / "output"
        good_images(data)
        output.mkdir()
        file = folder / each.file
        each.make(file)
        ways = _ways(each, file, data, output)
        for arguments in ways if effort.whole else effort.random.sample(ways, 2):
            words = [*map(str, arguments)]
            with effort.case(f"{each.name}: {' '.join(words[:3])}"):
                before = snapshot(data)
                answer = command.run(words)
                judge(answer, each.codes, names=file.name)
                effort.answered(f"exit code {answer.code}")
                assert snapshot(data) == before, "an input has changed"
                left = [path for path in output.rglob("*") if path.is_file()]
                assert not (answer.code and left), f"left {left}"
                shutil.rmtree(output)
                output.mkdir()
    effort.note(command.bounds())


def _ways(each: Hostile, file: Path, data: Path, output: Path) -> list[tuple[object, ...]]:
    image = data / "before.png"
    if each.file == "a.onnx":
        return [
            ("predict", image, "--model", file),
            ("eval", "--data", data, "--model", file),
        ]
    few = ("--steps", "1", "--crop-size", "64", "--batch-size", "1", "--workers", "0")
    ways: list[tuple[object, ...]] = [
        ("predict", image, "--weights", file, *FAST),
        ("predict", data, "--weights", file, *FAST),
        ("predict", image, "--weights", file, "--model", "raznet_vgg16", "--dry-run"),
        ("eval", "--data", data, "--weights", file, "--limit", "1", *FAST),
        ("compare", "raznet_lite", file, "--data", data, "--limit", "1", *FAST),
    ]
    if each.codes == (4,):
        ways += [
            ("export", "raznet_lite", "--weights", file, "--output", output / "a.onnx"),
            ("train", "--data", data, "--output", output, "--weights", file, *few),
            ("train", "--data", data, "--output", output, "--backbone", file, *few),
        ]
    return ways


DRILLS = (
    Drill("files.weights", "broken and malicious weights and models", run, share=0.5, enough=600),
)
