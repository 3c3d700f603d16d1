"""MATLAB files of version 5 and 7.3, and points in structs of one's own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import published
from raz.data import AnnotatedFolder, ShanghaiTech, open_data_set
from raz.data.matlab import read_ann_points, read_matlab, stated_ann_number
from raz.data.shanghaitech import read_points
from raz.errors import InputError

pytest.importorskip("scipy.io")

POINTS = np.array([[12.5, 30.0], [1.25, 2.0], [7.0, 8.0]])


def cell(*values: Any) -> np.ndarray:
    """A 1 x n cell array, as SciPy writes one."""
    cells = np.empty((1, len(values)), dtype=object)
    for place, value in enumerate(values):
        cells[0, place] = value
    return cells


def write_hdf5(path: Path, variables: dict[str, Any]) -> None:
    """Write MATLAB's version 7.3: cells are references into the group "#refs#", axes reversed."""
    h5py = pytest.importorskip("h5py")
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w", userblock_size=512) as file:
        references = file.create_group("#refs#")

        def write(group: Any, name: str, value: Any) -> Any:
            if isinstance(value, dict):
                inner = group.create_group(name)
                inner.attrs["MATLAB_class"] = np.bytes_("struct")
                for key, each in value.items():
                    write(inner, key, each)
                return inner
            if isinstance(value, str):
                codes = np.array([[ord(letter)] for letter in value], dtype=np.uint16)
                data = group.create_dataset(name, data=codes)
                data.attrs["MATLAB_class"] = np.bytes_("char")
                return data
            value = np.atleast_2d(np.asarray(value, dtype=None if is_cell(value) else float))
            if is_cell(value):
                refs = np.empty(value.T.shape, dtype=h5py.ref_dtype)
                for number, each in enumerate(value.ravel()):
                    refs.ravel()[number] = write(references, f"r{len(references)}", each).ref
                data = group.create_dataset(name, data=refs, dtype=h5py.ref_dtype)
                data.attrs["MATLAB_class"] = np.bytes_("cell")
            elif value.size == 0:
                shape = np.array(value.shape, dtype=np.uint64)
                data = group.create_dataset(name, data=shape)
                data.attrs["MATLAB_class"] = np.bytes_("double")
                data.attrs["MATLAB_empty"] = np.uint8(1)
            else:
                data = group.create_dataset(name, data=value.T)
                data.attrs["MATLAB_class"] = np.bytes_("double")
            return data

        for key, each in variables.items():
            write(file, key, each)
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")


def is_cell(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype == object


WRITERS = {"5": published.write_mat, "7.3": write_hdf5}


def structs(points: np.ndarray) -> dict[str, dict[str, Any]]:
    """Where people put points."""
    number = {"number": len(points)}
    return {
        "annPoints": {"annPoints": points, **number},
        "cell of struct": {"image_info": cell({"location": points, **number})},
        "struct": {"image_info": {"location": points, **number}},
        "cell": {"points": cell(points)},
        "deep": {"set": {"image": cell({"gt": {"Points": points, **number}})}},
        "x and y": {"heads": {"x": points[:, 0], "y": points[:, 1], "by": "me"}},
        "other variables": {"points": points, "size": [480, 640], "name": "a.jpg"},
    }


@pytest.mark.parametrize("version", WRITERS)
@pytest.mark.parametrize("layout", structs(POINTS))
@pytest.mark.parametrize("number", [3, 1, 2])
def test_points_are_found_in_any_struct(
    tmp_path: Path, version: str, layout: str, number: int
) -> None:
    path = tmp_path / "a.mat"
    WRITERS[version](path, structs(POINTS[:number])[layout])
    points = read_ann_points(path)
    assert (points.dtype, points.tolist()) == (np.float32, POINTS[:number].tolist())
    stated = "number" in str(structs(POINTS)[layout])
    assert stated_ann_number(path) == (number if stated else None)
    if layout == "annPoints":  # they are other data sets' points
        with pytest.raises(InputError, match="no location in it"):
            read_points(path)
    else:
        assert read_points(path).tolist() == POINTS[:number].tolist()


@pytest.mark.parametrize("version", WRITERS)
def test_no_points_are_no_heads(tmp_path: Path, version: str) -> None:
    path = tmp_path / "a.mat"
    WRITERS[version](path, {"annPoints": np.zeros((0, 2)), "number": 0})
    assert read_ann_points(path).shape == (0, 2)


@pytest.mark.parametrize("version", WRITERS)
@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"info": np.zeros((4, 2))}, "no annPoints in it, nor points of another usual name"),
        ({"points": POINTS, "gt": POINTS}, r"holds points in 2 places \(gt, points\); keep one"),
        ({"points": cell(POINTS, POINTS)}, r"holds points in 2 places \(points\{1\}, po"),
        ({"gt": {"points": np.zeros((4, 3))}}, r"gt\.points: has shape \(4, 3\)"),
        ({"points": np.array([[1, np.nan]])}, "points: holds a NaN or an infinity"),
        ({"points": "none"}, "points: holds no numbers"),
    ],
)
def test_what_is_unclear_is_named(
    tmp_path: Path, version: str, variables: dict[str, Any], words: str
) -> None:
    path = tmp_path / "a.mat"
    WRITERS[version](path, variables)
    with pytest.raises(InputError, match=rf"a\.mat: {words}"):
        read_ann_points(path)


