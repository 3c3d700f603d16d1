"""Heads that raz located, corrected in an annotation tool, become training samples."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from raz.cli.main import main
from raz.data import AnnotatedFolder, open_data_set
from raz.data.convert import convert
from raz.errors import InputError
from raz.io.formats import save_all
from raz.io.georeference import read_georeference
from raz.result import Result

POINTS = {
    "a.jpg": [[1.1, 2.7], [29.999998, 0.1]],
    "my square.png": [],
    "c.png": [[12.345679, 19.5]],
}
FILES = {
    "cvat": "annotations.xml",
    "label-studio": "project-1.json",
    "coco": "heads.json",
    "raz": "heads.json",
    "jsonl": "heads.jsonl",
    "csv": "heads.csv",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in POINTS:
        Image.fromarray(np.full((20, 30, 3), 90, dtype=np.uint8)).save(tmp_path / name)
    return tmp_path


def located(path: Path, points: list[list[float]]) -> Result:
    found = torch.tensor(points, dtype=torch.float32).reshape(-1, 2)
    return Result(
        points=found, scores=torch.full((len(found),), 0.9), density=torch.zeros(3, 4),
        count=float(len(found)), count_density=0.0, count_points=len(found),
        image_size=(30, 20), path=str(path), model="fake",
    )  # fmt: skip


def write(folder: Path, form: str) -> Path:
    results = (located(folder / name, points) for name, points in POINTS.items())
    return save_all(results, folder / FILES[form], format=form)


def check(samples) -> None:
    assert samples.names == ("a", "c", "my square")
    for index in range(len(samples)):
        sample = samples[index]
        name = samples.image_path(index).name
        expected = np.array(POINTS[name], dtype=np.float32).reshape(-1, 2)
        assert sample.points.dtype == np.float32
        np.testing.assert_array_equal(sample.points, expected)
        assert sample.size == (20, 30)
    assert samples.lone_truth() == ()


@pytest.mark.parametrize("form", FILES)
def test_what_raz_located_is_a_training_sample(folder: Path, form: str) -> None:
    write(folder, form)
    check(open_data_set(folder))


@pytest.mark.parametrize("form", ["cvat", "label-studio"])
def test_there_and_back_by_convert(folder: Path, form: str) -> None:
    write(folder, "csv")
    target = folder / "points.xml" if form == "cvat" else folder / "points.json"
    convert(open_data_set(folder), target, form)
    (folder / FILES["csv"]).unlink()
    check(open_data_set(folder))


def test_a_head_added_and_one_moved_in_cvat(folder: Path) -> None:
    path = write(folder, "cvat")
    text = path.read_text()
    assert text.count("1.1,2.7") == 1
    added = '<box label="Head" source="manual" xtl="4.00" ytl="5.00" xbr="8.00" ybr="11.00"></box>'
    text = text.replace("1.1,2.7", "1.60,2.20").replace("</points>", f"</points>{added}", 1)
    (folder / "points.xml").write_text(text)
    path.unlink()
    samples = AnnotatedFolder(folder)
    assert samples.points(0).tolist() == np.float32([[1.6, 2.2], [6, 8], [29.999998, 0.1]]).tolist()
    assert AnnotatedFolder(folder, anchor="top").points(0)[1].tolist() == [6, 5]


def test_label_studio_names_of_uploads(folder: Path) -> None:
    path = write(folder, "label-studio")
    tasks = json.loads(path.read_text())
    for task in tasks:
        name = Path(task["data"]["image"]).name.replace(" ", "%20")
        task["data"]["image"] = f"/data/upload/1/0a1b2c3d-{name}"
        task["annotations"] = task.pop("predictions")
    path.write_text(json.dumps(tasks))
    check(AnnotatedFolder(folder))


def test_a_task_that_is_not_annotated_is_no_empty_image(folder: Path) -> None:
    path = write(folder, "label-studio")
    tasks = json.loads(path.read_text())
    tasks[0]["annotations"] = tasks[0].pop("predictions")
    path.write_text(json.dumps(tasks))
    samples = AnnotatedFolder(folder)
    assert len(samples.points(0)) == 2
    with pytest.raises(InputError, match=r"c\.png: not named in .*project-1\.json"):
        samples.points(1)


def test_labels_of_heads(folder: Path) -> None:
    path = write(folder, "cvat")
    path.write_text(path.read_text().replace('"head"', '"Kopf"').replace(">head<", ">Kopf<"))
    check(AnnotatedFolder(folder))
    check(AnnotatedFolder(folder, labels=["kopf"]))
    with pytest.raises(InputError, match="has the labels 'Kopf'; none of them is one of labels"):
        AnnotatedFolder(folder, labels=["head"])


@pytest.mark.parametrize("name", ["points.csv", "c.geojson"])
def test_a_file_that_does_not_name_its_image_serves_one_image(tmp_path: Path, name: str) -> None:
    Image.new("RGB", (30, 20)).save(tmp_path / "c.png")
    result = located(tmp_path / "c.png", POINTS["c.png"])
    path = result.save(tmp_path / name)
    path.write_text(path.read_text().replace('"image"', '"other"'))
    expected = np.float32(POINTS["c.png"])
    np.testing.assert_array_equal(AnnotatedFolder(tmp_path).points(0), expected)
    Image.new("RGB", (30, 20)).save(tmp_path / "d.png")
    if name == "points.csv":
        with pytest.raises(InputError, match=r"points\.csv: does not name its image, and .*2"):
            AnnotatedFolder(tmp_path)
    else:  # the file's name is that of the image
        np.testing.assert_array_equal(AnnotatedFolder(tmp_path).points(0), expected)


def test_xml_beside_images_that_is_not_of_points(folder: Path) -> None:
    write(folder, "csv")
    (folder / "a.tif.aux.xml").write_text("<PAMDataset>\n</PAMDataset>\n")
    (folder / "nothing.xml").write_text("<?xml version='1.0'?>\n<annotation/>")
    check(AnnotatedFolder(folder))


def test_boxes_of_persons_are_converted_on_the_command_line(folder: Path, monkeypatch) -> None:
    path = write(folder, "cvat")
    box = '<box label="Walker" xtl="4" ytl="5" xbr="8" ybr="11"/>'
    path.write_text(path.read_text().replace("</points>", f"</points>{box}", 1))
    monkeypatch.chdir(folder)
    command = ["data", "convert", ".", "--to", "csv", "--output", "points.csv", "--quiet"]
    assert main([*command, "--anchor", "top", "--label", "walker", "--label", "nobody"]) == 0
    assert Path("points.csv").read_text() == "image,x,y\na.jpg,6.0,5.0\nc.png,,\nmy square.png,,\n"


def test_a_head_moved_on_the_map_is_read_where_it_is_now(tmp_path: Path) -> None:
    rasterio = pytest.importorskip("rasterio")
    transform = rasterio.Affine(0.5, 0, 399_000, 0, -0.5, 5_757_000)
    with rasterio.open(
        tmp_path / "square.tif", "w", driver="GTiff", width=30, height=20, count=3, dtype="uint8",
        crs="EPSG:32632", transform=transform,
    ) as image:  # fmt: skip
        image.write(np.full((3, 20, 30), 90, dtype=np.uint8))
    place = read_georeference(tmp_path / "square.tif")
    points = [[1.1, 2.7], [12.345679, 19.5]]
    result = replace(located(tmp_path / "square.tif", points), georeference=place)
    path = result.save(tmp_path / "points.geojson")
    samples = AnnotatedFolder(tmp_path)
    np.testing.assert_array_equal(samples.points(0), np.float32(points))
    document = json.loads(path.read_text())
    document["features"][0]["geometry"]["coordinates"][0] += 1
    path.write_text(json.dumps(document))
    np.testing.assert_allclose(AnnotatedFolder(tmp_path).points(0)[0], [3.1, 2.7], atol=1e-6)
