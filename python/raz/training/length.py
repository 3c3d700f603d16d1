"""How long a training is, and which share of it is done."""

from __future__ import annotations

from raz.progress import duration_text
from raz.training.config import Stage, TrainingConfig

__all__ = ["done_share", "length_text"]


def done_share(config: TrainingConfig, stage: int, progress: float) -> float:
    """Return the share of a training that is done, in [0, 1].

    Stages weigh as much as they are long. Where some lengths are in steps and some in minutes, all
    stages weigh the same.

    Args:
        config: of the training.
        stage: index of the present stage.
        progress: share of that stage that is done.

    Example:
        >>> from raz.training.config import Stage
        >>> config = TrainingConfig(stages=(Stage(steps=300), Stage(steps=100)))
        >>> done_share(config, 1, 0.5)
        0.875
    """
    steps = [each.steps for each in config.all_stages]
    minutes = [each.minutes for each in config.all_stages]
    lengths = next((each for each in (steps, minutes) if None not in each), [1] * len(steps))
    weights = [float(length or 0) for length in lengths]
    return (sum(weights[:stage]) + progress * weights[stage]) / sum(weights)


def length_text(config: TrainingConfig) -> str:
    """Say how long a training is, and its stages where there are several.

    Example:
        >>> length_text(TrainingConfig(steps=2000))
        '2000 steps'
    """
    stages = config.all_stages
    if len(stages) == 1:
        return _length_of(stages[0])
    parts = [f"{stage.kind} {_length_of(stage)}" for stage in stages]
    return f"{len(stages)} stages: {', then '.join(parts)}"


def _length_of(stage: Stage) -> str:
    if stage.minutes is not None:
        return duration_text(60 * stage.minutes)
    return f"{stage.steps} steps"
