"""Files of torch.save, read without trust."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import torch

from raz.errors import WeightsError
from raz.models.torch_files import DamagedFileError, ForeignFileError, read_torch_file
from raz.models.weights import read_weights

STATE = OrderedDict(a=torch.arange(4.0), b=torch.nn.Parameter(torch.ones(2).half()))


def written(content: object, *, legacy: bool = False) -> io.BytesIO:
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=not legacy)
    return file


def entries(file: io.BytesIO) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def archive(content: list[tuple[str, bytes]], **options: int) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as opened:  # type: ignore[call-overload]
        for name, each in content:
            opened.writestr(name, each)
    return file


@pytest.mark.parametrize("legacy", [False, True])
def test_tensors_and_plain_values_are_read(legacy: bool) -> None:
    content = {
        "state": STATE,
        "numbers": [1, 2.5, None, "x", True],
        "double": torch.ones(1, 1).double(),
    }
    found = read_torch_file(written(content, legacy=legacy), legacy=True)
    assert isinstance(found, dict)
    assert torch.equal(found["state"]["a"], STATE["a"])
    assert found["state"]["b"].dtype == torch.float16
    assert found["numbers"] == content["numbers"]


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize(
    "content", [bytearray(9), {1, 2}, Path("x"), complex(1, 2), torch.nn.Linear(1, 1)]
)
def test_what_is_more_than_tensors_is_named(content: object, legacy: bool) -> None:
    with pytest.raises(ForeignFileError, match="it holds more than tensors: "):
        read_torch_file(written({"a": content}, legacy=legacy), legacy=True)


def test_a_number_asks_for_no_memory() -> None:
    """bytearray(10**10) in a few bytes: torch.load would make it."""
    bomb = b"\x80\x02cbuiltins\nbytearray\n\x8a\x05\x00\xe4\x0bT\x02\x85R."
    held = entries(written(STATE))
    name = next(name for name in held if name.endswith("data.pkl"))
    for file in (io.BytesIO(bomb), archive([*(held | {name: bomb}).items()])):
        with pytest.raises(ForeignFileError, match="more than tensors: builtins bytearray"):
            read_torch_file(file, legacy=True)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("archive/data.pkl", "holds a name twice"),
        ("ARCHIVE/Data.pkl", "holds a name twice"),
        ("archive/../x", "lead out of it"),
        ("/x", "lead out of it"),
        ("x/", "holds a folder"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_archive_of_other_names_than_torch_writes_is_refused(name: str, reason: str) -> None:
    held = entries(written(STATE))
    with pytest.raises(ForeignFileError, match=reason):
        read_torch_file(archive([*held.items(), (name, b"")]))


def test_an_entry_whose_name_begins_with_nul_is_refused() -> None:
    content = written(STATE).getvalue().replace(b"archive/data/0", b"\0rchive/data/0")
    with pytest.raises(ForeignFileError, match="without a name"):
        read_torch_file(io.BytesIO(content))


def test_a_folder_of_which_torch_would_read_nothing_is_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened:
        for name, content in entries(written(STATE)).items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0x10 if name.endswith("data/0") else 0
            opened.writestr(entry, content)
    with pytest.raises(ForeignFileError, match="holds a folder"):
        read_torch_file(file)


def test_no_changed_bit_of_the_directory_changes_what_is_read() -> None:
    whole = written(STATE).getvalue()
    read = 0
    for place in range(whole.index(b"PK\1\2"), len(whole)):
        for bit in range(8):
            changed = bytearray(whole)
            changed[place] ^= 1 << bit
            try:
                found = read_torch_file(io.BytesIO(changed))
            except (DamagedFileError, ForeignFileError):
                continue
            assert isinstance(found, dict)
            assert all(torch.equal(found[name], STATE[name]) for name in STATE), (place, bit)
            read += 1
    assert read > 100  # times, versions and comments are nobody's content


def test_a_program_is_no_weights_file() -> None:
    held = [*entries(written(STATE)).items(), ("archive/constants.pkl", b"\x80\x02).")]
    with pytest.raises(ForeignFileError, match="it is a program of TorchScript"):
        read_torch_file(archive(held))


def test_a_compressed_archive_is_not_unpacked() -> None:
    held = [*entries(written(STATE)).items(), ("archive/data/9", bytes(10**7))]
    with pytest.raises(ForeignFileError, match="compressed"):
        read_torch_file(archive(held, compression=zipfile.ZIP_DEFLATED))


def test_a_pickle_before_an_archive_is_not_read_as_that_archive() -> None:
    bomb = b"\x80\x02cbuiltins\nbytearray\nK\x09\x85R."
    with pytest.raises(ForeignFileError, match="bytearray"):
        read_torch_file(io.BytesIO(bomb + written(STATE).getvalue()), legacy=True)


def test_endless_operations_end() -> None:
    with pytest.raises(ForeignFileError, match="more than 1000000 operations"):
        read_torch_file(io.BytesIO(b"\x80\x02" + b"]0" * 600_000 + b"N."), legacy=True)


def test_what_is_no_archive_is_damaged() -> None:
    whole = written(STATE).getvalue()
    for content in (whole[:-10], b"", b"PK\3\4", whole[4:]):
        with pytest.raises(DamagedFileError):
            read_torch_file(io.BytesIO(content))


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    for name, start in (("a.pth", b"PK\3\4"), ("a.safetensors", b"{")):
        path = tmp_path / name
        path.write_bytes(start)
        with path.open("r+b") as file:
            file.truncate((4 << 30) + 1)
        with pytest.raises(WeightsError, match="it has 4294967297 bytes; at most 4294967296"):
            read_weights(path)


@pytest.mark.parametrize("operation", [b"\x8b\xff\xff\xff\x7f", b"\x8d" + b"\xff" * 7 + b"\x00"])
def test_a_length_in_a_pickle_makes_no_room(operation: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(b"\x80\x04" + operation + b".")
    tracemalloc.start()
    with path.open("rb") as file, pytest.raises(ForeignFileError, match="did not write it"):
        read_torch_file(file, legacy=True)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 10**7


def test_a_member_before_the_beginning_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", b"\x80\x02N.")
    content = bytearray(path.read_bytes())
    content[-6] += 4  # where the directory is said to begin
    path.write_bytes(content)
    with path.open("rb") as opened, pytest.raises(DamagedFileError, match="cannot be read"):
        read_torch_file(opened)
