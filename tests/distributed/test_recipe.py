"""What workers build their predictors from."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

import raz
from raz.distributed.recipe import Recipe
from raz.io.rasters import Reading
from raz.models import get_model


@pytest.mark.parametrize(
    "other",
    [
        {"model": "raznet_vgg16"},
        {"weights": None},
        {"settings": raz.ZoomSettings(depth=1)},
        {"max_pixels": 100},
        {"reading": Reading(bits=12)},
    ],
)
def test_the_fingerprint_tells_what_results_depend_on(other: dict[str, Any]) -> None:
    assert Recipe(**other).fingerprint() != Recipe().fingerprint()


def test_the_fingerprint_does_not_tell_the_device_and_survives_a_process() -> None:
    recipe = Recipe(device="cpu")
    assert recipe.fingerprint() == Recipe(device="cuda").fingerprint()
    assert pickle.loads(pickle.dumps(recipe)).fingerprint() == recipe.fingerprint()


def test_a_weights_file_is_told_by_its_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "weights.safetensors"
    file.write_bytes(b"one")
    monkeypatch.chdir(tmp_path)
    recipe = Recipe(weights=file.name)
    assert recipe.weights == str(file)  # a worker may have another working directory
    before = recipe.fingerprint()
    file.write_bytes(b"two")
    assert recipe.fingerprint() != before


def test_a_model_has_a_name() -> None:
    with pytest.raises(TypeError, match="model is RAZNet; it must be a name"):
        Recipe(get_model("raznet_lite"))  # type: ignore[arg-type]
