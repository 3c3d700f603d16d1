"""What is noted as done, against the files of results: no Ray is needed for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from raz.distributed.checkpoint import checkpoint_of
from raz.distributed.storage import place_of
from raz.errors import InputError

pytest.importorskip("pyarrow")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Two files of results and a broken one, as Ray names them and its notes, by settings "a"."""
    (tmp_path / "results").mkdir()
    (tmp_path / "results.checkpoint" / "a").mkdir(parents=True)
    for name, note in (("x_0", "x_0"), ("x_1", "x_1"), ("x_2", "x_2.pending")):
        (tmp_path / "results" / f"{name}-0.parquet").touch()
        (tmp_path / "results.checkpoint" / "a" / f"{note}.parquet").touch()
    return tmp_path / "results"


def notes(results: Path, settings: str) -> set[str]:
    place = checkpoint_of(place_of(results), None, settings)
    assert place.name == f"{results}.checkpoint/{settings}"
    return {file.name for file in Path(place.path).glob("*")}


def test_notes_are_kept_as_long_as_their_files_are_there(results: Path) -> None:
    (results / "_SUCCESS").touch()
    assert notes(results, "a") == {"x_0.parquet", "x_1.parquet", "x_2.pending.parquet"}


def test_what_is_noted_of_a_file_that_is_gone_is_computed_again(results: Path) -> None:
    (results / "x_1-0.parquet").unlink()
    assert notes(results, "a") == {"x_0.parquet", "x_2.pending.parquet"}
    for file in results.iterdir():
        file.unlink()
    assert notes(results, "a") == set()


def test_results_of_other_settings_are_refused_though_these_wrote_here_before(
    results: Path,
) -> None:
    for file in results.iterdir():
        file.unlink()
    assert notes(results, "b") == set()
    (results / "y_0-0.parquet").touch()
    (Path(f"{results}.checkpoint") / "b").mkdir()
    (Path(f"{results}.checkpoint") / "b" / "y_0.parquet").touch()
    with pytest.raises(InputError, match="holds files already") as caught:
        notes(results, "a")
    assert "y_0-0.parquet has results of this model" in str(caught.value)
    assert notes(results, "b") == {"y_0.parquet"}


def test_a_file_of_something_else_is_named(results: Path) -> None:
    (results / "notes.txt").touch()
    with pytest.raises(InputError, match=r"does not tell that notes\.txt has results"):
        notes(results, "a")
