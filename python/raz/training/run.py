"""A training in one process: everything that a checkpoint holds."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import raz
from raz.data.mix import STREAM
from raz.errors import WeightsError
from raz.files import atomic_file
from raz.models import get_model, load_backbone
from raz.models.raznet import RAZNet
from raz.models.weights import load_weights
from raz.network import OperatingPoint
from raz.training import checkpoint
from raz.training.config import TrainingConfig, config_toml, recipe
from raz.training.distributed import World
from raz.training.ema import ExponentialMovingAverage
from raz.training.length import done_share
from raz.training.resumed import StateError, check_stored
from raz.training.stage_run import StageRun, check_synchronised

_log = logging.getLogger(__name__)


def initial_model(config: TrainingConfig, *, begun: bool = False) -> RAZNet:
    """Return the net that a training starts from: a function of the settings alone.

    Args:
        config: of the training.
        begun: whether there is a checkpoint. It holds every weight, so no other file is read: they
            may be gone.
    """
    torch.manual_seed(config.seed)
    model = get_model(config.model, weights=None if begun else config.weights)
    if config.backbone is not None and not begun:
        load_backbone(model, config.backbone)
    return model


def _common_model(config: TrainingConfig, world: World, *, begun: bool) -> RAZNet:
    """Return the net that all processes start from; only the first reads its files."""
    if begun or world.size == 1:
        return initial_model(config, begun=begun)
    weights, point = world.from_first(lambda: _contents(initial_model(config)))
    model = initial_model(config, begun=True)
    model.load_state_dict(weights)
    model.operating_point = point
    return model


def _contents(model: RAZNet) -> tuple[dict[str, Tensor], OperatingPoint]:
    return model.state_dict(), model.operating_point


def _stored_point(config: TrainingConfig) -> str:
    """Return the thresholds beside a checkpoint of an earlier raz, which lacks them, as JSON."""
    model = initial_model(config, begun=True)
    path = Path(config.output, checkpoint.LAST)
    if path.exists():
        load_weights(model, path)
    return model.operating_point.to_json()


def begun_state(
    config: TrainingConfig,
    *,
    resume: bool,
    extend: bool,
    images: Mapping[str, Sequence[object]] | None = None,
) -> dict[str, Any] | None:
    """Load the checkpoint in the output folder, or return None where a new run begins.

    Args:
        config: to go on with.
        resume: refuse to begin a new run.
        extend: accept another length than the run began with.
        images: of `raz.training.datasets.image_digests`; None does not compare them.

    Raises:
        ValueError: the run was begun with other settings, crops or images, or there is none to
            resume.
        WeightsError: the checkpoint is damaged, or the weights beside one of an earlier raz are.
    """
    output = Path(config.output)
    state = checkpoint.load_state(output / checkpoint.STATE)
    if state is not None:
        checkpoint.check_complete(output / checkpoint.STATE, state)
        checkpoint.check_recipe(
            state["recipe"], recipe(config), extend=extend, version=state.get("raz")
        )
        checkpoint.check_stream(state.get("stream"), version=state.get("raz"))
        if images is not None and "images" in state:
            checkpoint.check_images(state["images"], images)
        if "operating_point" not in state:
            state["operating_point"] = _stored_point(config)
    elif resume:
        raise ValueError(f"{output} holds no run to resume")
    return state


class Run:
    """A training in one process, in one of its stages.

    Args:
        config: of the training.
        world: the processes.
        state: of a checkpoint, to continue it; None begins the first stage.
        images: of `raz.training.datasets.image_digests`, for checkpoints.

    Attributes:
        model: what is trained.
        ema: running mean of its weights.
        step: number of steps of the optimizer that are done, in all stages.
        validated_step: step of the last validation.
        stage_index: number of the present stage, from 0.
        stage: the present stage.
    """

    def __init__(
        self,
        config: TrainingConfig,
        world: World,
        state: Mapping[str, Any] | None = None,
        *,
        images: Mapping[str, Sequence[object]] | None = None,
    ) -> None:
        self.config, self.world, self._images = config, world, images or {}
        self.output = Path(config.output)
        if config.norm == "sync" and world.size > 1:
            for stage in config.all_stages:
                check_synchronised(stage, world.device)
        model = _common_model(config, world, begun=state is not None).to(world.device)
        if config.channels_last:
            model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.model = model
        self.ema = ExponentialMovingAverage(model, config.ema)
        self._averaged = copy.deepcopy(model).eval()
        self.step, self.validated_step, self.stage_index = 0, 0, 0
        try:
            if state is not None:
                self._load(state)
            stage = config.all_stages[self.stage_index]
            self.stage = StageRun(model, stage, config, world, state, last=self.in_last_stage)
        except StateError as error:
            place = self.output / checkpoint.STATE
            raise WeightsError(f"{place} holds no state of this training: {error}") from None

    def _load(self, state: Mapping[str, Any]) -> None:
        own = self.model.state_dict()
        try:
            check_stored("weights", state["model"], own)
        except StateError as error:
            place = self.output / checkpoint.STATE
            raise WeightsError(
                f"{place} holds weights of another {self.config.model}: {error}"
            ) from None
        check_stored("averaged weights", state["ema"]["mean"], own)
        self.model.load_state_dict(state["model"])
        self.ema.load_state_dict(state["ema"])
        point = OperatingPoint.from_json(state["operating_point"])
        self.model.operating_point = self._averaged.operating_point = point
        self.step, self.validated_step = state["step"], state["validated_step"]
        self.stage_index = state["stage"]
        if self.stage_index >= len(self.config.all_stages):
            count = len(self.config.all_stages)
            raise StateError(f"stage is {self.stage_index}; it must be below {count}")

    def enter_next_stage(self) -> None:
        """Begin the next stage."""
        self.stage.close()
        self.stage_index += 1
        stage = self.config.all_stages[self.stage_index]
        self.stage = StageRun(self.model, stage, self.config, self.world, last=self.in_last_stage)

    def close(self) -> None:
        """Close the present stage, see `StageRun.close`."""
        self.stage.close()

    @property
    def in_last_stage(self) -> bool:
        """Whether no stage follows the present one."""
        return self.stage_index + 1 == len(self.config.all_stages)

    @property
    def done_share(self) -> float:
        """Share of the training that is done, in [0, 1]."""
        return done_share(self.config, self.stage_index, self.stage.progress)

    def averaged(self) -> RAZNet:
        """Return the net with averaged weights, in evaluation mode; always the same object."""
        self._averaged.load_state_dict(self.ema.mean)
        return self._averaged

    def result(self) -> RAZNet:
        """Return the net that the training was for."""
        # A file without a validation is another run's.
        if self.config.publish == "best" and math.isfinite(self.stage.best):
            load_weights(self._averaged, self.output / checkpoint.BEST)
            return self._averaged
        return self.averaged()

    def state_dict(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {
            "raz": raz.__version__,
            "stream": STREAM,
            "recipe": recipe(self.config),
            "images": {name: list(each) for name, each in self._images.items()},
            "model": self.model.state_dict(),
            "ema": self.ema.state_dict(),
            "operating_point": self.model.operating_point.to_json(),
            "step": self.step,
            "stage": self.stage_index,
            "validated_step": self.validated_step,
            **self.stage.state_dict(),
        }

    def prepare_output(self) -> None:
        """Make the output folder ready: remove torn files, write the settings."""
        if self.step:
            _log.info("continuing from step %d", self.step)
        self.output.mkdir(parents=True, exist_ok=True)
        checkpoint.sweep(self.output)
        with atomic_file(self.output / "config.toml") as file:
            file.write(config_toml(self.config))

    def save(self) -> None:
        """Write the state, and the averaged weights for use; only in the first process."""
        if not self.world.leads:
            return
        metadata = {"step": str(self.step)}
        checkpoint.save_averaged(self.averaged(), self.output / checkpoint.LAST, metadata)
        checkpoint.save_state(self.output / checkpoint.STATE, self.state_dict())
