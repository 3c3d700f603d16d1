from __future__ import annotations

from pathlib import Path

import pytest
import torch

from raz.cli.main import main
from raz.models import raznet_lite


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, Path]]:
    calls: list[tuple[str, str, Path]] = []
    for kind in ("onnx", "torch"):

        def export(model: object, path: Path, kind: str = kind) -> Path:
            calls.append((kind, model.architecture, path))  # type: ignore[attr-defined]
            return path

        monkeypatch.setattr(f"raz.export.export_{kind}", export)
    return calls


@pytest.mark.parametrize(
    ("name", "options", "kind"),
    [
        ("a.onnx", [], "onnx"),
        ("a.pt2", [], "torch"),
        ("a.bin", ["--format", "onnx"], "onnx"),
        ("a.onnx", ["--format", "torch"], "torch"),
    ],
)
def test_the_format_is_told_by_the_suffix_or_said(
    exported: list[tuple[str, str, Path]],
    capsys: pytest.CaptureFixture[str],
    name: str,
    options: list[str],
    kind: str,
) -> None:
    assert main(["export", "raznet_lite", "--output", name, *options]) == 0
    assert exported == [(kind, "raznet_lite", Path(name))]
    assert capsys.readouterr().out == f"{name}\n"


def test_an_unknown_suffix_or_model_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "raznet_lite", "--output", "a.bin"]) == 2
    assert ".onnx, .pt2" in capsys.readouterr().err
    assert main(["export", "alexnet", "--output", "a.onnx"]) == 2
    assert "alexnet" in capsys.readouterr().err


def test_missing_weights_have_their_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "raznet_lite", "--output", "a.onnx", "--weights", "none.pth"]) == 4
    assert "none.pth" in capsys.readouterr().err


def test_weights_that_are_not_numbers_are_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    state = raznet_lite().state_dict()
    state["counting.output.bias"] = torch.tensor([torch.nan])
    path = tmp_path / "diverged.pth"
    torch.save(state, path)
    assert main(["export", "raznet_lite", "--output", "a.onnx", "--weights", str(path)]) == 4
    message = capsys.readouterr().err
    assert str(path) in message
    assert "counting.output.bias holds 1 values that are not finite, such as nan" in message
