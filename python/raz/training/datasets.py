"""The data sets of a configuration: images to train on, to calibrate on and to report on."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import Any

from raz.data.layouts import open_data_set, splits_in
from raz.data.mix import SyntheticScenes
from raz.data.sample import AnnotatedPhotographs, Sample, SampleSequence, Subset
from raz.data.splits import holdout
from raz.data.synthetic import TEXTURES, empty_scene, texture
from raz.data.truth import require_sense
from raz.errors import InputError
from raz.training.config import SHANGHAITECH, SYNTHETIC, DataPart, TrainingConfig
from raz.training.distributed import World

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class OpenPart:
    """A data set with its images divided by use; no image has two uses."""

    name: str
    weight: float
    scale: tuple[float, float]
    train: SampleSequence
    calibration: SampleSequence
    report: SampleSequence
    photographs: AnnotatedPhotographs | None = None


def open_parts(config: TrainingConfig) -> list[OpenPart]:
    """Open all data sets. No image is read yet.

    Raises:
        InputError: a folder is missing or not in its layout.
        ValueError: no part has an image to train on, or two parts have the same name.
    """
    parts = [_open(part, config) for part in config.data]
    if not training_parts(parts):
        raise ValueError("data has no part with a weight above 0 and images to train on")
    names = [part.name for part in parts]
    if len(set(names)) < len(names):
        raise ValueError(f"data has parts named {', '.join(names)}; each needs its own name")
    return parts


def require_sensible_truth(parts: Sequence[OpenPart]) -> None:
    """Raise InputError if points of a part cannot be right; see `raz.data.truth`.

    Only points and the headers of images are read.

    Raises:
        InputError: the message names the first file and says how many others there are.
    """
    for part in parts:
        if part.photographs is None:
            continue
        try:
            require_sense(part.photographs)
        except InputError as error:
            raise InputError(
                f"{error}; --accept-truth (accept_truth) trains on them all the same, "
                "raz data check names them all"
            ) from None


def require_equal_parts(parts: Sequence[OpenPart], world: World) -> None:
    """Raise InputError, in all processes, if one has other images than the first.

    Names and bytes of the files of images and points are compared, not their content. Settings are
    compared by `begun_state` where a run goes on.

    Raises:
        InputError: the message names the part, the process and both numbers of images.
    """
    if world.size == 1:
        return
    first, *others = world.gather([(part.name, _files(part)) for part in parts])
    for rank, other in enumerate(others, 1):
        for (name, mine), (_, theirs) in zip_longest(first, other, fillvalue=("", [])):
            if mine != theirs:
                raise InputError(
                    f"{name}: process {rank} has other images than process 0 ({len(theirs)} and "
                    f"{len(mine)}, or files of other sizes); all processes need the same data"
                )


def _files(part: OpenPart) -> list[tuple[str, int, int]]:
    """Name and bytes of each image, and bytes of its points; -1 where there is no such file."""
    photographs = part.photographs
    if photographs is None:
        return []
    return [
        (name, _bytes(photographs.image_path(index)), _bytes(photographs.truth_path(index)))
        for index, name in enumerate(photographs.names)
    ]


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def image_digests(parts: Sequence[OpenPart]) -> dict[str, list[int | str]]:
    """Return the number of images of each part, and the SHA-256 of their names.

    A run goes on exactly only with the same images in the same order.
    """
    digests: dict[str, list[int | str]] = {}
    for part in parts:
        if part.photographs is not None:
            names = "\0".join(part.photographs.names).encode(errors="surrogateescape")
            digests[part.name] = [len(part.photographs), hashlib.sha256(names).hexdigest()]
    return digests


def check_output(config: TrainingConfig, parts: Sequence[OpenPart]) -> None:
    """Refuse to write a run, which draws a chart, into a folder that images are read from.

    Raises:
        ValueError: the message names the part.
    """
    output = Path(config.output).resolve()
    for part in parts:
        images = part.photographs
        folders = {images.image_path(n).parent for n in range(len(images))} if images else set()
        if output in {folder.resolve() for folder in folders}:
            raise ValueError(
                f"output is {config.output}, from which the images of {part.name} are read; it "
                "must be another folder"
            )


FEW_CALIBRATING = 5
"""Thresholds that fewer images choose are those of chance (ours)."""


def warn_of_division(config: TrainingConfig, parts: Sequence[OpenPart]) -> None:
    """Log, before hours of training, that images are held out by accident, or not at all."""
    for asked, part in zip(config.data, parts, strict=True):
        images = len(part.photographs) if part.photographs is not None else 0
        if asked.use == "split" and part.weight > 0 and asked.folds == 1:
            trained = len(part.train)
            if trained < 0.7 * images:
                _log.warning(
                    "%s: %d of %d images are trained on, the others are held out by their numbers",
                    part.name,
                    trained,
                    images,
                )
    calibrating = sum(len(part.calibration) for part in parts)
    if calibrating < FEW_CALIBRATING:
        _log.warning(
            "%d images are kept to choose thresholds on, too few; those whose last number ends in "
            "05, 25, 45, 65 or 85 are, and those of parts with use = 'calibrate'",
            calibrating,
        )
    if not any(len(part.report) for part in parts):
        _log.warning(
            "no images are held out, so nothing will be measured; those whose last number ends in "
            "0 are, and those of parts with use = 'report'"
        )


def training_parts(parts: Sequence[OpenPart]) -> list[tuple[Any, float, tuple[float, float]]]:
    """Return the parts as `raz.data.TrainingMix` and `raz.data.DeviceMix` take them."""
    return [(p.train, p.weight, p.scale) for p in parts if p.weight > 0 and len(p.train)]


class Images(SampleSequence):
    """The samples of several sequences in a row, read when asked for."""

    def __init__(self, sequences: Iterable[SampleSequence]) -> None:
        self._places = [(each, index) for each in sequences for index in range(len(each))]

    def __len__(self) -> int:
        return len(self._places)

    def read(self, index: int) -> Sample:
        samples, place = self._places[index]
        return samples[place]


def calibration_images(parts: Sequence[OpenPart], first: int | None = None) -> Images:
    """Return the calibration images: the ``first`` ones of each part, or all."""
    return Images(part.calibration[:first] for part in parts)


def trained_images(parts: Sequence[OpenPart], first: int | None = None) -> Images:
    """Return as many images to train on as `calibration_images` has of each part, evenly spaced.

    A smaller error on these says how much of what was learnt holds for them alone. Parts without a
    weight are left out.
    """
    samples = []
    for part in parts:
        number = min(len(part.calibration[:first]), len(part.train)) if part.weight > 0 else 0
        places = [len(part.train) * k // number for k in range(number)]
        samples.append(Subset(part.train, places))
    return Images(samples)


FIRST_EMPTY = 2_000_000
"""Seed of the first image of :func:`empty_images`, beyond those of `bench/empty_scenes.py`.
Drawn scenes to train on have random seeds below 2^31, so one of these is met by chance alone."""


def empty_images(config: TrainingConfig, first: int | None = None) -> Iterator[Sample]:
    """Draw images of nobody for calibration (ours): a texture of each kind, then five places.

    Each has 1024 x 768 pixels. There are none where the configuration draws none to train on.

    Args:
        config: of the training.
        first: largest number of images; None for all.
    """
    if not any(part.layout == SYNTHETIC and part.weight > 0 for part in config.data):
        return iter(())
    textures = (texture(FIRST_EMPTY + n, kind=kind) for n, kind in enumerate(TEXTURES))
    places = (empty_scene(FIRST_EMPTY + n) for n in range(5))
    return islice(chain(textures, places), first)


def default_parts(root: str | Path) -> tuple[DataPart, ...]:
    """Choose the parts for a folder: those of ShanghaiTech in it, or the folder as one data set.

    One crop in twelve shows drawn images of nobody. A missing folder is taken for ShanghaiTech's;
    opening it then fails.

    Raises:
        InputError: the folder may be part A or part B of ShanghaiTech.
    """
    synthetic = SHANGHAITECH[-1]
    if not Path(root).is_dir():
        return SHANGHAITECH
    found = tuple(part for part in SHANGHAITECH[:-1] if splits_in(root, part.layout))
    if len(found) > 1 and any(
        (Path(root) / f"{split}_data").is_dir() for split in ("train", "test")
    ):
        raise InputError(
            f"{root}: may be part A or part B of ShanghaiTech; rename it to part_A or part_B, "
            "or name the layout of [[data]] in --config"
        )
    found = found or (DataPart(weight=0.8),)
    share = sum(part.weight for part in found) / sum(part.weight for part in SHANGHAITECH[:-1])
    return (*found, replace(synthetic, weight=synthetic.weight * share))


def _open(part: DataPart, config: TrainingConfig) -> OpenPart:
    if part.layout == SYNTHETIC:
        scenes = SyntheticScenes(
            part.scenes,
            config.seed,
            share_empty=part.share_empty,
            share_texture=part.share_texture,
        )
        nothing = Images(())
        return OpenPart(part.name or SYNTHETIC, part.weight, part.scale, scenes, nothing, nothing)
    root = Path(config.data_root) / part.root
    images = open_data_set(root, part.layout, part.split, fold=part.fold)
    name = part.name or root.resolve().name
    train, calibration, report = _divided(images, part.use)
    if part.use == "split" and part.weight > 0:
        _check_divided(name, len(train), len(images))
    if part.folds > 1:
        train, report = _crossed(train, part.fold - 1, part.folds)
    return OpenPart(name, part.weight, part.scale, train, calibration, report, images)


def _divided(images: AnnotatedPhotographs, use: str) -> tuple[Subset, Subset, Subset]:
    everything, nothing = Subset(images, range(len(images))), Subset(images, ())
    if use == "train":
        return everything, nothing, nothing
    if use == "calibrate":
        return nothing, everything, nothing
    if use == "report":
        return nothing, nothing, everything
    split = holdout(images.names)
    return (
        Subset(images, split.train),
        Subset(images, split.calibration),
        Subset(images, split.validation),
    )


def _check_divided(name: str, trained: int, images: int) -> None:
    """Refuse a part whose numbers are all multiples of ten, as those of a video's frames may be."""
    if trained == 0:
        raise ValueError(
            f"data has the part {name!r}, whose {images} images are all held out by the "
            "numbers in their names; rename them, or give parts of their own for use = 'train', "
            "'calibrate' and 'report'"
        )


def _crossed(train: Subset, fold: int, folds: int) -> tuple[Subset, Subset]:
    """Return the images that a fold trains on, and those that it reports on."""
    places = range(len(train))
    return (
        Subset(train, [place for place in places if place % folds != fold]),
        Subset(train, places[fold::folds]),
    )
