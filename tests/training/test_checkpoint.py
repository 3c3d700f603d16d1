from __future__ import annotations

import functools
import io
import resource
import tempfile
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raz.data.mix import STREAM
from raz.errors import WeightsError
from raz.models import get_model
from raz.training.checkpoint import (
    BEST,
    LAST,
    STATE,
    check_complete,
    check_images,
    check_recipe,
    check_stream,
    load_state,
    save_averaged,
    save_state,
    sweep,
)
from raz.training.config import make_config, recipe


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


STORED = {"step": 3, "weight": torch.arange(200.0), "recipe": {"seed": 1}}


@functools.cache
def stored(sealed: bool) -> bytes:
    """The bytes of a state; those of an earlier raz had no SHA-256 at their end."""
    if not sealed:
        file = io.BytesIO()
        torch.save(STORED, file)
        return file.getvalue()
    with tempfile.TemporaryDirectory() as folder:
        save_state(Path(folder, "state.pt"), STORED)
        return Path(folder, "state.pt").read_bytes()


def assert_refused(path) -> None:
    with pytest.raises(WeightsError) as caught:
        load_state(path)
    message = str(caught.value)
    assert message.startswith(f"{path} is damaged, so the run cannot go on from it")
    assert "weights_only" not in message
    assert "pickle" not in message
    assert "\n" not in message


once_for_all = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(data=st.data())
@once_for_all
def test_no_damaged_state_is_gone_on_from(data, tmp_path) -> None:
    content = bytearray(stored(True))
    place = data.draw(st.integers(0, len(content) - 1 - 76))
    content[place] ^= data.draw(st.integers(1, 255))
    path = tmp_path / "state.pt"
    path.write_bytes(content)
    assert_refused(path)


@given(data=st.data())
@once_for_all
def test_a_damaged_state_of_an_earlier_raz_is_told_by_its_own_checksums(data, tmp_path) -> None:
    content = bytearray(stored(False))
    weight = content.index(torch.arange(200.0).numpy().tobytes())
    content[weight + data.draw(st.integers(0, 799))] ^= data.draw(st.integers(1, 255))
    path = tmp_path / "state.pt"
    path.write_bytes(content)
    assert_refused(path)


@given(length=st.integers(0, len(stored(True)) - 1))
@once_for_all
def test_no_cut_state_is_gone_on_from(length, tmp_path) -> None:
    path = tmp_path / "state.pt"
    path.write_bytes(stored(True)[:length])
    if length < len(stored(False)):
        assert_refused(path)
        return
    state = load_state(path)  # only of the SHA-256 something is missing
    assert state is not None
    assert torch.equal(state["weight"], STORED["weight"])


@pytest.mark.parametrize("sealed", [True, False])
def test_whole_states_are_read(sealed, tmp_path) -> None:
    path = tmp_path / "state.pt"
    path.write_bytes(stored(sealed))
    state = load_state(path)
    assert state is not None
    assert torch.equal(state["weight"], STORED["weight"])
    # Tools that know nothing of the SHA-256 read the file as ever.
    assert torch.load(path, weights_only=True)["step"] == 3


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"no state at all", b"\x80\x02}q\x00.", bytes(500)]
)
def test_what_is_no_state_is_named(content, tmp_path) -> None:
    path = tmp_path / "state.pt"
    path.write_bytes(content)
    assert_refused(path)


@pytest.mark.parametrize("content", [[1], {"recipe": 1}, {"recipe": {1: 2}}, torch.ones(1)])
def test_a_file_of_something_else_is_named(content, tmp_path) -> None:
    path = tmp_path / "state.pt"
    torch.save(content, path)
    with pytest.raises(WeightsError, match=r"state\.pt holds no state of a training"):
        load_state(path)


def test_a_state_that_is_not_complete_is_named(tmp_path) -> None:
    with pytest.raises(WeightsError, match=r"holds no state of a training: ema is missing"):
        check_complete(tmp_path / "state.pt", {"recipe": {}, "model": {}})


class TestFullDisk:
    @pytest.fixture(autouse=True)
    def _little_room(self):
        """No file can grow beyond 8 KiB, as on a full disk."""
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        yield
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    def fill(self) -> None:
        most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, most))

    @pytest.mark.parametrize("numbers", [2000, 100_000])
    def test_a_state_is_named_in_one_line_and_the_old_one_kept(self, numbers, tmp_path) -> None:
        path = tmp_path / "state.pt"
        save_state(path, {"step": 1})
        self.fill()
        with pytest.raises(OSError, match="File too large") as caught:
            save_state(path, {"step": 2, "weight": torch.zeros(numbers)})
        assert caught.value.filename == str(path)
        assert load_state(path) == {"step": 1}
        assert list(tmp_path.iterdir()) == [path]

    def test_weights_are_named_too(self, tmp_path) -> None:
        path = tmp_path / "weights.safetensors"
        path.write_bytes(b"before")
        model = get_model("raznet_lite", weights=None)
        self.fill()
        with pytest.raises(OSError, match="File too large") as caught:
            save_averaged(model, path, {"step": "1"})
        assert caught.value.filename == str(path)
        assert path.read_bytes() == b"before"


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


def test_of_many_other_settings_the_first_are_named() -> None:
    old = {f"x{index}" + 100 * "y": 100 * "z" for index in range(20)}
    with pytest.raises(
        ValueError, match=r"x7y+\.\.\. was 'z+\.\.\., is None; and 12 others"
    ) as caught:
        check_recipe(old, {}, extend=False)
    assert "x8" not in str(caught.value)
    assert len(str(caught.value)) < 1500


@pytest.mark.parametrize(
    ("version", "named"), [(None, r"raz 0\.1\.0 or earlier"), ("0.2.0", r"raz 0\.2\.0")]
)
def test_the_refusal_names_the_version_that_wrote_the_checkpoint(version, named) -> None:
    with pytest.raises(ValueError, match=rf"seed was 1, is 2.* was written by {named}, this is"):
        check_recipe({"seed": 1}, {"seed": 2}, extend=False, version=version)


def test_settings_that_an_old_checkpoint_lacks_are_as_they_were() -> None:
    """A recipe of raz before `Schedule.decay`; a run that has one is another run."""
    now = recipe(make_config({"steps": 1}))
    before = {name: value for name, value in now.items() if name != "schedule.decay"}
    check_recipe(before, now, extend=False)
    decayed = recipe(make_config({"steps": 1, "schedule": {"decay": 0.5}}))
    with pytest.raises(ValueError, match=r"schedule\.decay was 0\.0, is 0\.5"):
        check_recipe(before, decayed, extend=False)


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


def test_other_images_are_refused() -> None:
    old = {"a": [3, "d1"], "b": [2, "d2"]}
    check_images(old, dict(old))
    for now, words in (
        (old | {"b": [4, "d3"]}, "other images of b: 2 then, 4 now"),
        (old | {"a": [3, "d3"]}, "other images of a: 3 then, 3 now, of other names"),
        ({"a": [3, "d1"]}, "other images of b: 2 then, 0 now"),
        (old | {"c": [1, "d4"]}, "other images of c: 0 then, 1 now"),
    ):
        with pytest.raises(ValueError, match=words):
            check_images(old, now)


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
