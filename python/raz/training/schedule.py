"""Learning rates within a stage, as shares of the configured ones."""

from __future__ import annotations

import math

from raz.training.config import Schedule


def learning_rate_factor(schedule: Schedule, progress: float) -> float:
    """Share of the learning rate at a point of a stage, without what a plateau took off.

    It rises linearly during the warm-up; then "cosine" falls along a cosine to ``floor``, the
    others stay.

    Args:
        schedule: which, and its parameters.
        progress: share of the stage that is done, in [0, 1].
    """
    if progress < schedule.warmup:
        return max(progress / schedule.warmup, 0.01)
    if schedule.name != "cosine":
        return 1.0
    past = (progress - schedule.warmup) / (1 - schedule.warmup)
    return schedule.floor + (1 - schedule.floor) * 0.5 * (1 + math.cos(math.pi * past))


class Plateau:
    """Lower the rate where an error stalls (Liu et al., CVPR 2019: it is halved).

    After more than ``patience`` errors in a row that are no new best, the factor is multiplied by
    that of the schedule, and the count begins anew.
    """

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.factor = 1.0
        self.best = math.inf
        self.stalled = 0

    def take(self, error: float) -> None:
        """Take in the error of a validation."""
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
