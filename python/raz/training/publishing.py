"""From a trained model to the file that ships: choose thresholds, measure, write."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

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
from raz.metrics import MetricTable
from raz.models import save_weights
from raz.models.raznet import RAZNet
from raz.network import OperatingPoint, unwrapped
from raz.training.config import TrainingConfig, recipe
from raz.training.datasets import OpenPart, calibration_images, empty_images, open_parts

_log = logging.getLogger(__name__)


def publish(model: RAZNet, config: TrainingConfig, path: str | Path) -> str:
    """Choose thresholds on the calibration images, write the weights, measure the held-out images.

    A JSON file of the same name, from which a model card can be written, gets the settings, the
    thresholds and all figures. Its "leave_one_out" figures are of the calibration images, each
    counted with the correction of the density that the others choose. Its "oracle" figures are
    those of an operating point chosen on the measured images themselves: they bound what a better
    choice could give and are no result. Without calibration images the model keeps its operating
    point. If drawn images of nobody are trained on, others help to choose the density threshold.

    Args:
        model: in evaluation mode; gets the chosen thresholds.
        config: that it was trained by.
        path: of the weights, ``.safetensors``.

    Returns:
        The figures as a table, or a line that says that no images were held out.

    Raises:
        InputError: an image or its points cannot be read.
        OSError: a file cannot be written.

    Example:
        >>> from raz.training import make_config, publish, train
        >>> config = make_config({"output": "runs/a", "data_root": "shanghaitech"})
        >>> print(publish(train(config), config, "a.safetensors"))  # doctest: +SKIP
        part A, held out               MAE              95 %     RMSE     bias          oracle MAE
          fusion                     64.21    45.04 to 86.62   101.87    -9.25   -2.1%       61.03
    """
    model = unwrapped(model, "operating_point")  # a wrapper would keep the thresholds to itself
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)  # before hours of work are lost for a folder
    parts = open_parts(config)
    limit = config.validation.limit
    calibration = calibration_images(parts, limit)
    errors: dict[str, CountError] = {}
    alone: dict[str, CountError] = {}
    if len(calibration):
        traced = collect_traces(model, calibration)
        empty = collect_traces(model, empty_images(config, limit))
        chosen = calibrate(traced, model.operating_point, empty=empty)
        model.operating_point = chosen.operating_point
        errors, alone = chosen.errors, chosen.leave_one_out
        _log.info("calibrated: %s", model.operating_point)
    else:
        _log.warning("no images to calibrate on: thresholds stay %s", model.operating_point)
    settings = recipe(config)
    save_weights(model, path, metadata={"training": json.dumps(settings)})

    figures = {part.name: _measured(model, part, limit) for part in parts if len(part.report)}
    card = {
        "training": settings,
        "operating_point": json.loads(model.operating_point.to_json()),
        "calibration": _plain(errors),
        "leave_one_out": _plain(alone),
        "validation": {name: _plain(measured) for name, (measured, _) in figures.items()},
        "oracle": {name: _plain(oracle) for name, (_, oracle) in figures.items()},
    }
    with atomic_file(path.with_suffix(".json")) as file:
        file.write(json.dumps(card, indent=2) + "\n")
    if not figures:
        return "nothing was measured: no images were held out"
    return "\n".join(error_table(f"{name}, held out", *errors) for name, errors in figures.items())


def _measured(
    model: RAZNet, part: OpenPart, limit: int | None
) -> tuple[dict[str, CountError], dict[str, CountError]]:
    """Return the errors at the model's thresholds, and at those chosen on these very images."""
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


def _plain(errors: Mapping[str, CountError]) -> dict[str, dict[str, float | None]]:
    return MetricTable({name: asdict(error) for name, error in errors.items()}).to_json()
