from __future__ import annotations

import os

import pytest

from raz.files import atomic_file


@pytest.fixture
def events(monkeypatch):
    """What is synchronised and renamed, in order."""
    seen = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(handle):
        seen.append("folder" if os.path.isdir(f"/proc/self/fd/{handle}") else "file")
        fsync(handle)

    def noted_replace(source, target, **options):
        seen.append("rename")
        replace(source, target, **options)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    return seen


def test_a_durable_file_is_synced_renamed_and_its_folder_synced(events, tmp_path) -> None:
    with atomic_file(tmp_path / "a", "wb", durable=True) as file:
        file.write(b"new")
    assert events == ["file", "rename", "folder"]
    assert (tmp_path / "a").read_bytes() == b"new"


def test_other_files_are_only_renamed(events, tmp_path) -> None:
    with atomic_file(tmp_path / "a") as file:
        file.write("new")
    assert events == ["rename"]


def test_a_file_that_is_replaced_keeps_who_may_read_it(tmp_path) -> None:
    path = tmp_path / "a"
    path.touch(0o600)
    with atomic_file(path) as file:
        file.write("new")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_system_without_modes_takes_files(tmp_path, monkeypatch) -> None:
    def refused(*arguments, **options):
        raise PermissionError(1, "Operation not permitted")

    path = tmp_path / "a"
    path.write_text("old")
    monkeypatch.setattr(os, "chmod", refused)
    with atomic_file(path) as file:
        file.write("new")
    assert path.read_text() == "new"


def test_what_is_written_is_never_open_to_more_than_the_old_file(tmp_path) -> None:
    path = tmp_path / "a"
    path.touch(0o600)
    with atomic_file(path) as file:
        assert os.fstat(file.fileno()).st_mode & 0o777 == 0o600


def test_the_longest_names_can_be_written(tmp_path) -> None:
    path = tmp_path / ("a" * 255)
    with atomic_file(path) as file:
        file.write("new")
    assert path.read_text() == "new"


def test_an_error_leaves_the_old_file_alone(tmp_path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="x"), atomic_file(path, durable=True) as file:  # noqa: PT012
        file.write("new")
        raise RuntimeError("x")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
