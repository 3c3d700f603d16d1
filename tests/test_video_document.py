"""Every command of raz in docs/video.md runs; a server on the loopback stands for addresses."""

from __future__ import annotations

import io
import json
import shlex
import sys
from pathlib import Path

import pytest

from raz.cli.main import main
from raz.io import live
from streams import http_video, rtsp_video, transport_stream
from videos import write_sound_video

DOCUMENT = Path(__file__).parents[1] / "docs/video.md"
if not DOCUMENT.is_file():
    pytest.skip("docs are not in the source distribution", allow_module_level=True)


def commands() -> list[str]:
    blocks = DOCUMENT.read_text(encoding="utf-8").split("```bash\n")[1:]
    lines = [line for block in blocks for line in block.split("```")[0].splitlines()]
    return [line for line in lines if line.startswith("raz ")]


def run(command: str) -> int:
    _, *arguments = shlex.split(command)
    return main([*arguments, "--depth", "1", "--reconnect", "0"])


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_sound_video(tmp_path / "clip.mp4", frames=10)


def test_every_kind_of_source_is_there() -> None:
    kinds = {command.split()[2].partition(":")[0] for command in commands()}
    assert kinds == {"clip.mp4", "-", "camera", "rtsp", "https"}


@pytest.mark.slow
@pytest.mark.parametrize("command", [line for line in commands() if "predict clip.mp4" in line])
def test_commands_on_files_run(command: str, clip: Path) -> None:
    assert run(command) == 0


@pytest.mark.slow
def test_a_video_on_standard_input_is_counted(
    clip: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    [command] = [line for line in commands() if "predict - " in line]
    command, _, name = command.partition(" < ")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(Path(name).read_bytes())))
    assert run(command) == 0
    assert len(json.loads(capsys.readouterr().out)) == 10


@pytest.mark.slow
@pytest.mark.parametrize("command", [line for line in commands() if "://" in line])
def test_commands_on_addresses_run(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_FIRST_PAUSE", 0.01)
    before = next(word for word in command.split() if "://" in word)
    data = transport_stream(0, 10)
    server = rtsp_video(data) if before.startswith("rtsp") else http_video([data])
    with server as served:
        address = served if isinstance(served, str) else served[0]
        assert run(command.replace(before, address)) == 0


def test_a_camera_that_is_not_there_is_bad_input(
    clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [command] = [line for line in commands() if "camera:" in line]
    assert run(command.replace("camera:0", "camera:99")) == 3
    assert "raz: camera:99: No such file or directory" in capsys.readouterr().err
