"""From a trained model to the file that ships: thresholds chosen, figures measured, all written."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from raz.evaluation import (
    CountError,
    CountEstimate,
    TracedImage,
    calibrate,
    collect_traces,
    count_errors,
    error_table,
    estimate_counts,
)
from raz.files import atomic_file
from raz.models import save_weights
from raz.models.raznet import RAZNet
from raz.network import OperatingPoint
from raz.training.config import TrainingConfig, recipe
from raz.training.datasets import OpenPart, calibration_images, empty_images, open_parts

_log = logging.getLogger(__name__)


def publish(model: RAZNet, config: TrainingConfig, path: Path) -> str:
    """Calibrate on the calibration images, measure on those held out, write the weights.

    Beside ``path`` a JSON file of the same name gets the settings, the thresholds and all figures:
    what a model card is written from. Its "oracle" figures have thresholds chosen on the very
    images that they are measured on: they bound what better thresholds could give, and are
    nobody's to claim. Where there are no calibration images the model keeps its thresholds. Drawn
    images of nobody take part in the choice if drawn scenes are trained on.

    Returns:
        The figures as a table.
    """
    parts = open_parts(config)
    limit = config.validation.limit
    calibration = calibration_images(parts, limit)
    errors: dict[str, float] = {}
    if len(calibration):
        traced = collect_traces(model, calibration)
        empty = collect_traces(model, empty_images(config, limit))
        chosen = calibrate(traced, model.operating_point, empty=empty)
        model.operating_point, errors = chosen.operating_point, chosen.errors
        _log.info("calibrated: %s", model.operating_point)
    else:
        _log.warning("no images to calibrate on: thresholds stay %s", model.operating_point)
    settings = recipe(config)
    save_weights(model, path, metadata={"training": json.dumps(settings)})

    figures = {part.name: _measured(model, part, limit) for part in parts if len(part.report)}
    card = {
        "training": settings,
        "operating_point": json.loads(model.operating_point.to_json()),
        "calibration_mae": errors,
        "validation": _plain(figures, 0),
        "oracle": _plain(figures, 1),
    }
    with atomic_file(path.with_suffix(".json")) as file:
        file.write(json.dumps(card, indent=2) + "\n")
    return "\n".join(error_table(f"{name}, held out", *errors) for name, errors in figures.items())


def _measured(
    model: RAZNet, part: OpenPart, limit: int | None
) -> tuple[dict[str, CountError], dict[str, CountError]]:
    """Errors at the model's thresholds, and at those that these very images would choose."""
    seen = collect_traces(model, part.report[:limit])
    oracle = calibrate(seen, model.operating_point).operating_point
    errors, best = _errors(seen, model.operating_point), _errors(seen, oracle)
    for name in ("localization", "localization+", "fusion"):
        _log.info(
            "%s, %s: mean absolute error %.2f calibrated, %.2f oracle",
            part.name, name, errors[name].mae, best[name].mae,
        )  # fmt: skip
    return errors, best


def _errors(seen: Sequence[TracedImage], point: OperatingPoint) -> dict[str, CountError]:
    return count_errors(
        [CountEstimate(each.heads, estimate_counts(each.trace, point)) for each in seen]
    )


def _plain(
    figures: Mapping[str, tuple[dict[str, CountError], dict[str, CountError]]], which: int
) -> dict[str, Any]:
    return {
        part: {name: asdict(error) for name, error in errors[which].items()}
        for part, errors in figures.items()
    }
