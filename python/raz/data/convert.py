"""Convert the points of a data set to files of another form."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np

from ..files import file_identity
from ..io.annotations import ImagePoints
from ..io.formats import shortest
from ..io.points.writing import FORMS, write_points, written_files
from .sample import AnnotatedPhotographs

__all__ = ["convert", "records"]


def convert(samples: AnnotatedPhotographs, path: str | os.PathLike[str], form: str) -> None:
    """Write the points of a data set; see :func:`raz.io.points.write_points`.

    No file that the data set is read from is written over.

    Coordinates are those of `AnnotatedPhotographs.points`, float32, bit for bit, but for "nwpu",
    which has whole pixels. The images are not touched, and only their headers are read.

    Raises:
        ValueError: the form is unknown, the file name does not fit it, or a file to write is one
            of the data set's own.
        InputError: an image or its points cannot be read, or the form cannot say them.
        ImportError: the points need SciPy, and it is not installed.
        OSError: the file cannot be written.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from raz.data import AnnotatedFolder
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("RGB", (9, 8)).save(Path(folder, "a.png"))
        ...     _ = Path(folder, "points.csv").write_text("image,x,y\\na.png,3.5,4.25\\n")
        ...     convert(AnnotatedFolder(folder), Path(folder, "out.txt"), "nwpu")
        ...     Path(folder, "out.txt").read_text()
        'a 1 3 4\\n'
    """
    if form in FORMS:
        _keep_own(samples, path, form)
    write_points(path, records(samples), form)


def _keep_own(samples: AnnotatedPhotographs, path: str | os.PathLike[str], form: str) -> None:
    own = {file_identity(file) for file in samples.files()}
    names = [samples.image_path(index).name for index in range(len(samples))]
    for target in written_files(path, names, form):
        if file_identity(target) in own:
            raise ValueError(f"path is {path}; {target} is a file of the data set itself")


def records(samples: AnnotatedPhotographs) -> Iterator[ImagePoints]:
    """Give the record of each image: name, size, points and boxes.

    Raises:
        InputError: an image or its points cannot be read.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from raz.data import AnnotatedFolder
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("RGB", (9, 8)).save(Path(folder, "a.png"))
        ...     _ = Path(folder, "points.csv").write_text("image,x,y\\na.png,3.5,4.25\\n")
        ...     [image] = records(AnnotatedFolder(folder))
        >>> image.name, image.size, image.points.tolist()
        ('a.png', (9, 8), [[3.5, 4.25]])
    """
    for index in range(len(samples)):
        height, width = samples.size(index)
        samples.check_size(index, (height, width))
        boxes = samples.boxes(index)
        yield ImagePoints(
            name=samples.image_path(index).name,
            size=(width, height),
            points=shortest(samples.points(index)),
            boxes=None if boxes is None else boxes.astype(np.float64),
        )
