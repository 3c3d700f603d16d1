from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from raz import neighbours
from raz.errors import InputError, ResourceError
from raz.io.points import ImagePoints, PointFile
from raz.metrics import PROTOCOLS, evaluate, nwpu_localization
from raz.metrics.evaluation import pair
from raz.metrics.registry import protocol_names


def file(images, *, path="pred.csv", keys=None, by_id=False):
    return PointFile(path=path, kind="csv", images=images, keys=keys or {}, by_id=by_id)


def points(*rows, **more):
    return ImagePoints(points=np.array(rows, dtype=float).reshape(-1, 2), **more)


TRUTH = file({"a": points([0, 0], [50, 50]), "b": points()}, path="gt.csv")
PREDICTIONS = file({"b": points([1, 1]), "a": points([3, 0], [90, 90], [0, 9])})


def test_command_line_offers_every_protocol():
    assert tuple(PROTOCOLS) == protocol_names()


@pytest.mark.parametrize("protocol", [name for name in PROTOCOLS if name != "nwpu"])
def test_every_protocol_on_files(protocol):
    result = evaluate(PREDICTIONS, TRUTH, protocol)
    assert (result.protocol.name, result.images) == (protocol, 2)
    assert list(result.per_image) == ["b", "a"]
    assert result.per_image["a"]["image"] == {"heads": 2, "predictions": 3, "count": 3}
    for row in result.protocol.main + result.protocol.shown:
        assert row in result.figures
    assert all(isinstance(value, (int, float)) for row in result.figures.values()
               for value in row.values())  # fmt: skip


def test_figures_and_images():
    result = evaluate(PREDICTIONS, TRUTH, "fixed")
    assert result.figures["4px"]["tp"] == 1
    assert result.figures["4px"]["fp"] == 3
    assert result.per_image["a"]["4px"]["precision"] == pytest.approx(1 / 3)
    assert math.isnan(result.per_image["b"]["4px"]["recall"])


def test_nwpu_is_the_function_of_the_same_name(scenes):
    truth = {str(k): ImagePoints(points=s["heads"], sigmas=s["sigmas"], levels=s["levels"])
             for k, s in enumerate(scenes)}  # fmt: skip
    predicted = {str(k): ImagePoints(points=s["points"]) for k, s in enumerate(scenes)}
    names = ("points", "heads", "sigmas", "levels")
    expected = nwpu_localization(*([scene[name] for scene in scenes] for name in names))
    np.testing.assert_equal(evaluate(file(predicted), file(truth), "nwpu").figures, expected)


def test_nwpu_needs_radii():
    with pytest.raises(InputError, match=r"gt.csv: protocol nwpu needs a radius and a level"):
        evaluate(PREDICTIONS, TRUTH, "nwpu")


def test_count_takes_the_stated_count_and_the_labels():
    predictions = file({"a": points([0, 0], count=7.5, size=(8, 8)), "b": points(size=(8, 8))})
    truth = TRUTH.with_labels(
        {"a": {"weather": 2, "level": 1, "luminance": 0}}
        | {"b": {"weather": 0, "level": 0, "luminance": 2}}
    )
    figures = evaluate(predictions, truth, "count").figures
    assert figures["all"]["mae"] == figures["low"]["mae"] == pytest.approx(5.5 / 2)
    assert figures["weather"]["mae"] == figures["level1"]["mae"] == 5.5
    assert figures["luminance2"]["mae"] == 0
    assert figures["game"]["0"] == 0.5  # from points
    assert figures["game"]["3"] == 0.5  # the sizes are the predictions'


def test_count_without_labels_and_sizes():
    figures = evaluate(PREDICTIONS, TRUTH, "count").figures
    assert list(figures) == ["all", "low", "medium", "high", "game"]
    assert figures["game"]["0"] == 1
    assert math.isnan(figures["game"]["1"])


def test_what_would_not_fit_the_memory_names_its_image(monkeypatch):
    monkeypatch.setattr(neighbours, "_MOST_PAIRS", 3)
    many = file({"crowd": points(*[(1, 1)] * 2)})
    with pytest.raises(ResourceError, match="crowd: more than 3 pairs of a prediction and a head"):
        evaluate(many, many, "mle")