def test_annpoints_go_before_other_names(tmp_path: Path) -> None:
    published.write_mat(tmp_path / "a.mat", {"annPoints": POINTS, "points": POINTS[:1]})
    assert len(read_ann_points(tmp_path / "a.mat")) == 3


def test_an_array_of_structs_with_x_and_y(tmp_path: Path) -> None:
    heads = np.array([(1.5, 2.0), (3.0, 4.0)], dtype=[("x", float), ("y", float)])
    published.write_mat(tmp_path / "a.mat", {"heads": heads})
    assert read_ann_points(tmp_path / "a.mat").tolist() == [[1.5, 2], [3, 4]]


def test_shanghaitech_of_version_7_3(tmp_path: Path) -> None:
    published.shanghaitech(tmp_path)
    before = ShanghaiTech(tmp_path)
    points = [before.points(index).tolist() for index in range(len(before))]
    for index in range(len(before)):
        write_hdf5(
            before.truth_path(index),
            {"image_info": cell({"location": np.array(points[index]), "number": 2})},
        )
    after = ShanghaiTech(tmp_path)
    assert [after.points(index).tolist() for index in range(len(after))] == points
    assert after.stated_count(0) == 2


def test_without_h5py_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_hdf5(tmp_path / "a.mat", {"annPoints": POINTS})
    monkeypatch.setitem(sys.modules, "h5py", None)
    words = r'a\.mat: MATLAB files of version 7\.3 need h5py: pip install "\.\[matlab\]"'
    with pytest.raises(ImportError, match=words):
        read_matlab(tmp_path / "a.mat")


def test_a_small_file_of_a_huge_array_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scipy.io import savemat

    savemat(tmp_path / "5.mat", {"annPoints": np.zeros((5000, 2))}, do_compression=True)
    write_hdf5(tmp_path / "7.mat", {"annPoints": np.zeros((5000, 2))})
    for name in ("5.mat", "7.mat"):
        assert len(read_ann_points(tmp_path / name)) == 5000
    monkeypatch.setattr("raz.data.matlab._MOST_NUMBERS", 9_999)
    for name, words in (("5", "has 80,... bytes; 79,992"), ("7", "has 10,000 numbers; 9,999")):
        with pytest.raises(InputError, match=f"{name}.mat: not a readable .*{words} are read"):
            read_ann_points(tmp_path / f"{name}.mat")


def test_a_truncated_file_of_version_7_3_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    write_hdf5(path, {"annPoints": POINTS})
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(InputError, match=r"a\.mat: not a readable MATLAB file"):
        read_matlab(path)


@pytest.mark.parametrize("version", WRITERS)
@pytest.mark.parametrize("form", ["{}.mat", "GT_{}.mat", "{}_ann.mat", "GT_{}.MAT"])
@pytest.mark.parametrize("place", ["", "points"])
def test_own_folder(tmp_path: Path, version: str, form: str, place: str) -> None:
    for number, name in enumerate(("left", "right"), start=1):
        published.write_image(tmp_path / f"{name}.jpg", number)
        variables = structs(POINTS[:number])["struct"]
        WRITERS[version](tmp_path / place / form.format(name), variables)
    samples = open_data_set(tmp_path)
    assert isinstance(samples, AnnotatedFolder)
    assert [len(samples.points(index)) for index in range(2)] == [1, 2]
    assert [samples.stated_count(index) for index in range(2)] == [1, 2]
    assert samples.lone_truth() == ()
    samples.image_path(0).unlink()
    lone = str(tmp_path / place / form.format("left"))
    assert open_data_set(tmp_path).lone_truth() == (lone,)
