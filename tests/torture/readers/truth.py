"""Ground truth of data sets: MATLAB's files, and the texts of published layouts."""

from __future__ import annotations

import io
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from images import scene
from raz.data import AnnotatedFolder, JHUCrowd, NWPUCrowd
from raz.data.check import check
from raz.data.matlab import as_points, find_points, read_ann_points, read_matlab, stated_ann_number
from raz.data.shanghaitech import read_points
from raz.data.truth import require_sense
from raz.errors import InputError

from .points import LABELME, OBJECT, document
from .reader import Reader, placed

CUT = b"\n====\n"
"""Between the files of an input of several."""


def read_mat(data: bytes, folder: Path) -> None:
    path = placed(data, folder, "in.mat")
    tree = read_matlab(path)
    assert isinstance(tree, dict)
    for reads in (read_ann_points, stated_ann_number, read_points):
        with suppress(InputError):
            found = reads(path)
            if isinstance(found, np.ndarray):
                check_points(found)
    found = find_points(tree, path, "annPoints")
    check_points(as_points(found.values, f"{path}: {found.place}"))


def check_points(points: Any) -> None:
    assert points.dtype == np.float32
    assert points.ndim == 2
    assert points.shape[1] == 2
    assert np.isfinite(points).all()


def read_jhu(data: bytes, folder: Path) -> None:
    points, _, labels = data.partition(CUT)
    (folder / "train" / "images").mkdir(parents=True)
    (folder / "train" / "gt").mkdir()
    placed(photograph(), folder / "train" / "images", "0001.jpg")
    placed(points, folder / "train" / "gt", "0001.txt")
    placed(labels, folder / "train", "image_labels.txt")
    examine(JHUCrowd(folder))


def read_nwpu(data: bytes, folder: Path) -> None:
    points, _, listed = data.partition(CUT)
    for name in ("images", "jsons"):
        (folder / name).mkdir()
    placed(photograph(), folder / "images", "0001.jpg")
    placed(points, folder / "jsons", "0001.json")
    placed(listed, folder, "train.txt")
    examine(NWPUCrowd(folder))


def read_table(data: bytes, folder: Path) -> None:
    placed(photograph(), folder, "a.jpg")
    placed(data, folder, "points.json")
    examine(AnnotatedFolder(folder))


def read_beside(data: bytes, folder: Path) -> None:
    placed(photograph(), folder, "a.jpg")
    placed(data, folder, "a.json")
    examine(AnnotatedFolder(folder))


def examine(samples: Any) -> None:
    """Everything that `raz data check` does: what is bad is told in its report."""
    report = check({"train": samples}, threads=1)["train"]
    assert report.images == len(samples)
    assert 0 <= report.good <= report.images
    assert report.outside <= report.heads
    assert all(each.message.startswith(each.file) for each in report.bad)
    if report.images == 1 and not report.bad:
        check_points(samples.points(0))
        boxes = samples.boxes(0) if not report.notes else None
        assert boxes is None or np.isfinite(boxes).all()
        samples.stated_size(0)
        stated = samples.stated_count(0)
        assert stated is None or isinstance(stated, int)
    with suppress(InputError):
        require_sense(samples)


@cache
def photograph() -> bytes:
    file = io.BytesIO()
    Image.fromarray(scene()).save(file, "JPEG", quality=20)
    return file.getvalue()


@cache
def mats() -> list[bytes]:
    from scipy.io import savemat

    info = np.empty((1, 1), dtype=object)
    info[0, 0] = {"location": [[12.5, 30.0]], "number": [[1]]}
    rows = np.array([(1.0, 2.0), (3.0, 4.0)], dtype=[("x", "f8"), ("y", "f8")])
    found = []
    for content in (
        {"annPoints": [[12.5, 30.0], [1, 2]], "number": 2},
        {"image_info": info},
        {"points": rows},
        {"gt": {"heads": np.zeros((0, 2)), "by": "me", "count": np.int32(0)}},
        {"dots": np.array([[1, 2]], dtype=np.uint8), "name": "a.jpg"},
    ):
        for compressed in (False, True):
            file = io.BytesIO()
            savemat(file, content, do_compression=compressed)
            found.append(file.getvalue())
    file = io.BytesIO()
    savemat(file, {"annPoints": [[12.5, 30.0]]}, format="4")
    return [*found, file.getvalue()]


@cache
def hdf5s() -> list[bytes]:
    import h5py

    found = []
    for nested in (False, True):
        file = io.BytesIO()
        with h5py.File(file, "w", userblock_size=512) as mat:
            points = mat.create_dataset(
                "annPoints" if not nested else "x/y", data=[[1.0, 2], [3, 4]]
            )
            points.attrs["MATLAB_class"] = np.bytes_("double")
            if nested:
                cells = mat.create_dataset("image_info", (1, 1), h5py.ref_dtype)
                group = mat.create_group("#refs#/a")
                group["location"] = [[1.0], [2.0]]
                cells[0, 0] = group.ref
                mat["name"] = np.frombuffer(b"a\0b\0", np.uint16)
                mat["name"].attrs["MATLAB_class"] = np.bytes_("char")
        found.append(file.getvalue())
    return found


def jhu() -> list[bytes]:
    return [b"12.5 30 8 10 1 0\n1 2 3 4 0 0\n" + CUT + b"0001,2,street,0,0\n"]


def nwpu() -> list[bytes]:
    values = {"points": [[12.5, 3]], "boxes": [[1, 2, 5, 6]], "human_num": 1, "img_id": "0001.jpg"}
    return [document(values) + CUT + b"0001 0 0\n"]


READERS = (
    Reader("truth.matlab", read_mat, mats, named="FOLDER/in.mat",
           words=("annPoints", "location", "image_info", "number", "x", "y", "\x0e", "\x05")),
    Reader("truth.matlab-7.3", read_mat, hdf5s, named="FOLDER/in.mat", size=16384,
           words=("HEAP", "TREE", "SNOD", "OHDR", "GCOL", "annPoints", "MATLAB_class")),
    Reader("truth.jhu", read_jhu, jhu, language="lines", words=("0001", "nan")),
    Reader("truth.nwpu", read_nwpu, nwpu, language="json", words=("points", "boxes", "human_num")),
    Reader("truth.table", read_table, lambda: [document({**OBJECT, "path": "a.jpg"})],
           language="json", words=("points", "path", "count", "human_num", "image_size")),
    Reader("truth.beside", read_beside, lambda: [document(OBJECT), document(LABELME)],
           language="json", words=("points", "shapes", "imagePath", "count", "head")),
)  # fmt: skip