def test_missing_images():
    predictions = file({"b": points()})
    with pytest.raises(InputError, match=r"^pred.csv: image a is missing, of those in gt.csv$"):
        evaluate(predictions, TRUTH, "fixed")
    result = evaluate(predictions, TRUTH, "fixed", missing="empty")
    assert result.figures["8px"]["fn"] == 2
    assert result.images == 2


def test_extra_images():
    images = {str(k): points(line=k) for k in range(1, 10)} | dict(PREDICTIONS.images)
    with pytest.raises(
        InputError, match=r"^pred.csv:1: 9 images are \(1, 2, 3, 4, 5, \.\.\.\) not in gt.csv$"
    ):
        evaluate(file(images), TRUTH, "fixed")
    assert evaluate(file(images), TRUTH, "fixed", extra="ignore").images == 2


@pytest.mark.parametrize("option", [{"missing": "ignore"}, {"extra": "eror"}])
def test_an_unknown_word_for_missing_or_extra_images_is_named(option):
    [(name, value)] = option.items()
    with pytest.raises(ValueError, match=f"{name} is '{value}'; it must be 'error' or "):
        evaluate(PREDICTIONS, TRUTH, "fixed", **option)


def test_images_pair_by_coco_ids_where_predictions_have_no_names():
    truth = file(dict(TRUTH.images), path="gt.json", keys={"7": "a", "9": "b"})
    predictions = file({"9": points([1, 1]), "7": points()}, by_id=True)
    assert list(pair(predictions, truth)) == ["b", "a"]


def test_names_that_look_like_coco_ids_stay_names():
    images = {"2": points([1, 1]), "1": points(), "3": points([5, 5])}
    truth = file(images, path="gt.json", keys={"1": "2", "2": "1", "3": "3"})
    for predictions in (file(dict(images)), truth):
        assert evaluate(predictions, truth, "fixed").figures["8px"]["f1"] == 1
    shifted = file({"3": points(), "4": points()}, path="gt.json", keys={"1": "3", "2": "4"})
    assert list(pair(file(dict(shifted.images)), shifted)) == ["3", "4"]


def test_coco_ids_are_translated_once():
    truth = file({"2": points(), "10": points()}, path="gt.json", keys={"1": "2", "2": "10"})
    by_row = file({"1": points(), "2": points()}, by_id=True).by_row_number(truth.images)
    assert list(pair(by_row, truth)) == ["10", "2"]


def test_scores_of_some_images_only():
    mixed = file({"a": points([1, 1], scores=np.ones(1)), "b": points([2, 2])})
    with pytest.raises(InputError, match=r"pred.csv: some images have scores and some have none"):
        evaluate(mixed, TRUTH, "coco")
    assert evaluate(mixed, TRUTH, "coco-macro").images == 2


def test_unknown_protocol():
    with pytest.raises(ValueError, match="protocol is 'best'; it must be one of nwpu, fixed"):
        evaluate(PREDICTIONS, TRUTH, "best")


def test_paths(tmp_path):
    (tmp_path / "pred.json").write_text(json.dumps([{"path": "x/a.jpg", "points": [[1, 2, 0.5]]}]))
    (tmp_path / "gt.csv").write_text("image,x,y\na.jpg,1,2\n")
    result = evaluate(tmp_path / "pred.json", str(tmp_path / "gt.csv"), "nap")
    assert math.isnan(result.figures["mean"]["ap"])  # a lone head


@pytest.mark.parametrize(("left", "right"), [(True, False), (False, True)])
def test_a_file_that_does_not_name_its_image_is_of_the_only_one(left, right):
    predictions = replace(file({"heads": points([1, 2])}), unnamed=left)
    truth = replace(file({"IMG_7": points([1, 2])}), unnamed=right)
    assert list(pair(predictions, truth)) == ["IMG_7"]
    with pytest.raises(InputError, match="image heads is not in"):
        pair(replace(predictions, unnamed=False), replace(truth, unnamed=False))
    with pytest.raises(InputError, match="image heads is not in"):
        pair(predictions, TRUTH)
