"""The settings of a training; each table of a configuration file is a class here."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from raz.data.crop_plan import Augmentation
from raz.data.layouts import LAYOUTS
from raz.errors import shown
from raz.evaluation.estimates import EstimateName
from raz.losses import LossWeights
from raz.models import list_models
from raz.training.settings import (
    AT_LEAST_ONE,
    NOT_NEGATIVE,
    POSITIVE,
    SHARE,
    Range,
    check_ranges,
    flattened,
    from_mapping,
    length,
    metadata_of,
    place,
    to_mapping,
    to_toml,
    within,
)

SYNTHETIC = "synthetic"
"""Layout of a part of drawn images of nobody."""


MOST_PROCESSES = 1024
"""The greatest number of worker processes, and of threads."""


def _check(holds: bool, name: str, value: object, range_: str) -> None:
    if not holds:
        raise ValueError(f"{name} is {shown(value, 100)}; it must be {range_}")


@dataclass(frozen=True)
class DataPart:
    """One data set of the mix: a table ``[[data]]``.

    Args:
        name: in tables and logs; by default the name of the folder.
        root: folder of the data set; a relative path starts at ``data_root``.
        layout: one of ``raz.data.LAYOUTS``, or "synthetic" for drawn images of nobody.
        split: of the data set, as published.
        fold: of a data set that is published in folds, and of ``folds``.
        folds: number of folds of a cross-validation; 1 for none. Every ``folds``-th image of those
            to train on, from the ``fold``-th on, is reported on instead of the held-out ones; the
            others are trained on.
        use: what the images are for. "split" holds out a tenth of them, chooses thresholds on a
            twentieth and trains on the rest (``raz.data.holdout``). "train", "calibrate" and
            "report" use all of them for one of the three.
        weight: share of the crops, relative to the other parts.
        scale: range of the window's side divided by the crop's; above 1 people become smaller.
        scenes: of "synthetic": number of different images.
        share_empty: of "synthetic": share of places without people.
        share_texture: of "synthetic": share of plain textures; both shares sum to 1.
    """

    name: str = ""
    root: str = place("")
    layout: str = "auto"
    split: str = "train"
    fold: int = within(1, AT_LEAST_ONE)
    folds: int = within(1, AT_LEAST_ONE)
    use: Literal["split", "train", "calibrate", "report"] = "split"
    weight: float = within(1.0, NOT_NEGATIVE)
    scale: tuple[float, float] = (0.75, 2.0)
    scenes: int = within(120, Range(1, 2**31), layout=SYNTHETIC)
    share_empty: float = within(0.45, SHARE, layout=SYNTHETIC)
    share_texture: float = within(0.55, SHARE, layout=SYNTHETIC)

    def __post_init__(self) -> None:
        check_ranges(self, "data.")
        layouts = ("auto", *LAYOUTS, SYNTHETIC)
        known = "one of " + ", ".join(layouts)
        _check(self.layout in layouts, "data.layout", repr(self.layout), known)
        rest = 1 - self.share_texture
        if self.layout == SYNTHETIC:
            _check(
                abs(self.share_empty - rest) <= 1e-6,
                "data.share_empty",
                self.share_empty,
                f"{rest:g}, what data.share_texture leaves",
            )
        if self.folds > 1 and self.use not in ("split", "train"):
            raise ValueError(f"data.folds is {self.folds}; with use = {self.use!r} it must be 1")
        if self.folds > 1:
            _check(1 <= self.fold <= self.folds, "data.fold", self.fold, f"in 1 to {self.folds}")
        _check(
            0 < self.scale[0] <= self.scale[1] < math.inf,
            "data.scale",
            self.scale,
            "0 < least <= most, both finite",
        )


DEFAULT_MINUTES = 60.0

SHANGHAITECH = (
    DataPart("part A", layout="shanghaitech_a", weight=0.45, scale=(0.75, 2.0)),
    DataPart("part B", layout="shanghaitech_b", weight=0.35, scale=(0.75, 2.5)),
    DataPart("synthetic", layout=SYNTHETIC, weight=0.07, scale=(0.75, 1.5)),
)
"""Both parts of ShanghaiTech, and drawn images of nobody."""


@dataclass(frozen=True)
class Crops:
    """Which crops are cut, and where: the table ``[crops]``.

    Args:
        size: side of a crop in pixels, a multiple of 32.
        zoom_share: share of crops that are enlarged by exactly 2, as depth 2 sees them.
        where: "workers" decodes and cuts in processes on the CPU; "device" keeps the images on
            the training device and cuts there; "auto" is "device" on CUDA and else "workers".
    """

    size: int = within(384, Range(32))
    zoom_share: float = within(0.25, SHARE)
    where: Literal["auto", "workers", "device"] = "auto"

    def __post_init__(self) -> None:
        _check(self.size >= 32 and self.size % 32 == 0, "crop_size", self.size, "a multiple of 32")
        check_ranges(self, "crops.")


@dataclass(frozen=True)
class Optimizer:
    """How the weights follow the gradients: the table ``[optimizer]``.

    All of it is ours; the paper only gives a learning rate of 1e-4.

    Args:
        name: "adamw" decays the weights apart from the gradient, "adam" as part of it.
        learning_rate: of the neck and the branches.
        backbone_learning_rate: of the backbone.
        weight_decay: of convolution weights; biases and normalisations have none.
        clip: gradients are clipped at this multiple of the running median of their norm.
    """

    name: Literal["adamw", "adam"] = "adamw"
    learning_rate: float = within(1e-3, POSITIVE)
    backbone_learning_rate: float = within(3e-4, NOT_NEGATIVE)
    weight_decay: float = within(1e-2, NOT_NEGATIVE)
    clip: float = within(3.0, Range(above=True, endless=True))

    def __post_init__(self) -> None:
        check_ranges(self, "optimizer.")


@dataclass(frozen=True)
class Schedule:
    """How the learning rate changes within a stage: the table ``[schedule]``.

    Args:
        name: "cosine" falls to ``floor`` at the end of the stage; "plateau" is multiplied by
            ``factor`` where validation stalls (Liu et al., CVPR 2019: halved, from 1e-4);
            "constant" stays, up to ``decay``.
        warmup: share of the stage in which the rate rises to its value.
        decay: of "constant": share of the last stage, at its end, in which the rate falls as
            1 - sqrt(t). A run in its constant part can be extended without a trace, or ended from
            a copy of its folder.
        floor: least share of the rate.
        factor: of "plateau".
        patience: of "plateau": number of validations without a new best before the rate falls.
    """

    name: Literal["cosine", "plateau", "constant"] = "cosine"
    warmup: float = within(0.03, Range(0, 1, below=True))
    decay: float = length(0.0, SHARE)
    floor: float = within(0.01, SHARE)
    factor: float = within(0.5, Range(0, 1, above=True, below=True))
    patience: int = within(2, NOT_NEGATIVE)

    def __post_init__(self) -> None:
        check_ranges(self, "schedule.")
        _check(
            0 <= self.decay <= 1 - self.warmup,
            "schedule.decay",
            self.decay,
            f"in [0, {1 - self.warmup:g}], what the warm-up leaves",
        )


@dataclass(frozen=True)
class Stage:
    """A stretch of the training with its own branches, losses and length: a table ``[[stages]]``.

    Args:
        kind: "counting", "localization" and "proposal" train one branch each, in the paper's order.
            "joint" trains everything. So does "zoom", which adds losses on regions that the net
            itself proposes, enlarged twice.
        steps: length in steps of the optimizer. Give this or ``minutes``.
        minutes: length in minutes.
        trunk: whether backbone and neck train. By default they do not in "localization" and
            "proposal": that would spoil what the stages before have learnt.
        frozen_stride: layers of the backbone whose outputs have at most this stride keep their
            weights, which saves the time of their gradients. The nets have the strides 2, 4 and 8.
        learning_rate: factor of both learning rates.
        estimate: takes the place of ``validation.estimate`` in this stage, for one that leaves
            the density as it is: "localization", or "localization+" with ``validation.depth`` 2.
        max_regions: of "zoom": largest number of regions per crop.
        zoom_weight: of "zoom": weight of the losses on regions.
    """

    kind: Literal["counting", "localization", "proposal", "joint", "zoom"] = "joint"
    steps: int | None = length(None, AT_LEAST_ONE)
    minutes: float | None = length(None, POSITIVE)
    trunk: bool | None = None
    frozen_stride: int = within(0, NOT_NEGATIVE)
    learning_rate: float = within(1.0, POSITIVE)
    estimate: EstimateName | None = None
    max_regions: int = within(2, Range(0, 10_000))
    zoom_weight: float = within(1.0, NOT_NEGATIVE)

    def __post_init__(self) -> None:
        check_ranges(self, "stages.")
        if self.steps is not None and self.minutes is not None:
            raise ValueError("steps and minutes are both given; only one of them must be")


@dataclass(frozen=True)
class Validation:
    """How the averaged weights are measured during the training: the table ``[validation]``.

    Only calibration images are used, but for ``trained``.

    Args:
        every: number of steps from one validation to the next; 0 for none.
        estimate: the count whose mean relative error chooses the best weights. "density" needs no
            threshold; all others take the model's, which are calibrated only at the end.
        depth: number of passes, as in prediction; 1 does not zoom.
        limit: validate, calibrate and report on the first images of each part, at most this many.
        trained: log the error on as many images that are trained on, too, see
            ``raz.training.datasets.trained_images``. Nothing is chosen by it.
    """

    every: int = within(1000, NOT_NEGATIVE)
    estimate: EstimateName = "density"
    depth: int = within(1, AT_LEAST_ONE)
    limit: int | None = within(None, AT_LEAST_ONE)
    trained: bool = place(True)

    def __post_init__(self) -> None:
        check_ranges(self, "validation.")


@dataclass(frozen=True)
class Reporting:
    """What reports on the progress besides the log: the table ``[report]``.

    Args:
        tensorboard: write event files for TensorBoard.
        progress: show a progress bar on a terminal.
    """

    tensorboard: bool = place(False)
    progress: bool = place(True)


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of one training. All of them are ours, unless they name the paper.

    Args:
        output: folder for checkpoints, the log and the weights.
        data_root: folder in which relative roots of ``data`` start.
        model: name of the architecture.
        backbone: file or URL of ImageNet weights of the backbone, see ``raz.models.load_backbone``;
            None for random initialisation.
        weights: file or published name of whole weights to start from.
        steps: length in steps of the optimizer, which is reproducible. Give this or ``minutes``.
        minutes: length in minutes; 60 where neither is given. ``stages`` have their own lengths.
        batch_size: crops per step, over all processes.
        accumulate: number of parts into which a process divides its share of a batch, to save
            memory.
        norm: "batch" leaves normalisations as the net is built; "frozen" keeps all at their stored
            statistics; "sync" takes the statistics of a batch over all processes (CUDA). "auto" is
            "frozen" where ``weights`` is given, else "batch": weights that were trained with stored
            statistics count several times the people with those of a batch.
        ema: decay of the running mean of the weights, which is what is kept in the end.
        bfloat16: run the net in bfloat16 (losses stay in float32); "auto" where that is fast, see
            ``raz.devices.has_fast_bfloat16``.
        channels_last: memory layout of activations.
        compile: run the net through ``torch.compile``.
        checkpoint_minutes: minutes between two checkpoints.
        publish: which averaged weights are kept in the end: the "last", or the "best" by validation
            in the last stage.
        device: "auto" is CUDA where it is available, else the CPU.
        workers: number of processes that make crops; with 0 the training process makes them.
        threads: number of CPU threads; None for torch's own default.
        accept_truth: train on points that cannot be right by `raz.data.truth`, too; without it they
            are an error before the first step.
        keep_memory: keep memory that a step frees for the next one, see
            ``raz.kept_memory``; has an effect on the CPU with glibc alone.
        seed: of initialisation and crops.
        crops: which crops are cut.
        optimizer: how the weights follow the gradients.
        schedule: how the learning rate changes.
        losses: weights of the loss terms. Gamma is 20 here; the paper's 100 buys recall with
            probabilities that say little.
        augmentation: changes of the crops.
        validation: how the weights are measured during the training.
        report: what reports on the progress.
        data: the data sets.
        stages: one after the other; empty for one stage of ``steps`` or ``minutes``.

    Raises:
        ValueError: there is no such model, or a number is out of range.

    Example:
        >>> from raz.training import TrainingConfig
        >>> TrainingConfig(steps=2000).total_steps
        2000
    """

    output: str = place("")
    data_root: str = place("")
    model: str = "raznet_lite"
    backbone: str | None = place(None)
    weights: str | None = place(None)
    steps: int | None = length(None, AT_LEAST_ONE)
    minutes: float | None = length(None, POSITIVE)
    batch_size: int = within(8, AT_LEAST_ONE)
    accumulate: int = within(1, AT_LEAST_ONE)
    norm: Literal["auto", "batch", "frozen", "sync"] = "auto"
    ema: float = within(0.999, Range(0, 1, below=True))
    bfloat16: bool | Literal["auto"] = "auto"
    channels_last: bool = True
    compile: bool = False
    checkpoint_minutes: float = place(2.0, Range(endless=True))
    publish: Literal["last", "best"] = "last"
    device: str = place("auto")
    workers: int = place(1, Range(0, MOST_PROCESSES))
    threads: int | None = place(None, Range(1, MOST_PROCESSES))
    accept_truth: bool = place(False)
    keep_memory: bool = place(True)
    seed: int = within(0, Range(0, 2**63, below=True))
    crops: Crops = field(default_factory=Crops)
    optimizer: Optimizer = field(default_factory=Optimizer)
    schedule: Schedule = field(default_factory=Schedule)
    losses: LossWeights = field(default_factory=lambda: LossWeights(gamma=20.0))
    augmentation: Augmentation = field(default_factory=Augmentation)
    validation: Validation = field(default_factory=Validation)
    report: Reporting = field(default_factory=Reporting)
    data: tuple[DataPart, ...] = SHANGHAITECH
    stages: tuple[Stage, ...] = ()

    def __post_init__(self) -> None:
        if self.model not in list_models():
            known = ", ".join(list_models())
            raise ValueError(f"model is {shown(repr(self.model), 100)}; it must be one of {known}")
        check_ranges(self)
        if self.batch_size % self.accumulate:
            raise ValueError(
                f"batch_size is {self.batch_size}; it must be a multiple of accumulate, "
                f"{self.accumulate}"
            )
        if self.schedule.name == "plateau" and not self.validation.every:
            raise ValueError("validation.every is 0; the schedule 'plateau' needs validations")
        self._check_lengths()

    def _check_lengths(self) -> None:
        own = self.steps is not None or self.minutes is not None
        if not self.stages:
            Stage(steps=self.steps, minutes=self.minutes)  # checks them
        elif own:
            raise ValueError("steps or minutes is given beside stages, which have their own")
        for index, stage in enumerate(self.stages):
            if stage.steps is None and stage.minutes is None:
                raise ValueError(f"stages[{index}] has no length; give it steps or minutes")

    @property
    def all_stages(self) -> tuple[Stage, ...]:
        """The stages; where there are none, one that trains everything."""
        if self.stages:
            return self.stages
        minutes = DEFAULT_MINUTES if self.steps is None and self.minutes is None else self.minutes
        return (Stage(steps=self.steps, minutes=minutes),)

    @property
    def chosen_norm(self) -> str:
        """What ``norm`` is, with "auto" resolved."""
        if self.norm != "auto":
            return self.norm
        return "batch" if self.weights is None else "frozen"

    @property
    def total_steps(self) -> int | None:
        """Number of steps of all stages, or None where the length of one is in minutes."""
        steps = [stage.steps for stage in self.all_stages]
        return None if None in steps else sum(step for step in steps if step is not None)


