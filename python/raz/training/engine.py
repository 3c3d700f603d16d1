"""The engine: crops in, weights out, in stages, by one process or many, resumable at any moment."""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from raz.evaluation import count_errors, relative_error
from raz.models.raznet import RAZNet
from raz.training import checkpoint
from raz.training.batches import Batch, crop_batches
from raz.training.config import TrainingConfig
from raz.training.datasets import OpenPart, calibration_images, open_parts
from raz.training.distributed import joined_world
from raz.training.interruption import Interruption, deferred_interrupts
from raz.training.run import Run
from raz.training.validation import validate_together

if TYPE_CHECKING:
    from raz.training.report import Report

_LOOK_EVERY = 20
"""Steps after which figures are fetched from a GPU; on the CPU they are looked at in each step."""


class _Done(NamedTuple):
    """A step whose figures have not been fetched from the device yet."""

    step: int
    image_names: list[str]
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
        InputError: an image or its points cannot be read.
        WeightsError: a file of weights cannot be read or does not fit.
        ValueError: the run was begun with other settings (they are named), or there is none to
            resume, or batches cannot be divided among the processes.
        FloatingPointError: a loss is no longer finite; the message names step and images. The
            checkpoint on disk is one from before.
        KeyboardInterrupt: SIGINT or SIGTERM came; the run is saved.
    """
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    with joined_world(config.device) as world, deferred_interrupts() as interruption:
        parts = open_parts(config)
        with contextlib.closing(Run(config, world)) as run:
            run.restore(resume=resume, extend=extend)
            with _report(run) as report:
                _Loop(run, parts, interruption, report).fit()
            return run.result() if world.leads else None


@contextlib.contextmanager
def _report(run: Run) -> Iterator[Report | None]:
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


class _Loop:
    """Steps, validations and checkpoints of a run in one process."""

    def __init__(
        self,
        run: Run,
        parts: list[OpenPart],
        interruption: Interruption,
        report: Report | None,
    ) -> None:
        self.run, self.config, self.world = run, run.config, run.world
        self.parts, self.interruption, self.report = parts, interruption, report
        self.calibration = calibration_images(parts, run.config.validation.limit)
        if run.config.schedule.name == "plateau" and not len(self.calibration):
            raise ValueError("data has no calibration images; the schedule 'plateau' needs some")
        self.pending: list[_Done] = []
        self.saved = time.monotonic()

    def fit(self) -> None:
        """Step, validate and save until the last stage is done."""
        batches = crop_batches(self.config, self.parts, self.world, self.run.step)
        # Closed at once: a traceback would keep the workers, for which the interpreter then waits.
        with contextlib.closing(batches):
            self.fit_on(batches)

    def fit_on(self, batches: Iterator[Batch]) -> None:
        """The same on given batches."""
        run = self.run
        stopwatch = _Stopwatch(run.seconds)
        while True:
            if self.must_validate():
                self.validate()
                stopwatch.go_on()
            if run.progress >= 1:
                if run.in_last_stage:
                    if any(self.world.gather(self.interruption.requested)):
                        self.stop()
                    break
                self.look()
                run.enter(run.stage + 1)
                stopwatch = _Stopwatch()
            self.train_step(batches)
            seconds = stopwatch.read()
            if self.world.device.type == "cpu" or run.step % _LOOK_EVERY == 0:
                self.look()
                self.agree(seconds)
        self.save()

    def train_step(self, batches: Iterator[Batch]) -> None:
        """One update of the weights."""
        run = self.run
        rate = run.set_learning_rate()
        run.optimizer.zero_grad(set_to_none=True)
        image_names: list[str] = []
        sums: dict[str, Tensor] = {}
        for part in range(self.config.accumulate):
            images, points, names = next(batches)
            losses = self.backward(images, points, last=part + 1 == self.config.accumulate)
            for name, value in losses.items():
                share = value.detach().float() / self.config.accumulate
                sums[name] = sums[name] + share if part else share
            image_names += names
        norm = run.clipping.clip(run.trainable)
        run.optimizer.step()
        run.ema.update(run.model)
        run.step += 1
        run.stage_step += 1
        values = torch.stack([*sums.values(), norm])
        self.pending.append(_Done(run.step, image_names, rate, [*sums, "norm"], values))

    def backward(self, images: Tensor, points: list[Tensor], *, last: bool) -> dict[str, Tensor]:
        """Add the gradients of a part of the batch; return its losses."""
        net = self.run.losses
        quiet: contextlib.AbstractContextManager[None] = contextlib.nullcontext()
        if isinstance(net, DistributedDataParallel) and not last:
            quiet = net.no_sync()
        with quiet:
            losses: dict[str, Tensor] = net(self.to_net(images), points, self.run.step)
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

    def diverged(self, done: _Done, record: Mapping[str, float]) -> NoReturn:
        """End with the names of what went wrong and of the images."""
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
        self.run.seconds = together[0][1]
        if any(requested for requested, *_ in together):
            self.stop()
        # A validation saves too, once it is done: so that its line is written once.
        if together[0][2] and not self.must_validate():
            self.save()

    def save(self) -> None:
        """Write a checkpoint, unless the last steps' figures are not finite."""
        self.look()
        self.run.save()
        self.saved = time.monotonic()

    def stop(self) -> NoReturn:
        """Save and end."""
        self.save()
        raise KeyboardInterrupt

    def must_validate(self) -> bool:
        """Whether a validation is due that has not been made."""
        run = self.run
        every = self.config.validation.every
        if not every or not len(self.calibration) or run.validated_step == run.step:
            return False
        return run.step % every == 0 or (run.in_last_stage and run.progress >= 1)

    def validate(self) -> None:
        """Measure the averaged weights; keep them if they are the best of the stage so far."""
        self.look()
        run = self.run
        reading = run.stage_settings.reading or self.config.validation.reading
        model = run.averaged()
        self.world.align(model.buffers())
        counted = validate_together(
            model,
            self.calibration,
            self.world,
            depth=self.config.validation.depth,
            after_each=self.stop_alone,
        )
        error = relative_error(counted, reading)
        if self.report is not None:
            figures = {f"{name}_mae": e.mae for name, e in count_errors(counted).items()}
            self.report.validation(figures | {"relative_error": error}, step=run.step)
        if error < run.best and self.world.leads:
            metadata = {"step": str(run.step), "relative_error": json.dumps(error)}
            checkpoint.save_averaged(model, run.output / checkpoint.BEST, metadata)
        run.best = min(run.best, error)
        run.plateau.take(error)
        run.validated_step = run.step
        self.save()

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
