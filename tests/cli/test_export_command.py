from __future__ import annotations

from pathlib import Path

import pytest

from raz.cli.main import main


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