def read_config(path: str | Path) -> dict[str, Any]:
    """Read a configuration file. Its values are checked by :func:`make_config`.

    Args:
        path: of the file, TOML.

    Raises:
        ValueError: the file is not TOML.
        OSError: it cannot be read.

    Example:
        >>> import tempfile
        >>> from raz.training import make_config, read_config
        >>> with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        ...     print("steps = 2000", file=file, flush=True)
        ...     values = read_config(file.name)
        >>> values
        {'steps': 2000}
        >>> make_config(values | {"seed": 1}).seed
        1
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:  # of tomllib, of UTF-8, of an integer of thousands of digits
        raise ValueError(f"{path} is not TOML: {shown(error)}") from error
    except RecursionError:
        raise ValueError(f"{path} is not TOML that can be read: it is nested too deep") from None


def make_config(values: Mapping[str, Any]) -> TrainingConfig:
    """Return the configuration with these values, and the defaults for all others.

    Args:
        values: by the name of the setting; tables are mappings, arrays are sequences.

    Raises:
        ValueError: a name is unknown or a value is bad; the message names it.

    Example:
        >>> from raz.training import make_config
        >>> config = make_config({"steps": 2000, "crops": {"size": 256}})
        >>> config.crops.size, config.batch_size
        (256, 8)
    """
    if not values.keys() & {"steps", "minutes", "stages"}:
        values = {**values, "minutes": DEFAULT_MINUTES}
    return from_mapping(TrainingConfig(), values)


def config_toml(config: TrainingConfig) -> str:
    """Return a configuration as TOML. `make_config` of what is read back is equal to it.

    Raises:
        ImportError: tomli-w is not installed.

    Example:
        >>> from raz.training import config_toml, make_config
        >>> config_toml(make_config({"steps": 2000})).splitlines()[3]
        'steps = 2000'
    """
    return to_toml(to_mapping(config))


_RENAMED = {"pictures": "limit", "reading": "estimate"}
"""Last parts of the names of settings in runs of raz 0.1.0 and before, and what they are now."""


_ADDED = {"schedule.decay": 0.0}
"""Settings that recipes of an earlier raz lack, and the values that do what it did."""


def with_present_names(values: Any) -> Any:
    """Rename the settings in a recipe or configuration that an earlier raz wrote for a run."""
    if isinstance(values, Mapping):
        return {_present(name): with_present_names(value) for name, value in values.items()}
    if isinstance(values, list):
        return [with_present_names(value) for value in values]
    return values


def _present(name: str) -> str:
    table, dot, last = name.rpartition(".")
    return table + dot + _RENAMED.get(last, last)


def recipe(config: TrainingConfig) -> dict[str, Any]:
    """Return the settings that the result depends on, by dotted name: all but every `place`.

    ``norm`` is resolved: it may depend on ``weights``, which is a place.
    """
    settings = {
        name: value
        for name, value in flattened(to_mapping(config))
        if metadata_of(TrainingConfig, name).get("role") != "place"
    }
    return settings | {"norm": config.chosen_norm}


def differences(
    old: Mapping[str, Any], new: Mapping[str, Any], *, lengths: bool = True
) -> list[str]:
    """Name the settings that differ between two recipes; ``lengths`` says whether lengths count."""
    old, new = {**_ADDED, **old}, {**_ADDED, **new}
    return [
        f"{shown(name, 60)} was {shown(repr(old.get(name)), 60)}, is {new.get(name)!r}"
        for name in {**old, **new}
        if old.get(name) != new.get(name)
        and (lengths or metadata_of(TrainingConfig, name).get("role") != "length")
        and (_is_used(old, name) or _is_used(new, name))
    ]


def _is_used(recipe: Mapping[str, Any], name: str) -> bool:
    """Whether a setting means something there: some only do in parts of a certain layout."""
    layout = metadata_of(TrainingConfig, name).get("layout")
    return layout is None or recipe.get(f"{name.rpartition('.')[0]}.layout") == layout
