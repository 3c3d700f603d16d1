"""The state of a run: everything that a checkpoint holds, and what a stage sets up around it."""

from __future__ import annotations

import copy
import logging
import math
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from raz.files import atomic_file
from raz.models import get_model, load_backbone
from raz.models.raznet import RAZNet
from raz.models.weights import load_weights
from raz.training import checkpoint
from raz.training.config import Stage, TrainingConfig, config_toml, recipe
from raz.training.distributed import World
from raz.training.ema import ExponentialMovingAverage
from raz.training.optimizer import GradientClipping, make_optimizer
from raz.training.schedule import Plateau, learning_rate_factor
from raz.training.stages import StageLosses, has_idle_parameters, prepare, synchronize_norms

_log = logging.getLogger(__name__)


def initial_model(config: TrainingConfig, *, begun: bool = False) -> RAZNet:
    """Return the net that training starts from: a function of the settings alone.

    Args:
        config: of the training.
        begun: there is a checkpoint, which holds every weight: no file is read, for it may be gone.
    """
    torch.manual_seed(config.seed)
    model = get_model(config.model, weights=None if begun else config.weights)
    if config.backbone is not None and not begun:
        load_backbone(model, config.backbone)
    return model


class Run:
    """A run in one process, before its first stage is entered or a checkpoint is loaded.

    Attributes:
        model: what is trained.
        ema: running mean of its weights.
        losses: the model and the losses of the stage, one module.
        step: steps of the optimizer that are done.
        stage: number of the present stage.
        stage_step: steps of it that are done.
        seconds: time that it has taken, as all processes agree.
        best: least relative error of a validation of the present stage.
        validated_step: step of the last validation.
    """

    def __init__(self, config: TrainingConfig, world: World) -> None:
        self.config, self.world = config, world
        self.output = Path(config.output)
        self._begun = checkpoint.load_state(self.output / checkpoint.STATE)
        model = initial_model(config, begun=self._begun is not None).to(world.device)
        if config.channels_last:
            model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.model = model
        self.ema = ExponentialMovingAverage(model, config.ema)
        self._averaged = copy.deepcopy(model).eval()
        self.step = 0
        self.validated_step = 0

    def enter(self, stage: int) -> None:
        """Begin a stage: its own optimizer, schedule, clock and best; weights and mean go on."""
        self.stage = stage
        self.stage_step, self.seconds = 0, 0.0
        # The best of the stage before lacks what this one is to teach.
        self.best = math.inf
        settings = self.stage_settings
        prepare(self.model, settings, self.config.norm)
        if self.config.norm == "sync" and self.world.size > 1:
            _check_sync(self.world, settings)
            synchronize_norms(self.model)
        self.trainable = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = make_optimizer(self.model, self.config.optimizer)
        self.clipping = GradientClipping(self.config.optimizer.clip, self.world.device)
        self.plateau = Plateau(self.config.schedule)
        losses = StageLosses(self.model, self.config, settings)
        alone = self.world.size == 1
        self.losses: nn.Module = losses if alone else _distributed(losses, self.world)

    def close(self) -> None:
        """Let go of the losses, and with them of DDP, while the group of processes is still there.

        DDP's destructor would otherwise be the one to end the group, with the interpreter's lock
        held, and wait forever for a thread of gloo's that needs this lock to drop its last result.
        """
        self.__dict__.pop("losses", None)

    @property
    def stage_settings(self) -> Stage:
        """Settings of the present stage."""
        return self.config.all_stages[self.stage]

    @property
    def progress(self) -> float:
        """Share of the stage that is done."""
        stage = self.stage_settings
        if stage.steps is not None:
            return min(1.0, self.stage_step / stage.steps)
        assert stage.minutes is not None
        return min(1.0, self.seconds / (60 * stage.minutes))

    @property
    def in_last_stage(self) -> bool:
        """Whether no stage follows the present one."""
        return self.stage + 1 == len(self.config.all_stages)

    def set_learning_rate(self) -> float:
        """Set the rates of the next step; return the greatest."""
        factor = learning_rate_factor(self.config.schedule, self.progress)
        factor *= self.plateau.factor * self.stage_settings.learning_rate
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak_lr"] * factor
        return max(float(group["lr"]) for group in self.optimizer.param_groups)

    def averaged(self) -> RAZNet:
        """The net with averaged weights, in evaluation mode; always the same object."""
        self._averaged.load_state_dict(self.ema.mean)
        return self._averaged

    def result(self) -> RAZNet:
        """The net that the run was for."""
        # A file without a validation is another run's.
        if self.config.publish == "best" and math.isfinite(self.best):
            load_weights(self._averaged, self.output / checkpoint.BEST)
            return self._averaged
        return self.averaged()

    def state_dict(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {
            "recipe": recipe(self.config),
            "model": self.model.state_dict(),
            "ema": self.ema.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "clipping": self.clipping.state_dict(),
            "plateau": self.plateau.state_dict(),
            "step": self.step,
            "stage": self.stage,
            "stage_step": self.stage_step,
            "seconds": self.seconds,
            "best": self.best,
            "validated_step": self.validated_step,
        }

    def restore(self, *, resume: bool, extend: bool) -> None:
        """Take up the run in the output folder, or begin one there."""
        state, self._begun = self._begun, None
        if state is None:
            if resume:
                raise ValueError(f"{self.output} holds no run to resume")
            if self.world.leads:
                self.output.mkdir(parents=True, exist_ok=True)
            self.enter(0)
        else:
            checkpoint.check_recipe(state["recipe"], recipe(self.config), extend=extend)
            self.load_state_dict(state)
        if self.world.leads:
            if state is not None:
                _log.info("continuing from step %d", self.step)
            checkpoint.sweep(self.output)
            with atomic_file(self.output / "config.toml") as file:
                file.write(config_toml(self.config))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a checkpoint's state."""
        self.enter(state["stage"])
        self.model.load_state_dict(state["model"])
        self.ema.load_state_dict(state["ema"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.clipping.load_state_dict(state["clipping"])
        self.plateau.load_state_dict(state["plateau"])
        self.step, self.stage_step = state["step"], state["stage_step"]
        self.seconds, self.best = state["seconds"], state["best"]
        self.validated_step = state["validated_step"]

    def save(self) -> None:
        """Write the state, and the averaged weights for use."""
        if not self.world.leads:
            return
        metadata = {"step": str(self.step)}
        checkpoint.save_averaged(self.averaged(), self.output / checkpoint.LAST, metadata)
        checkpoint.save_state(self.output / checkpoint.STATE, self.state_dict())


def _distributed(losses: StageLosses, world: World) -> nn.Module:
    # Without device_ids, which would move the points to the GPU.
    return DistributedDataParallel(
        losses, find_unused_parameters=has_idle_parameters(losses, world.device)
    )


def _check_sync(world: World, stage: Stage) -> None:
    if world.device.type != "cuda":
        raise ValueError("norm is 'sync'; on the CPU it must be 'frozen' or 'batch'")
    if stage.kind == "zoom":
        raise ValueError("norm is 'sync'; in a zoom stage, where a process may have no region, "
                         "it must be 'frozen' or 'batch'")  # fmt: skip
