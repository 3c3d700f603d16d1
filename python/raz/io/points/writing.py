"""Write the points of many images in every format that can be read back."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from raz.errors import InputError
from raz.files import atomic_file
from raz.io.annotations import ImagePoints, image_stem
from raz.io.formats.coco import coco_collection
from raz.io.formats.csv import write_csv
from raz.io.formats.cvat import cvat_collection
from raz.io.formats.format import Collection, CollectionWriter
from raz.io.formats.label_studio import task_text
from raz.io.formats.nwpu import write_nwpu
from raz.io.formats.raz_json import record_text

__all__ = ["FORMS", "Form", "write_points", "written_files"]

Images = Iterable[ImagePoints]


@dataclass(frozen=True)
class Form:
    """A form of files of points.

    Attributes:
        write: writes images to a path.
        suffix: which the file's name must end in; "" for a folder with a file for each image.

    Example:
        >>> FORMS["coco"].suffix, FORMS["txt"].suffix
        ('.json', '')
    """

    write: Callable[[Path, Images], None]
    suffix: str


def write_points(path: str | os.PathLike[str], images: Images, form: str) -> None:
    """Write the points of images.

    Args:
        path: the file; for "txt" and "json" a folder, which is made if need be.
        images: with different names, also without their suffix.
        form: "csv" (``image,x,y``), "coco" (keypoints JSON), "jsonl" (one object per image), "cvat"
            (XML for images), "label-studio" (tasks; images must have a size), "nwpu" (one line per
            image, whole numbers: ``id n (x y sigma_s sigma_l level)*`` where every image has radii
            and levels, or boxes, else ``id n (x y)*``), "txt" and "json" (a file for each image:
            lines ``x y``, an object with points). Scores are written where the images have any, but
            for "nwpu" and "txt".

    Raises:
        ValueError: the form is unknown, or the file name does not fit it.
        InputError: "nwpu" cannot say it: a coordinate is negative, a name holds white space;
            "label-studio" cannot: a size is not known.
        OSError: the file cannot be written; files of single images may have been written.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> image = ImagePoints(name="a.jpg", points=np.array([[3.5, 4.25]]))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "heads.csv")
        ...     write_points(path, [image], "csv")
        ...     path.read_text()
        'image,x,y\\na.jpg,3.5,4.25\\n'
    """
    if form not in FORMS:
        raise ValueError(f"form is {form!r}; it must be one of {', '.join(FORMS)}")
    target, suffix = Path(path), FORMS[form].suffix
    if suffix and target.suffix.lower() != suffix:
        raise ValueError(f"path is {target}; it must end in {suffix} for {form}")
    try:
        FORMS[form].write(target, images)
    except UnicodeEncodeError as error:
        name = error.object[:200]
        try:
            shown = name.encode(errors="surrogateescape")
        except UnicodeEncodeError:  # half a character that stands for no byte
            shown = name.encode(errors="surrogatepass")
        raise InputError(f"{target}: a file's name in {shown!r} is not UTF-8") from None


def written_files(path: str | os.PathLike[str], names: Iterable[str], form: str) -> list[Path]:
    """Return the files that `write_points` writes for images of these names.

    Example:
        >>> [file.as_posix() for file in written_files("points", ["a.jpg", "b.jpg"], "txt")]
        ['points/a.txt', 'points/b.txt']
    """
    target = Path(path)
    if FORMS[form].suffix:
        return [target]
    return [target / f"{image_stem(name)}.{form}" for name in names]


def _write_table(path: Path, images: Images) -> None:
    with atomic_file(path) as file:
        write_csv(file, images)


def _write_collection(
    collection: Callable[[], Collection[ImagePoints]], path: Path, images: Images
) -> None:
    with atomic_file(path) as file:
        writer = CollectionWriter(file, collection)
        for image in images:
            writer.write(image)
        writer.close()


def _write_text_files(folder: Path, images: Images) -> None:
    for image in images:
        with _file_of(image, folder, ".txt") as file:
            file.writelines(f"{x} {y}\n" for x, y in image.points.tolist())


def _write_json_files(folder: Path, images: Images) -> None:
    for image in images:
        with _file_of(image, folder, ".json") as file:
            file.write(record_text(image))


def _file_of(image: ImagePoints, folder: Path, suffix: str) -> Any:
    folder.mkdir(parents=True, exist_ok=True)
    return atomic_file(folder / f"{image_stem(image.name)}{suffix}")


_LINES = partial(_write_collection, partial(Collection, record_text))
_TASKS = partial(_write_collection, partial(Collection, task_text, "[\n", ",\n", lambda _: "\n]\n"))

FORMS: Mapping[str, Form] = {
    "csv": Form(_write_table, ".csv"),
    "coco": Form(partial(_write_collection, coco_collection), ".json"),
    "jsonl": Form(_LINES, ".jsonl"),
    "nwpu": Form(write_nwpu, ".txt"),
    "cvat": Form(partial(_write_collection, cvat_collection), ".xml"),
    "label-studio": Form(_TASKS, ".json"),
    "txt": Form(_write_text_files, ""),
    "json": Form(_write_json_files, ""),
}
"""The forms by name."""
