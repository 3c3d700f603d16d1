"""The engine: crops in, weights out, in stages, by one process or many, resumable at any moment."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import torch
from torch import Tensor

from raz.evaluation import CountEstimate, count_errors, relative_error
from raz.kept_memory import kept_memory
from raz.models.raznet import RAZNet
from raz.training import checkpoint
from raz.training.batches import Batch, crop_batches
from raz.training.clock import SECONDS, TimeTable
from raz.training.config import TrainingConfig
from raz.training.datasets import (
    Images,
    OpenPart,
    calibration_images,
    check_output,
    image_digests,
    open_parts,
    require_equal_parts,
    require_sensible_truth,
    trained_images,
    warn_of_division,
)
from raz.training.distributed import joined_world
from raz.training.heartbeat import watched
from raz.training.interruption import Interruption, deferred_interrupts
from raz.training.lock import alone_in
from raz.training.run import Run, begun_state
from raz.training.step_memory import check_step_memory
from raz.training.summary import opening_lines
from raz.training.validation import validate_together

if TYPE_CHECKING:
    from raz.training.report import Report

_log = logging.getLogger(__name__)

_FLUSH_EVERY = 20
"""Steps after which losses are fetched from a GPU; on the CPU they are fetched in each step."""


def train(config: TrainingConfig, *, resume: bool = False, extend: bool = False) -> RAZNet | None:
    """Train a model and return it with its averaged weights, in evaluation mode.

    ``output/last`` holds the whole state. Calling again with the same settings continues from it.
    With a length in steps the result is then the same, bit for bit on the CPU with the same number
    of threads. ``output/log.jsonl`` holds the losses and validations,
    and how long the parts of a step took.

    Args:
        config: what to train.
        resume: refuse to begin a new run.
        extend: continue a run with another length than it began with.

    Returns:
        The model; None in every process that ``torchrun`` started but the first.

    Raises:
        InputError: an image or its points cannot be read, or points cannot be right (see
            ``accept_truth``).
        WeightsError: a file of weights cannot be read or does not fit, or the checkpoint is
            damaged.
        ResourceError: a batch cannot fit the memory that is left, or a worker process was killed.
        ValueError: another training is at work in the folder; or the run was begun with other
            settings (the message names them) or by a raz that cuts other crops, or there is none to
            resume; or batches cannot be divided among the processes.
        OSError: a file cannot be written; the last checkpoint is whole.
        ConnectionError: another process of the training is gone, or ended with an error; the
            message names it.
        FloatingPointError: a loss is no longer finite; the message names the step and the images.
            The checkpoint on disk is an earlier one.
        KeyboardInterrupt: SIGINT or SIGTERM came; the run is saved.

    Example:
        >>> from raz.training import make_config, train
        >>> config = make_config({"output": "runs/a", "data_root": "shanghaitech", "steps": 20_000})
        >>> model = train(config)  # doctest: +SKIP
        >>> model.predict("photo.jpg").count  # doctest: +SKIP
        181.3
    """
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    with (
        joined_world(config.device) as world,
        deferred_interrupts() as interruption,
        watched(world),
        kept_memory(config.keep_memory and world.device.type == "cpu"),
    ):
        parts = open_parts(config)
        with alone_in(Path(config.output), world):
            images = image_digests(parts)
            state = world.from_first(
                lambda: begun_state(config, resume=resume, extend=extend, images=images)
            )
            require_equal_parts(parts, world)
            if state is None:
                check_output(config, parts)
                if not config.accept_truth:
                    require_sensible_truth(parts)
            with contextlib.closing(Run(config, world, state, images=images)) as run:
                check_step_memory(run.model, config, world)
                if world.leads:
                    warn_of_division(config, parts)
                    run.prepare_output()
                    for line in opening_lines(config, run.model, parts, world):
                        _log.info("%s", line)
                with _report(run) as report:
                    _Training(run, parts, interruption, report).fit()
                return run.result() if world.leads else None


class StepRecord(NamedTuple):
    """A step whose losses have not been fetched from the device yet.

    Attributes:
        step: its number, from 1.
        image_names: the images that its crops were cut from.
        learning_rate: the greatest of its learning rates.
        names: of the values: the loss terms, and "norm" of the gradient.
        values: float32 [number of names], on the device.
        seconds: that the parts of the step took, by name, see `raz.training.clock`.
    """

    step: int
    image_names: list[str]
    learning_rate: float
    names: list[str]
    values: Tensor
    seconds: dict[str, float]


def training_step(run: Run, batches: Iterator[Batch]) -> StepRecord:
    """Update the weights once, with the mean gradient of ``accumulate`` batches."""
    stage, parts = run.stage, run.config.accumulate
    clock = stage.clock
    clock.start()
    learning_rate = stage.set_learning_rate()
    stage.optimizer.zero_grad(set_to_none=True)

    image_names: list[str] = []
    terms: dict[str, Tensor] = {}
    for part in range(parts):
        images, points, names = next(batches)
        pixels = _as_floats(images, run)
        clock.lap("crops")
        last = part + 1 == parts
        with contextlib.nullcontext() if last else stage.gradients_stay_here():
            losses: dict[str, Tensor] = stage.losses(pixels, points, run.step)
            total = torch.stack(list(losses.values())).sum()
            (total / parts).backward()  # type: ignore[no-untyped-call]
        clock.lap("backward")
        for name, loss in losses.items():
            share = loss.detach().float() / parts
            terms[name] = terms[name] + share if part else share
        image_names += names

    norm = stage.clipping.clip(stage.trainable)
    stage.optimizer.step()
    run.ema.update(run.model)
    run.step += 1
    stage.step += 1
    values = torch.stack([*terms.values(), norm])
    clock.lap("optimizer")
    return StepRecord(run.step, image_names, learning_rate, [*terms, "norm"], values, clock.take())


def _as_floats(images: Tensor, run: Run) -> Tensor:
    """Convert uint8 images to what the net takes: float RGB in [0, 1] on its device."""
    layout = torch.channels_last if run.config.channels_last else torch.contiguous_format
    x = images.to(run.world.device, non_blocking=True)
    return x.to(dtype=torch.float32, memory_format=layout).div_(255)


@contextlib.contextmanager
def _report(run: Run) -> Iterator[Report | None]:
    """Open the report of the first process."""
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
        share=lambda: run.done_share,
    ) as report:
        yield report


class _Training:
    """Steps, validations and checkpoints of a run in one process."""

    def __init__(
        self, run: Run, parts: list[OpenPart], interruption: Interruption, report: Report | None
    ) -> None:
        self.run, self.config, self.world = run, run.config, run.world
        self.parts, self.interruption, self.report = parts, interruption, report
        validation = run.config.validation
        self.calibration = calibration_images(parts, validation.limit)
        self.trained = trained_images(parts if validation.trained else (), validation.limit)
        if run.config.schedule.name == "plateau" and not len(self.calibration):
            raise ValueError("data has no calibration images; the schedule 'plateau' needs some")
        self.pending: list[StepRecord] = []
        self.times = TimeTable()
        self.saved = time.monotonic()

    def fit(self) -> None:
        """Step, validate and save until the last stage is done."""
        batches = crop_batches(self.config, self.parts, self.world, self.run.step)
        # Closed at once: a traceback would keep the workers, for which the interpreter then waits.
        with contextlib.closing(batches):
            self._fit_on(batches)

    def _fit_on(self, batches: Iterator[Batch]) -> None:
        run = self.run
        if run.step == 0 and self.config.weights is not None and self.validates():
            self.measure(run.averaged())  # what the weights to start from are worth
        stopwatch = _Stopwatch(run.stage.seconds)
        while True:
            if self.validation_is_due():
                self.validate()
                stopwatch.go_on()
            if run.stage.progress >= 1:
                if run.in_last_stage:
                    break
                self.flush_losses()
                run.enter_next_stage()
                stopwatch = _Stopwatch()
            self.pending.append(training_step(run, batches))
            seconds = stopwatch.read()
            if self.world.device.type == "cpu" or run.step % _FLUSH_EVERY == 0:
                self.flush_losses()
                self.agree(seconds)
        if any(self.world.gather(self.interruption.requested)):
            self.stop()
        self.save()
        if self.report is not None and self.times.steps and self.world.device.type == "cpu":
            _log.info("%d steps by the wall's clock:", self.times.steps)
            for line in str(self.times).splitlines():
                _log.info("%s", line)

    def flush_losses(self) -> None:
        """Fetch the losses of the last steps from the device, check and report them.

        Raises:
            FloatingPointError: one is not finite.
        """
        pending, self.pending = self.pending, []
        if not pending:
            return
        together = self.world.mean(torch.stack([done.values for done in pending])).tolist()
        for done, values in zip(pending, together, strict=True):
            record = dict(zip(done.names, values, strict=True))
            if not all(map(math.isfinite, values)):
                self.refuse(done, record)
            self.times.add(done.seconds)
            if self.report is not None:
                record["learning_rate"] = done.learning_rate
                record |= {SECONDS + part: each for part, each in done.seconds.items()}
                self.report.step(record, step=done.step)

    def refuse(self, done: StepRecord, record: Mapping[str, float]) -> NoReturn:
        """End with the names of the losses that are not finite, and of the images."""
        bad = ", ".join(f"{n} {value}" for n, value in record.items() if not math.isfinite(value))
        image_names = sorted(
            {name for part in self.world.gather(done.image_names) for name in part}
        )
        raise FloatingPointError(
            f"loss or gradient not finite at step {done.step}: {bad}; "
            f"the batch was made of {', '.join(image_names)}"
        )

    def agree(self, seconds: float) -> None:
        """Let all processes take the first one's clock, save together and end together."""
        due = time.monotonic() - self.saved >= 60 * self.config.checkpoint_minutes
        together = self.world.gather((self.interruption.requested, seconds, due))
        self.run.stage.seconds = together[0][1]
        if any(requested for requested, *_ in together):
            self.stop()
        # A validation saves too, once it is done: so that its line is written once.
        if together[0][2] and not self.validation_is_due():
            self.save()

    def save(self) -> None:
        """Write a checkpoint, unless the losses of the last steps are not finite."""
        self.flush_losses()
        self.run.save()
        self.saved = time.monotonic()

    def stop(self) -> NoReturn:
        """Save and end."""
        self.save()
        raise KeyboardInterrupt

    def validates(self) -> bool:
        """Whether there are validations."""
        return self.config.validation.every > 0 and len(self.calibration) > 0

    def validation_is_due(self) -> bool:
        """Whether a validation is due that has not been made."""
        run = self.run
        if not self.validates() or run.validated_step == run.step:
            return False
        return run.step % self.config.validation.every == 0 or (
            run.in_last_stage and run.stage.progress >= 1
        )

    def validate(self) -> None:
        """Measure the averaged weights; keep them if they are the best of the stage so far."""
        self.flush_losses()
        run, stage = self.run, self.run.stage
        model = run.averaged()
        error = self.measure(model)
        if error < stage.best and self.world.leads:
            metadata = {"step": str(run.step), "relative_error": json.dumps(error)}
            checkpoint.save_averaged(model, run.output / checkpoint.BEST, metadata)
        stage.best = min(stage.best, error)
        stage.plateau.take(error)
        run.validated_step = run.step
        self.save()

    def measure(self, model: RAZNet) -> float:
        """Report the errors of a net; return the mean relative one that chooses the best."""
        self.world.align(model.buffers())
        name = self.run.stage.settings.estimate or self.config.validation.estimate
        estimates = self.estimates(model, self.calibration)
        figures = {f"{each}_mae": e.mae for each, e in count_errors(estimates).items()}
        if len(self.trained):
            learnt = count_errors(self.estimates(model, self.trained))
            figures[f"trained_{name}_mae"] = learnt[name].mae
        error = relative_error(estimates, name)
        figures["relative_error"] = error
        if self.report is not None:
            self.report.validation(figures, step=self.run.step)
        return error

    def estimates(self, model: RAZNet, images: Images) -> list[CountEstimate]:
        """Count the persons in images, together with the other processes."""
        return validate_together(
            model,
            images,
            self.world,
            depth=self.config.validation.depth,
            after_each=self.stop_alone,
        )

    def stop_alone(self) -> None:
        """End in the midst of a validation, which is repeated on resuming."""
        if self.interruption.requested and self.world.size == 1:
            self.stop()


class _Stopwatch:
    """Seconds, without pauses."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds
        self.go_on()

    def go_on(self) -> None:
        """Leave out what has passed since the last reading."""
        self._last = time.monotonic()

    def read(self) -> float:
        now = time.monotonic()
        self._seconds, self._last = self._seconds + now - self._last, now
        return self._seconds
