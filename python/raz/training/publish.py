"""From a trained model to the file that ships: thresholds chosen, figures measured, all written."""

from __future__ import annotations

import itertools
import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from raz.data.sample import Subset
from raz.data.shanghaitech import ShanghaiTech
from raz.data.splits import holdout
from raz.models import save_weights
from raz.models.raznet import RAZNet
from raz.training.calibration import calibrate
from raz.training.config import TrainingConfig
from raz.training.validation import CountError, validate

_log = logging.getLogger(__name__)

PARTS: tuple[Literal["A", "B"], ...] = ("A", "B")
_PLACES = ("data", "output", "backbone", "device")
"""Settings that name a place on the machine that trained: nothing that a reader needs."""


def publish(
    model: RAZNet, config: TrainingConfig, path: Path, *, pictures: int | None = None
) -> str:
    """Calibrate on the calibration split, measure on the held-out tenth, write the weights.

    ``pictures`` limits both to the first few of each part: a smoke test, not a measurement.
    Beside ``path`` a JSON file of the same name gets the configuration, the thresholds and all
    figures: what a model card is written from.

    Returns:
        The figures as a table.
    """
    parts = {part: ShanghaiTech(config.data, part) for part in PARTS}
    splits = {part: holdout(samples.names) for part, samples in parts.items()}
    calibration = calibrate(
        model,
        itertools.chain.from_iterable(
            Subset(parts[part], splits[part].calibration[:pictures]) for part in PARTS
        ),
    )
    model.operating_point = calibration.operating_point
    _log.info("calibrated: %s", calibration.operating_point)
    recipe = {k: v for k, v in asdict(config).items() if k not in _PLACES}
    save_weights(model, path, metadata={"training": json.dumps(recipe)})

    figures = {
        part: validate(model, Subset(parts[part], splits[part].validation[:pictures]))
        for part in PARTS
    }
    card = {
        "training": recipe,
        "operating_point": json.loads(calibration.operating_point.to_json()),
        "calibration_mae": calibration.errors,
        "validation": {
            part: {name: asdict(error) for name, error in readings.items()}
            for part, readings in figures.items()
        },
    }
    path.with_suffix(".json").write_text(json.dumps(card, indent=2) + "\n")
    return "\n".join(table(f"part {part}, held-out tenth", figures[part]) for part in PARTS)


def table(title: str, readings: dict[str, CountError]) -> str:
    """Lay out counting errors as aligned text."""
    lines = [f"{title:<28}{'MAE':>9}{'RMSE':>9}{'bias':>9}"]
    lines += [
        f"  {name:<26}{error.mae:9.2f}{error.rmse:9.2f}{error.bias:+9.2f}"
        for name, error in readings.items()
    ]
    return "\n".join(lines)
