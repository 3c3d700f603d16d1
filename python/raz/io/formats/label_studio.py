"""Label Studio's JSON tasks: heads as predictions, key points in percent of the image.

For a labelling configuration with ``<Image name="image" value="$image"/>`` and
``<KeyPointLabels name="label" toName="image">`` that has a label "head".
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from raz.io.formats.result_format import Collection, Format
from raz.io.formats.values import dumps, number

if TYPE_CHECKING:
    from raz.result import Result

__all__ = ["FORMAT", "label_studio_text"]

_DOT = 0.5
"""Size at which a key point is drawn, in percent of the image's width."""


def label_studio_text(result: Result) -> str:
    """Return an array of one task; see :meth:`raz.Result.to_label_studio`."""
    return f"[{_task(result)}]"


def _task(result: Result) -> str:
    prediction = {"model_version": result.model, "result": list(_key_points(result))}
    data = {"image": result.path or "", "count": number(result.count)}
    return dumps({"data": data, "predictions": [prediction]})


def _key_points(result: Result) -> Iterator[dict[str, Any]]:
    width, height = result.image_size
    scores = result.scores.detach().cpu().tolist()
    for index, (x, y) in enumerate(result.points.detach().cpu().tolist(), start=1):
        score = scores[index - 1]
        yield {
            "id": f"head-{index}",
            "type": "keypointlabels",
            "from_name": "label",
            "to_name": "image",
            "original_width": width,
            "original_height": height,
            "image_rotation": 0,
            "value": {
                "x": x * 100 / width,
                "y": y * 100 / height,
                "width": _DOT,
                "keypointlabels": ["head"],
            },
            **({"score": score} if math.isfinite(score) else {}),
        }


FORMAT = Format(
    name="label-studio",
    suffixes=(".label-studio.json",),
    text=lambda result: label_studio_text(result) + "\n",
    collection=partial(Collection, _task, "[\n", ",\n", lambda: "\n]\n"),
)
"""An array of tasks, a line each."""
