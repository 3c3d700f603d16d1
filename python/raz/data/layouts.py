"""Open a data set in any layout that has a reader."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..errors import InputError
from ..io.formats.shapes import Anchor
from .folder import AnnotatedFolder
from .jhu import JHUCrowd
from .nwpu import NWPUCrowd
from .sample import AnnotatedPhotographs
from .shanghaitech import ShanghaiTech
from .ucf_cc_50 import UCFCC50
from .ucf_qnrf import UCFQNRF

__all__ = ["LAYOUTS", "detect_layout", "open_data_set", "splits_in"]


@dataclass(frozen=True)
class _Options:
    """What some layouts take beside their folder and split."""

    fold: int
    anchor: Anchor
    labels: Sequence[str] | None


@dataclass(frozen=True)
class _Layout:
    open: Callable[[Path, str, _Options], AnnotatedPhotographs]
    splits_in: Callable[[Path], tuple[str, ...]]
    looks: str


_READERS = {
    "shanghaitech_a": _Layout(
        lambda root, split, options: ShanghaiTech(root, "A", split),
        partial(ShanghaiTech.splits_in, part="A"),
        "part_A/train_data/images",
    ),
    "shanghaitech_b": _Layout(
        lambda root, split, options: ShanghaiTech(root, "B", split),
        partial(ShanghaiTech.splits_in, part="B"),
        "part_B/train_data/images",
    ),
    "ucf_qnrf": _Layout(
        lambda root, split, options: UCFQNRF(root, split),
        UCFQNRF.splits_in,
        "Train/img_0001_ann.mat",
    ),
    "ucf_cc_50": _Layout(
        lambda root, split, options: UCFCC50(root, options.fold, split),
        UCFCC50.splits_in,
        "1_ann.mat",
    ),
    "nwpu": _Layout(
        lambda root, split, options: NWPUCrowd(root, split),
        NWPUCrowd.splits_in,
        "images with jsons or mats",
    ),
    "jhu": _Layout(
        lambda root, split, options: JHUCrowd(root, split),
        JHUCrowd.splits_in,
        "train/images with train/gt",
    ),
    "folder": _Layout(
        lambda root, split, options: AnnotatedFolder(
            root, split, anchor=options.anchor, labels=options.labels
        ),
        AnnotatedFolder.splits_in,
        "images in it, in images, or in train",
    ),
}

LAYOUTS = tuple(_READERS)
"""Names of the layouts that :func:`open_data_set` knows."""


def open_data_set(
    root: str | Path,
    layout: str = "auto",
    split: str = "train",
    *,
    fold: int = 1,
    anchor: Anchor = "center",
    labels: Sequence[str] | None = None,
) -> AnnotatedPhotographs:
    """Open a data set of photographs with head points.

    Args:
        root: its folder; for ShanghaiTech the folder of the part, or the one that holds it.
        layout: one of :data:`LAYOUTS`, or "auto" to tell it by what lies there.
        split: "train", "val" or "test", as far as the layout has it.
        fold: of UCF_CC_50, 1 to 5; the other layouts have none and pass it over.
        anchor: of a folder of your own: where in boxes and ellipses the head is, "center" or "top";
            the other layouts pass it and ``labels`` over.
        labels: of a folder of your own: labels of heads; see :func:`raz.io.points.read_points`.

    Raises:
        ValueError: ``layout`` is unknown, or it has no such split or fold.
        InputError: the layout cannot be told (the message says what was looked for), or the split
            is not there.
        ImportError: SciPy is not installed, which the points of some layouts need (when read).

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from raz.data import open_data_set
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("RGB", (64, 48)).save(f"{folder}/street.png")
        ...     _ = Path(folder, "points.csv").write_text("image,x,y\\nstreet,12.5,30\\n")
        ...     samples = open_data_set(folder)
        ...     type(samples).__name__, samples[0].points.tolist()
        ('AnnotatedFolder', [[12.5, 30.0]])
    """
    root = Path(root)
    return _READERS[_known(root, layout)].open(root, split, _Options(fold, anchor, labels))


def splits_in(root: str | Path, layout: str = "auto") -> tuple[str, ...]:
    """List the splits of a data set under ``root``; none if it has another layout.

    Raises:
        ValueError: ``layout`` is unknown.
        InputError: the layout cannot be told.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     splits_in(folder, "folder")
        ()
    """
    root = Path(root)
    return _READERS[_known(root, layout)].splits_in(root)


def detect_layout(root: str | Path) -> str:
    """Recognize the layout of a data set by the contents of its folder.

    "folder" is what has images and is no published layout.

    Raises:
        InputError: there is no such folder, or it is none or several of the layouts.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("RGB", (9, 8)).save(Path(folder, "a.png"))
        ...     _ = Path(folder, "points.csv").write_text("image,x,y\\na.png,3.5,4.25\\n")
        ...     detect_layout(folder)
        'folder'
    """
    root = Path(root)
    if not os.path.isdir(root):
        raise InputError(f"{root}: no such folder")
    found = [name for name, reader in _READERS.items() if reader.splits_in(root)]
    published = [name for name in found if name != "folder"]
    if len(published) > 1:
        raise InputError(f"{root}: may be {' or '.join(published)}; name the layout")
    if not found:
        looked_for = "; ".join(f"{name}: {reader.looks}" for name, reader in _READERS.items())
        raise InputError(f"{root}: no known layout; looked for {looked_for}")
    return (published or found)[0]


def _known(root: Path, layout: str) -> str:
    if layout == "auto":
        return detect_layout(root)
    if layout not in _READERS:
        raise ValueError(f"layout is {layout!r}; it must be auto or one of {', '.join(LAYOUTS)}")
    if not os.path.isdir(root):
        raise InputError(f"{root}: no such folder")
    return layout
