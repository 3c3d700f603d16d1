"""Two machines that share no folder train one net: two network namespaces with an address each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from raz.training.checkpoint import LAST, STATE
from raz.training.config import config_toml
from raz.training.engine import train

from . import tiny
from .runs import config_of

PORT = 29_400
"""Of the first machine; the namespace has it to itself."""


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


@pytest.fixture(scope="module")
def machines() -> Iterator[list[str]]:
    """Names of two namespaces that reach each other alone, at 10.77.0.1 and 10.77.0.2."""
    if shutil.which("ip") is None or os.geteuid() != 0:
        pytest.skip("needs root and the command ip (iproute2) for network namespaces")
    names = [f"raz{os.getpid()}-{number}" for number in (1, 2)]
    try:
        try:
            for name in names:
                ip("netns", "add", name)
            peer = ["type", "veth", "peer", "name", "net", "netns", names[1]]
            ip("link", "add", "net", "netns", names[0], *peer)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no network namespaces here: {error.stderr.strip()}")
        for number, name in enumerate(names, 1):
            ip("-n", name, "address", "add", f"10.77.0.{number}/24", "dev", "net")
            ip("-n", name, "link", "set", "net", "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield names
    finally:
        for name in names:
            with suppress(subprocess.CalledProcessError):
                ip("netns", "delete", name)


def train_on(
    machines: Sequence[str], files: Sequence[Path], *options: str
) -> list[subprocess.CompletedProcess[str]]:
    """Run the commands of docs/training.md, one on each machine, and wait for both."""
    commands = [
        [
            *("ip", "netns", "exec", machine, sys.executable, "-m", "torch.distributed.run"),
            *("--nnodes", "2", "--node-rank", str(rank), "--nproc-per-node", "1"),
            *("--master-addr", "10.77.0.1", "--master-port", str(PORT)),
            *(tiny.__file__, "train", "--config", str(file), *options),
        ]
        for rank, (machine, file) in enumerate(zip(machines, files, strict=True))
    ]
    # Without the guard that keeps tests on this machine: the namespaces reach nothing else.
    paths = os.environ["PYTHONPATH"].split(os.pathsep)
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(path for path in paths if Path(path).name != "sandbox"),
        "OMP_NUM_THREADS": "1",
        "GLOO_SOCKET_IFNAME": "net",
    }

    def run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)

    with ThreadPoolExecutor() as threads:
        return list(threads.map(run, commands))


def steps_of(output: Path) -> dict[int, dict[str, Any]]:
    lines = map(json.loads, (output / "log.jsonl").read_text().splitlines())
    return {line["step"]: line for line in lines if "validation" not in line}


@pytest.mark.slow
def test_two_machines_give_the_figures_of_one_process(settings, machines, tmp_path) -> None:
    """The second has images, but neither the weights to start from nor the checkpoint."""
    changes = {"batch_size": 2, "norm": "frozen"}
    train(config_of(settings, **changes, output=str(tmp_path / "start")))
    changes["weights"] = str(tmp_path / "start" / LAST)
    for steps in (1, 2):
        alone = config_of(settings, **changes, steps=steps, output=str(tmp_path / "alone"))
        train(alone, extend=True)
    expected = steps_of(tmp_path / "alone")

    shutil.copytree(settings["data_root"], tmp_path / "second_data")
    places = [
        {"output": str(tmp_path / "first")},
        {
            "output": str(tmp_path / "second"),
            "data_root": str(tmp_path / "second_data"),
            "weights": "/nowhere/weights.safetensors",
        },
    ]

    def files(steps: int) -> list[Path]:
        for number, place in enumerate(places):
            config = config_of(settings, **(changes | place), steps=steps)
            (tmp_path / f"{number}.toml").write_text(config_toml(config))
        return [tmp_path / "0.toml", tmp_path / "1.toml"]

    begun = train_on(machines, files(1))
    assert [each.returncode for each in begun] == [0, 0], begun
    gone_on = train_on(machines, files(2), "--extend")
    assert [each.returncode for each in gone_on] == [0, 0], gone_on
    assert "continuing from step 1" in gone_on[0].stderr
    together = steps_of(tmp_path / "first")
    assert together.keys() == expected.keys() == {1, 2}
    for step, line in expected.items():
        for name in ("density", "localization", "attention", "norm"):
            assert together[step][name] == pytest.approx(line[name], rel=1e-5)
    assert not (tmp_path / "second" / STATE).exists()


@pytest.mark.slow
def test_machines_with_other_images_are_refused(settings, machines, tmp_path) -> None:
    shutil.copytree(settings["data_root"], tmp_path / "second_data")
    (image,) = (tmp_path / "second_data").rglob("part_A/**/IMG_2.jpg")
    image.write_bytes(image.read_bytes() + b"longer")
    for number, changes in enumerate([{}, {"data_root": str(tmp_path / "second_data")}]):
        config = config_of(settings, **changes, output=str(tmp_path / str(number)))
        (tmp_path / f"{number}.toml").write_text(config_toml(config))
    ended = train_on(machines, [tmp_path / "0.toml", tmp_path / "1.toml"])
    for each in ended:
        assert each.returncode != 0
        assert "part A: process 1 has other images than process 0 (4 and 4, or" in each.stderr
