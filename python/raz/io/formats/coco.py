"""COCO keypoints: one category "person" of one keypoint "head"."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from raz.io.formats.result_format import Collection, Format
from raz.io.formats.values import Floats, dumps, located, number

if TYPE_CHECKING:
    from raz.result import Result

__all__ = ["FORMAT", "LabelledImage", "coco_document", "coco_text"]

_PERSON = {"id": 1, "name": "person", "keypoints": ["head"], "skeleton": []}


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledImage:
    """What a file of points says of one image.

    Attributes:
        name: its file name, with suffix.
        size: (width, height) in pixels.
        points: [N, 2], (x, y) in pixels.
        scores: [N], None for heads that were marked.
        boxes: [N, 4] of the same heads, edges (x1, y1, x2, y2) in pixels; None where unknown.
    """

    name: str
    size: tuple[int, int]
    points: Floats
    scores: Floats | None = None
    boxes: Floats | None = None


def coco_text(result: Result, *, image_id: int = 1) -> str:
    """Return COCO keypoints as JSON; see :meth:`raz.Result.to_coco`."""
    return dumps(coco_document([_labelled(result)], first_id=image_id))


def coco_document(images: Iterable[LabelledImage], *, first_id: int = 1) -> dict[str, Any]:
    """COCO keypoints of images whose ids count from ``first_id``; without boxes they are empty."""
    entries: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image_id, image in enumerate(images, start=first_id):
        entries.append(_image_entry(image, image_id))
        annotations += _annotations(image, image_id, first_id=len(annotations) + 1)
    return {"images": entries, "categories": [_PERSON], "annotations": annotations}


def _collection() -> Collection:
    """Annotations are written as they come; the images, about 100 bytes each, at the end."""
    entries: list[str] = []
    number_of_annotations = 0

    def item(result: Result) -> str:
        nonlocal number_of_annotations
        image, image_id = _labelled(result), len(entries) + 1
        entries.append(dumps(_image_entry(image, image_id)))
        texts = list(map(dumps, _annotations(image, image_id, first_id=number_of_annotations + 1)))
        continued = ",\n" if number_of_annotations and texts else ""
        number_of_annotations += len(texts)
        return continued + ",\n".join(texts)

    def tail() -> str:
        images = ",\n".join(entries)
        return f'\n], "categories": [{dumps(_PERSON)}], "images": [\n{images}\n]}}\n'

    return Collection(item, '{"annotations": [\n', tail=tail)


def _labelled(result: Result) -> LabelledImage:
    points, scores = located(result)
    return LabelledImage(
        name=result.path or "", size=result.image_size, points=points, scores=scores
    )


def _image_entry(image: LabelledImage, image_id: int) -> dict[str, Any]:
    width, height = image.size
    return {"id": image_id, "width": width, "height": height, "file_name": image.name}


def _annotations(image: LabelledImage, image_id: int, *, first_id: int) -> Iterator[dict[str, Any]]:
    for index, (x, y) in enumerate(image.points.tolist()):
        left, top, right, bottom = (
            (x, y, x, y) if image.boxes is None else image.boxes[index].tolist()
        )
        width, height = right - left, bottom - top
        annotation = {
            "id": first_id + index,
            "image_id": image_id,
            "category_id": 1,
            "keypoints": [x, y, 2],  # 2: labelled and visible
            "num_keypoints": 1,
            "bbox": [left, top, width, height],
            "area": width * height,
            "iscrowd": 0,
        }
        if image.scores is not None:
            annotation["score"] = number(image.scores[index])
        yield annotation


FORMAT = Format(
    name="coco",
    suffixes=(".coco.json",),
    text=lambda result: coco_text(result) + "\n",
    collection=_collection,
)
