"""One stage in progress: its losses, its optimizer and how far it is."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from raz.models.raznet import RAZNet
from raz.training.clock import StepClock
from raz.training.config import Stage, TrainingConfig
from raz.training.distributed import World
from raz.training.optimizer import GradientClipping, make_optimizer
from raz.training.resumed import optimizer_state
from raz.training.schedule import Plateau, learning_rate_factor
from raz.training.stages import StageLosses, has_idle_parameters, prepare, synchronize_norms


class StageRun:
    """A stage of a training in one process.

    A stage has an optimizer, a schedule, a clock and a best validation of its own. The model's
    weights go on from stage to stage.

    Args:
        model: what is trained; set up for the stage in place.
        stage: one of the configuration's.
        config: of the training.
        world: the processes.
        state: of a checkpoint in this stage, to continue it.
        last: whether no stage follows: see `learning_rate_factor`.

    Attributes:
        settings: of the stage.
        losses: the model and its losses, one module; DDP where there are several processes.
        clock: of the parts of its steps; it stands still on CUDA, where work is queued.
        trainable: parameters that the stage changes.
        step: number of steps of the stage that are done.
        seconds: time that they took, as all processes agree.
        best: least relative error of a validation in the stage; infinite without one.
    """

    def __init__(
        self,
        model: RAZNet,
        stage: Stage,
        config: TrainingConfig,
        world: World,
        state: Mapping[str, Any] | None = None,
        *,
        last: bool = True,
    ) -> None:
        self.settings = stage
        self.clock = StepClock(runs=world.device.type == "cpu")
        self.schedule = config.schedule
        self.last = last
        prepare(model, stage, config.chosen_norm)
        if config.norm == "sync" and world.size > 1:
            check_synchronised(stage, world.device)
            synchronize_norms(model)
        self.trainable = [p for p in model.parameters() if p.requires_grad]
        self.optimizer = make_optimizer(model, config.optimizer)
        self.clipping = GradientClipping(config.optimizer.clip, world.device)
        self.plateau = Plateau(config.schedule)
        self.step, self.seconds, self.best = 0, 0.0, math.inf
        if state is not None:
            self._load(state)
        # The last thing here: what fails later would leave a DDP that nobody closes.
        losses = StageLosses(model, config, stage, self.clock)
        self.losses: nn.Module = losses if world.size == 1 else _distributed(losses, world)

    def close(self) -> None:
        """Let go of the losses, and with them of DDP, while the group of processes is still there.

        DDP's destructor would otherwise be the one to end the group, with the interpreter's lock
        held, and wait forever for a thread of gloo's that needs this lock to drop its last result.
        """
        self.__dict__.pop("losses", None)

    @property
    def progress(self) -> float:
        """Share of the stage that is done, in [0, 1]."""
        if self.settings.steps is not None:
            return min(1.0, self.step / self.settings.steps)
        assert self.settings.minutes is not None
        return min(1.0, self.seconds / (60 * self.settings.minutes))

    def set_learning_rate(self) -> float:
        """Set the learning rates of the next step; return the greatest."""
        factor = learning_rate_factor(self.schedule, self.progress, last=self.last)
        factor *= self.plateau.factor * self.settings.learning_rate
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak_lr"] * factor
        return max(float(group["lr"]) for group in self.optimizer.param_groups)

    def gradients_stay_here(self) -> contextlib.AbstractContextManager[None]:
        """Return a context in which DDP does not average gradients over the processes."""
        if isinstance(self.losses, DistributedDataParallel):
            return self.losses.no_sync()
        return contextlib.nullcontext()

    def state_dict(self) -> dict[str, Any]:
        """Return the stage's part of a checkpoint."""
        return {
            "optimizer": self.optimizer.state_dict(),
            "clipping": self.clipping.state_dict(),
            "plateau": self.plateau.state_dict(),
            "stage_step": self.step,
            "seconds": self.seconds,
            "best": self.best,
        }

    def _load(self, state: Mapping[str, Any]) -> None:
        self.optimizer.load_state_dict(optimizer_state(state["optimizer"], self.optimizer))
        self.clipping.load_state_dict(state["clipping"])
        self.plateau.load_state_dict(state["plateau"])
        self.step, self.seconds, self.best = state["stage_step"], state["seconds"], state["best"]


def check_synchronised(stage: Stage, device: torch.device) -> None:
    """Refuse ``norm = "sync"`` in a stage where processes would wait for each other for ever.

    Raises:
        ValueError: the device is the CPU, or the stage zooms.
    """
    if device.type != "cuda":
        raise ValueError("norm is 'sync'; on the CPU it must be 'frozen' or 'batch'")
    if stage.kind == "zoom":
        raise ValueError("norm is 'sync'; in a zoom stage, where a process may have no region, "
                         "it must be 'frozen' or 'batch'")  # fmt: skip


def _distributed(losses: StageLosses, world: World) -> nn.Module:
    # Without device_ids, which would move the points to the GPU.
    return DistributedDataParallel(
        losses, find_unused_parameters=has_idle_parameters(losses, world.device)
    )
