"""Writes true points of many images in every form that can be read back."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raz.errors import InputError
from raz.files import atomic_file
from raz.io.formats import LabelledImage, coco_document
from raz.io.points.annotations import image_key, image_stem
from raz.io.points.nwpu import write_nwpu_predictions, write_nwpu_truth

__all__ = ["FORMS", "Form", "write_points", "written_files"]

Images = Iterable[LabelledImage]


@dataclass(frozen=True)
class Form:
    """A form of files of points.

    Attributes:
        write: writes images to a path.
        suffix: which the file's name must end in; "" for a folder with a file for each image.
    """

    write: Callable[[Path, Images], None]
    suffix: str


def write_points(path: str | os.PathLike[str], images: Images, form: str) -> None:
    """Writes the points of images.

    Args:
        path: the file; for "txt" and "json" a folder, which is made if need be.
        images: with different names, also without their suffix.
        form: "csv" (``image,x,y``), "coco" (keypoints JSON), "jsonl" (an object an image), "nwpu"
            (a line an image, whole numbers: ``id n (x y sigma_s sigma_l level)*`` where every
            image has boxes, else ``id n (x y)*``), "txt" and "json" (a file for each image: lines
            ``x y``, an object with points).

    Raises:
        ValueError: the form is unknown, or the file name does not fit it.
        InputError: "nwpu" cannot say it: a coordinate is negative, a name holds white space.
        OSError: the file cannot be written; files of single images may have been written.
    """
    if form not in FORMS:
        raise ValueError(f"form is {form!r}, must be one of {', '.join(FORMS)}")
    target, suffix = Path(path), FORMS[form].suffix
    if suffix and target.suffix.lower() != suffix:
        raise ValueError(f"path is {target}, must end in {suffix} for {form}")
    try:
        FORMS[form].write(target, images)
    except UnicodeEncodeError as error:
        name = error.object.encode(errors="surrogateescape")
        raise InputError(f"{target}: a file's name in {name[:200]!r} is not UTF-8") from None


def written_files(path: str | os.PathLike[str], names: Iterable[str], form: str) -> list[Path]:
    """Files that `write_points` writes for images of these names."""
    target = Path(path)
    if FORMS[form].suffix:
        return [target]
    return [target / f"{image_stem(name)}.{form}" for name in names]


def _write_csv(path: Path, images: Images) -> None:
    with atomic_file(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["image", "x", "y"])
        for image in images:
            rows = image.points.tolist() or [["", ""]]  # there, but without heads
            writer.writerows([image.name, *row] for row in rows)


def _write_coco(path: Path, images: Images) -> None:
    with atomic_file(path) as file:
        json.dump(coco_document(images), file)
        file.write("\n")


def _write_json_lines(path: Path, images: Images) -> None:
    with atomic_file(path) as file:
        for image in images:
            file.write(json.dumps(_object(image)) + "\n")


def _write_nwpu(path: Path, images: Images) -> None:
    images = list(images)
    boxed = {
        image_key(image.name): (image.points, image.boxes)
        for image in images
        if image.boxes is not None
    }
    try:
        if len(boxed) == len(images):
            write_nwpu_truth(path, boxed)
        else:
            write_nwpu_predictions(path, {image_key(image.name): image.points for image in images})
    except UnicodeEncodeError:  # a ValueError too, which `write_points` names
        raise
    except ValueError as error:
        raise InputError(f"{error}; NWPU-Crowd's text cannot say this") from None


def _write_text_files(folder: Path, images: Images) -> None:
    for image in images:
        with _file_of(image, folder, ".txt") as file:
            file.writelines(f"{x} {y}\n" for x, y in image.points.tolist())


def _write_json_files(folder: Path, images: Images) -> None:
    for image in images:
        with _file_of(image, folder, ".json") as file:
            file.write(json.dumps(_object(image)) + "\n")


def _file_of(image: LabelledImage, folder: Path, suffix: str) -> Any:
    folder.mkdir(parents=True, exist_ok=True)
    return atomic_file(folder / f"{image_stem(image.name)}{suffix}")


def _object(image: LabelledImage) -> dict[str, Any]:
    return {
        "path": image.name,
        "image_size": list(image.size),
        "points": image.points.tolist(),
    }


FORMS: Mapping[str, Form] = {
    "csv": Form(_write_csv, ".csv"),
    "coco": Form(_write_coco, ".json"),
    "jsonl": Form(_write_json_lines, ".jsonl"),
    "nwpu": Form(_write_nwpu, ".txt"),
    "txt": Form(_write_text_files, ""),
    "json": Form(_write_json_files, ""),
}
"""The forms by name."""
