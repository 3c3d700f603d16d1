"""The engine: crops in, weights out, in stages, by one process or many, resumable at any moment."""

from __future__ import annotations

import contextlib
import copy
import json
import logging
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from raz.files import atomic_file
from raz.models import get_model, load_backbone
from raz.models.raznet import RAZNet
from raz.models.weights import load_weights
from raz.training import checkpoint
from raz.training.config import Stage, TrainingConfig, config_toml, recipe
from raz.training.crops import crop_batches
from raz.training.distributed import World, joined_world
from raz.training.ema import ExponentialMovingAverage
from raz.training.interruption import Interruption, deferred_interrupts
from raz.training.optimizer import GradientClipping, make_optimizer
from raz.training.parts import calibration_pictures, open_parts
from raz.training.schedule import Plateau, learning_rate_factor
from raz.training.stages import StageLosses, has_idle_parameters, prepare, synchronize_norms
from raz.training.validation import errors_of, relative_error, validate_together

if TYPE_CHECKING:
    from raz.training.report import Report

_log = logging.getLogger(__name__)

_LOOK_EVERY = 20
"""Steps after which figures are fetched from a GPU; on the CPU they are looked at in each step."""


class _Done(NamedTuple):
    """A step whose figures have not been fetched from the device yet."""

    step: int
    pictures: list[str]
    learning_rate: float
    names: list[str]
    values: Tensor


def train(config: TrainingConfig, *, resume: bool = False, extend: bool = False) -> RAZNet | None:
    """Train a model and return it with its averaged weights, in evaluation mode.

    ``output/last`` holds the whole state: calling again with the same settings continues from it,
    and where a length in steps is given, to the same result, bit for bit on the CPU with the same
    number of threads. ``output/log.jsonl`` tells of the losses and of validations.

    Args:
        config: what to train.
        resume: there must be a run to continue.
        extend: continue a run with another length than it began with.

    Returns:
        The model; None in a process that ``torchrun`` started beside the first.

    Raises:
        InputError: a picture or its points cannot be read.
        WeightsError: a file of weights cannot be read or does not fit.
        ValueError: the run was begun with other settings (they are named), or there is none to
            resume, or batches cannot be divided among the processes.
        FloatingPointError: a loss is no longer finite; the message names step and pictures. The
            checkpoint on disk is one from before.
        KeyboardInterrupt: SIGINT or SIGTERM came; the run is saved.
    """
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    with joined_world(config.device) as world, deferred_interrupts() as interruption:
        run = _Run(config, world, interruption)
        run.restore(resume=resume, extend=extend)
        with _report(run) as report:
            run.fit(report)
        return run.result() if world.leads else None


@contextlib.contextmanager
def _report(run: _Run) -> Iterator[Report | None]:
    """The report of the first process."""
    if not run.world.leads:
        yield None
        return
    from raz.training.report import open_report

    with open_report(
        Path(run.config.output),
        total_steps=run.config.total_steps,
        resume_step=run.step,
        tensorboard=run.config.report.tensorboard,
        progress=run.config.report.progress,
    ) as report:
        yield report


def initial_model(config: TrainingConfig) -> RAZNet:
    """Return the net that training starts from: a function of the settings alone."""
    torch.manual_seed(config.seed)
    model = get_model(config.model, weights=config.weights)
    if config.backbone is not None:
        load_backbone(model, config.backbone)
    return model


