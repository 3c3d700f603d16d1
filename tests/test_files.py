from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys

import pytest

from raz import files
from raz.files import atomic_file, file_identity


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


@pytest.mark.parametrize("moment", ["_opened", "_keep_mode"])
def test_a_signal_while_it_is_opened_leaves_nothing(tmp_path, monkeypatch, moment: str) -> None:
    original = getattr(files, moment)

    def interrupted(*arguments: object) -> None:
        opened = original(*arguments)
        if opened is not None:
            opened.close()
        raise KeyboardInterrupt

    monkeypatch.setattr(files, moment, interrupted)
    with pytest.raises(KeyboardInterrupt), atomic_file(tmp_path / "a.txt") as file:
        file.write("never")
    assert not list(tmp_path.iterdir())


def test_a_rest_that_cannot_be_kept_leaves_nothing(tmp_path) -> None:
    place = tmp_path / "missing" / "a.partial"
    with (  # noqa: PT012
        pytest.raises(RuntimeError, match="x"),
        atomic_file(tmp_path / "a", rest=lambda: place) as file,
    ):
        file.write("some")
        raise RuntimeError("x")
    assert not list(tmp_path.iterdir())


def test_an_error_leaves_the_old_file_alone(tmp_path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="x"), atomic_file(path, durable=True) as file:  # noqa: PT012
        file.write("new")
        raise RuntimeError("x")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture
def little_room():
    """No file can grow beyond 4,096 bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [5000, 100_000])  # told when the file is closed, or written to
@pytest.mark.parametrize("durable", [True, False])
def test_a_full_disk_is_told_by_the_name_of_the_file(little_room, tmp_path, size, durable) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with (
        pytest.raises(OSError, match="File too large") as caught,
        atomic_file(path, "wb", durable=durable) as file,
    ):
        file.write(bytes(size))
    assert caught.value.filename == str(path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link"])
def test_what_the_shell_has_opened_is_written_as_it_was_opened(name, tmp_path) -> None:
    (tmp_path / "link").symlink_to("/dev/stdout")
    path = tmp_path / "all.txt"
    path.write_text("old\n")
    program = (
        "from raz.files import atomic_file\n"
        f"with atomic_file({name!r}) as file: file.write('new\\n')\n"
        "print('after')"
    )
    with path.open("a") as out:
        subprocess.run([sys.executable, "-c", program], stdout=out, cwd=tmp_path, check=True)
    assert path.read_text() == "old\nnew\nafter\n"


def test_a_file_that_is_not_open_is_told_by_its_name() -> None:
    with pytest.raises(OSError, match="Bad file") as caught, atomic_file("/dev/fd/987"):
        pass
    assert caught.value.filename == "/dev/fd/987"


def test_links_that_lead_in_a_circle_are_told_by_their_name(tmp_path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="symbolic links") as caught, atomic_file(tmp_path / "a"):
        pass
    assert caught.value.filename == str(tmp_path / "a")
    assert (tmp_path / "a").is_symlink()


def test_a_full_device_is_told_by_its_name() -> None:
    with pytest.raises(OSError, match="No space left") as caught, atomic_file("/dev/full") as file:
        file.write("new")
    assert caught.value.filename == "/dev/full"


def test_a_name_that_cannot_be_replaced_is_told_as_it_was_given(tmp_path, monkeypatch) -> None:
    def refused(*arguments, **options):
        raise PermissionError(1, "Operation not permitted", ".hidden.part")

    path = tmp_path / "a"
    monkeypatch.setattr(os, "replace", refused)
    with pytest.raises(PermissionError) as caught, atomic_file(path) as file:
        file.write("new")
    assert caught.value.filename == str(path)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(params=[errno.EBUSY, errno.EPERM])
def mounted(request, monkeypatch, tmp_path):
    """A file whose content can be replaced, but not its name."""

    def refused(*arguments, **options):
        raise OSError(request.param, os.strerror(request.param), ".hidden.part")

    monkeypatch.setattr(os, "replace", refused)
    path = tmp_path / "a"
    path.write_text("old content")
    return path


@pytest.mark.parametrize("durable", [True, False])
def test_a_file_whose_name_cannot_be_replaced_gets_the_content(mounted, durable) -> None:
    file_before = mounted.stat().st_ino
    with atomic_file(mounted, durable=durable) as file:
        file.write("new")
    assert mounted.read_text() == "new"
    assert mounted.stat().st_ino == file_before
    assert list(mounted.parent.iterdir()) == [mounted]


def test_a_copy_that_fails_leaves_what_was_written_and_says_where(mounted, monkeypatch) -> None:
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("shutil.copyfileobj", full)
    with pytest.raises(OSError, match="No space left") as caught, atomic_file(mounted) as file:
        file.write("new")
    [whole] = (path for path in mounted.parent.iterdir() if path != mounted)
    assert caught.value.filename == str(mounted)
    assert str(whole) in caught.value.strerror
    assert whole.read_text() == "new"


@pytest.mark.parametrize("mode", ["w", "wb"])
def test_a_full_disk_names_the_file(mode, tmp_path) -> None:
    resource = pytest.importorskip("resource")
    path = tmp_path / "a"
    path.write_text("old")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limit[1]))
    try:
        with pytest.raises(OSError, match="too large") as raised, atomic_file(path, mode) as file:
            file.write("new" * 10 if mode == "w" else b"new" * 10)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert raised.value.filename == str(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_names_of_one_file_are_one(tmp_path) -> None:
    path = tmp_path / "a.png"
    assert file_identity(path) == file_identity(tmp_path / "A.PNG")  # neither is there
    assert file_identity(path) == file_identity(f"{tmp_path}/no/../a.png")
    path.touch()
    (tmp_path / "symbolic").symlink_to("a.png")
    (tmp_path / "hard").hardlink_to(path)
    names = (path, "symbolic", "hard", "./no/../a.png")
    assert len({file_identity(tmp_path / name) for name in names}) == 1
    assert file_identity(path) != file_identity(tmp_path / "b.png")
    assert file_identity(tmp_path / "a" / "x") != file_identity(tmp_path / "b" / "x")
    assert file_identity("/dev/null") is None
