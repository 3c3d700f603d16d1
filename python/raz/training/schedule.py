"""The learning rate within a stage, as a share of the configured one."""

from __future__ import annotations

import math

from raz.training.config import Schedule


def learning_rate_factor(schedule: Schedule, progress: float, *, last: bool = True) -> float:
    """Return the share of the learning rate at a point of a stage, without `Plateau`.

    It rises linearly during the warm-up. Then "cosine" falls along a cosine to ``floor``; the other
    schedules stay at 1. "constant" ends with the decay: where a share t of it is done, the factor
    is 1 - sqrt(t), but at least ``floor`` (Hägele et al., NeurIPS 2024).

    Args:
        schedule: its name and parameters.
        progress: share of the stage that is done, in [0, 1].
        last: whether it is the last stage; only this one decays.
    """
    if progress < schedule.warmup:
        return max(progress / schedule.warmup, 0.01)
    if schedule.name == "constant" and last and progress > 1 - schedule.decay:
        decayed = 1 - (1 - progress) / schedule.decay
        return max(1 - math.sqrt(decayed), schedule.floor)
    if schedule.name != "cosine":
        return 1.0
    past = (progress - schedule.warmup) / (1 - schedule.warmup)
    return schedule.floor + (1 - schedule.floor) * 0.5 * (1 + math.cos(math.pi * past))


class Plateau:
    """Lower the learning rate where an error stalls (Liu et al., CVPR 2019: it is halved).

    After more than ``patience`` errors in a row without a new best, ``factor`` is multiplied by
    that of the schedule, and the count starts again.
    """

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.factor = 1.0
        self.best = math.inf
        self.stalled = 0

    def take(self, error: float) -> None:
        """Add the error of a validation."""
        if error < self.best:
            self.best, self.stalled = error, 0
            return
        self.stalled += 1
        if self.stalled > self.schedule.patience:
            self.factor = max(self.factor * self.schedule.factor, self.schedule.floor)
            self.stalled = 0

    def state_dict(self) -> dict[str, float]:
        """Return the state for a checkpoint."""
        return {"factor": self.factor, "best": self.best, "stalled": self.stalled}

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Continue from a checkpoint's state."""
        self.factor, self.best = state["factor"], state["best"]
        self.stalled = int(state["stalled"])