class _Run:
    """One run in one process: its state is what a checkpoint holds."""

    def __init__(self, config: TrainingConfig, world: World, interruption: Interruption) -> None:
        self.config, self.world, self.interruption = config, world, interruption
        self.output = Path(config.output)
        self.report: Report | None = None
        self.parts = open_parts(config)
        self.calibration = calibration_pictures(self.parts, config.validation.pictures)
        if config.schedule.name == "plateau" and not len(self.calibration):
            raise ValueError("data has no calibration pictures; the schedule 'plateau' needs some")
        model = initial_model(config).to(world.device)
        if config.channels_last:
            model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged = copy.deepcopy(model).eval()
        self.model = model
        self.ema = ExponentialMovingAverage(model, config.ema)
        self.step = 0
        self.best = math.inf
        self.validated_step = 0
        self.pending: list[_Done] = []
        self.saved = time.monotonic()

    # What a stage sets up

    def enter(self, stage: int) -> None:
        """Begin a stage: its own optimizer, schedule and clock; weights and their mean go on."""
        self.stage = stage
        self.stage_step, self.seconds = 0, 0.0
        settings = self.now
        prepare(self.model, settings, self.config.norm)
        if self.config.norm == "sync" and self.world.size > 1:
            _check_sync(self.world, settings)
            synchronize_norms(self.model)
        self.trainable = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = make_optimizer(self.model, self.config.optimizer)
        self.clipping = GradientClipping(self.config.optimizer.clip, self.world.device)
        self.plateau = Plateau(self.config.schedule)
        losses = StageLosses(self.model, self.config, settings)
        self.losses = _distributed(losses, self.world) if self.world.size > 1 else losses

    @property
    def now(self) -> Stage:
        return self.config.all_stages[self.stage]

    @property
    def progress(self) -> float:
        """Share of the stage that is done."""
        stage = self.now
        if stage.steps is not None:
            return min(1.0, self.stage_step / stage.steps)
        assert stage.minutes is not None
        return min(1.0, self.seconds / (60 * stage.minutes))

    # The state

    def state_dict(self) -> dict[str, Any]:
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
        state = checkpoint.load_state(self.output / checkpoint.STATE)
        if state is None:
            if resume:
                raise ValueError(f"{self.output} holds no run to resume")
            if self.world.leads:
                self.output.mkdir(parents=True, exist_ok=True)
            self.enter(0)
        else:
            checkpoint.check_recipe(state["recipe"], recipe(self.config), extend=extend)
            self.load_state_dict(state)
            _log.info("continuing from step %d", self.step)
        if self.world.leads:
            checkpoint.sweep(self.output)
            with atomic_file(self.output / "config.toml") as file:
                file.write(config_toml(self.config))

    def load_state_dict(self, state: dict[str, Any]) -> None:
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
        self.look()  # what is not finite must not be saved
        self.saved = time.monotonic()
        if not self.world.leads:
            return
        checkpoint.save_averaged(
            self.with_mean(), self.output / checkpoint.LAST, {"step": str(self.step)}
        )
        checkpoint.save_state(self.output / checkpoint.STATE, self.state_dict())

    def with_mean(self) -> RAZNet:
        """The net with averaged weights, in evaluation mode."""
        self.averaged.load_state_dict(self.ema.mean)
        return self.averaged

    def result(self) -> RAZNet:
        """The net that the run was for."""
        best = self.output / checkpoint.BEST
        if self.config.publish == "best" and best.exists():
            load_weights(self.averaged, best)
            return self.averaged
        return self.with_mean()

    # The loop

    def fit(self, report: Report | None) -> None:
        """Step, validate and save until the last stage is done."""
        self.report = report
        batches = crop_batches(self.config, self.parts, self.world, self.step)
        clock = time.monotonic()
        while True:
            if self.must_validate():
                self.validate()
                clock = time.monotonic()
            if self.progress >= 1:
                if self.stage + 1 == len(self.config.all_stages):
                    break
                self.look()
                self.enter(self.stage + 1)
                clock = time.monotonic()
            self.train_step(batches)
            now = time.monotonic()
            self.seconds, clock = self.seconds + now - clock, now
            if self.world.device.type == "cpu" or self.step % _LOOK_EVERY == 0:
                self.look()
                self.agree()
        self.save()

    def train_step(self, batches: Iterator[Any]) -> None:
        """One update of the weights."""
        factor = learning_rate_factor(self.config.schedule, self.progress)
        factor *= self.plateau.factor * self.now.learning_rate
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak_lr"] * factor
        self.optimizer.zero_grad(set_to_none=True)
        names: list[str] = []
        sums: dict[str, Tensor] = {}
        for part in range(self.config.accumulate):
            images, points, pictures = next(batches)
            losses = self.backward(images, points, last=part + 1 == self.config.accumulate)
            for name, value in losses.items():
                sums[name] = sums.get(name, 0.0) + value.detach() / self.config.accumulate
            names += pictures
        norm = self.clipping.clip(self.trainable)
        self.optimizer.step()
        self.ema.update(self.model)
        self.step += 1
        self.stage_step += 1
        figures = sums | {"norm": norm}
        values = torch.stack([value.float() for value in figures.values()])
        rate = max(group["lr"] for group in self.optimizer.param_groups)
        self.pending.append(_Done(self.step, names, rate, list(figures), values))

    def backward(self, images: Tensor, points: list[Tensor], *, last: bool) -> dict[str, Tensor]:
        """Add the gradients of a part of the batch; return its losses."""
        waits = self.world.size > 1 and not last
        assert isinstance(self.losses, DistributedDataParallel | StageLosses)
        quiet = self.losses.no_sync() if waits else contextlib.nullcontext()  # type: ignore[operator]
        with quiet:
            losses: dict[str, Tensor] = self.losses(self.to_net(images), points, self.step)
            total = torch.stack(list(losses.values())).sum()
            (total / self.config.accumulate).backward()  # type: ignore[no-untyped-call]
        return losses

    def to_net(self, images: Tensor) -> Tensor:
        """uint8 images as the net takes them: float RGB in [0, 1] on its device."""
        layout = torch.channels_last if self.config.channels_last else torch.contiguous_format
        x = images.to(self.world.device, non_blocking=True)
        return x.to(dtype=torch.float32, memory_format=layout).div_(255)

    def look(self) -> None:
        """Fetch what the last steps' figures were, stop if one is not finite, report them."""
        pending, self.pending = self.pending, []
        if not pending:
            return
        together = self.world.mean(torch.stack([done.values for done in pending])).tolist()
        for done, values in zip(pending, together, strict=True):
            record = dict(zip(done.names, values, strict=True))
            if not all(map(math.isfinite, values)):
                self.diverged(done, record)
            if self.report is not None:
                record["learning_rate"] = done.learning_rate
                self.report.step(record, step=done.step)

    def diverged(self, done: _Done, record: dict[str, float]) -> NoReturn:
        bad = ", ".join(f"{n} {value}" for n, value in record.items() if not math.isfinite(value))
        pictures = sorted({name for part in self.world.gather(done.pictures) for name in part})
        raise FloatingPointError(
            f"loss or gradient not finite at step {done.step}: {bad}; "
            f"the batch was made of {', '.join(pictures)}"
        )

    def agree(self) -> None:
        """Let all processes take the first one's clock, save together and end together."""
        due = time.monotonic() - self.saved >= 60 * self.config.checkpoint_minutes
        together = self.world.gather((self.interruption.requested, self.seconds, due))
        self.seconds = together[0][1]
        if any(requested for requested, *_ in together):
            self.stop()
        # A validation saves too, once it is done: so that its line is written once.
        if together[0][2] and not self.must_validate():
            self.save()

    def stop(self) -> NoReturn:
        self.save()
        raise KeyboardInterrupt

    # Validation

    def must_validate(self) -> bool:
        every = self.config.validation.every
        if not every or not len(self.calibration) or self.validated_step == self.step:
            return False
        last = self.progress >= 1 and self.stage + 1 == len(self.config.all_stages)
        return last or self.step % every == 0

    def validate(self) -> None:
        """Measure the averaged weights; keep them if they are the best so far."""
        self.look()
        settings = self.config.validation
        model = self.with_mean()
        self.world.align(model.buffers())
        counted = validate_together(
            model,
            self.calibration,
            self.world,
            depth=settings.depth,
            after_each=self.stop_alone,
        )
        error = relative_error(counted, settings.reading)
        if self.report is not None:
            figures = {f"{name}_mae": e.mae for name, e in errors_of(counted).items()}
            self.report.validation(figures | {"relative_error": error}, step=self.step)
        if error < self.best and self.world.leads:
            metadata = {"step": str(self.step), "relative_error": json.dumps(error)}
            checkpoint.save_averaged(self.averaged, self.output / checkpoint.BEST, metadata)
        self.best = min(self.best, error)
        self.plateau.take(error)
        self.validated_step = self.step
        self.save()

    def stop_alone(self) -> None:
        """End in the midst of a validation, which is repeated on resuming."""
        if self.interruption.requested and self.world.size == 1:
            self.stop()


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
