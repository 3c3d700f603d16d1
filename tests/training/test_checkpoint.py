from __future__ import annotations

import pytest
import torch

from raz.data.mix import STREAM
from raz.models import get_model
from raz.training.checkpoint import (
    BEST,
    LAST,
    STATE,
    check_recipe,
    check_stream,
    load_state,
    save_averaged,
    save_state,
    sweep,
)


def test_round_trip(tmp_path) -> None:
    path = tmp_path / STATE
    save_state(path, {"step": 3, "weight": torch.ones(2)})
    state = load_state(path)
    assert state is not None
    assert state["step"] == 3
    assert torch.equal(state["weight"], torch.ones(2))
    assert list(path.parent.iterdir()) == [path]


def test_no_file(tmp_path) -> None:
    assert load_state(tmp_path / STATE) is None


def test_a_failed_write_keeps_the_old_file(tmp_path) -> None:
    path = tmp_path / "state.pt"
    save_state(path, {"step": 1})

    class Unwritable:
        def __reduce__(self):
            raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError, match="interrupted"):
        save_state(path, {"step": 2, "bad": Unwritable()})
    assert load_state(path) == {"step": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_averaged_weights_load_in_full_precision(tmp_path) -> None:
    model = get_model("raznet_lite", weights=None)
    save_averaged(model, tmp_path / LAST, {"step": "1"})
    loaded = get_model("raznet_lite", weights=tmp_path / LAST).state_dict()
    assert all(torch.equal(value, loaded[name]) for name, value in model.state_dict().items())


def test_what_was_half_written_is_swept_and_nothing_else(tmp_path) -> None:
    (tmp_path / "best").mkdir()
    (tmp_path / "last").mkdir()
    kept = [tmp_path / STATE, tmp_path / BEST, tmp_path / "last" / "mine.part"]
    torn = [tmp_path / "last" / ".state.pt.0a.part", tmp_path / "best" / f".{BEST.name}.1b.part"]
    for path in kept + torn:
        path.touch()
    sweep(tmp_path)
    assert all(path.exists() for path in kept)
    assert not any(path.exists() for path in torn)


def test_other_settings_are_refused_by_name() -> None:
    check_recipe({"seed": 1}, {"seed": 1}, extend=False)
    with pytest.raises(ValueError, match="seed was 1, is 2; steps was None, is 5"):
        check_recipe({"seed": 1}, {"seed": 2, "steps": 5}, extend=False)
    with pytest.raises(ValueError, match=r"other settings: seed was 1, is 2\. "):
        check_recipe({"seed": 1}, {"seed": 2, "steps": 5}, extend=True)
    check_recipe({"steps": 1}, {"steps": 5}, extend=True)


@pytest.mark.parametrize(
    ("version", "named"), [(None, r"raz 0\.1\.0 or earlier"), ("0.2.0", r"raz 0\.2\.0")]
)
def test_the_refusal_names_the_version_that_wrote_the_checkpoint(version, named) -> None:
    with pytest.raises(ValueError, match=rf"seed was 1, is 2.* was written by {named}, this is"):
        check_recipe({"seed": 1}, {"seed": 2}, extend=False, version=version)


def test_settings_of_an_old_checkpoint_have_their_present_names(tmp_path) -> None:
    old = {"validation.pictures": 4, "validation.reading": "density", "stages[0].reading": "fusion"}
    save_state(tmp_path / STATE, {"recipe": old | {"crops.size": 64}})
    state = load_state(tmp_path / STATE)
    assert state is not None
    assert state["recipe"] == {
        "validation.limit": 4,
        "validation.estimate": "density",
        "stages[0].estimate": "fusion",
        "crops.size": 64,
    }


def test_other_crops_are_refused() -> None:
    check_stream(STREAM, version="0.2.0")
    with pytest.raises(
        ValueError, match=r"written by raz 0\.1\.0 or earlier with crops of kind 1,"
    ):
        check_stream(None)
    with pytest.raises(
        ValueError, match=r"cuts other crops .* written by raz 9\.0 with .* kind 9,"
    ):
        check_stream(9, version="9.0")
