from __future__ import annotations

from pathlib import Path

import pytest

import raz
from raz.export import export_onnx
from raz.models import RAZNet


@pytest.fixture(scope="session")
def lite() -> RAZNet:
    return raz.get_model("raznet_lite")


@pytest.fixture(scope="session")
def lite_file(lite: RAZNet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_onnx(lite, tmp_path_factory.mktemp("onnx") / "net.onnx")
