from __future__ import annotations

import math
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

from raz import metrics

pytest.importorskip("torchmetrics")

TARGETS = {
    metrics.NWPULocalization: ("heads", "sigmas", "levels"),
    metrics.GAME: ("heads", "size"),
}
"""What targets hold beside points."""

FUNCTIONS = {
    metrics.NWPULocalization: (metrics.nwpu_localization, ("points", "heads", "sigmas", "levels")),
    metrics.FixedRadiusLocalization: (metrics.fixed_radius_localization, ("points", "heads")),
    metrics.COCOPoints: (metrics.coco_points, ("points", "scores", "heads")),
    metrics.COCOPointsMacro: (metrics.coco_points_macro, ("points", "heads")),
    metrics.NormalizedAP: (metrics.normalized_ap, ("points", "scores", "heads")),
    metrics.MLE: (metrics.mean_localization_error, ("points", "heads")),
    metrics.GAME: (metrics.game, ("points", "heads", "size")),
}
"""The function of each class, and what it takes."""


def batch(scenes):
    preds = [{k: torch.as_tensor(s[k]) for k in ("points", "scores")} for s in scenes]
    target = [
        {"points": torch.as_tensor(s["heads"]), "size": s["size"]}
        | {k: torch.as_tensor(s[k]) for k in ("sigmas", "levels")}
        for s in scenes
    ]
    return preds, target


def merged(kind, halves):
    """A metric with the states that DDP would reduce from one process for each half."""
    whole = kind()
    for name, reduction in whole._reductions.items():
        states = [getattr(half, name) for half in halves]
        if isinstance(states[0], list):
            states = [torch.cat(state) for state in states]
            setattr(whole, name, reduction(torch.cat(states)))
        else:
            setattr(whole, name, reduction(torch.stack(states)))
    whole._update_count = 1
    return whole


def same(computed, figures):
    assert {name: float(value) for name, value in computed.items()} == pytest.approx(
        figures.flat(), rel=1e-12, nan_ok=True
    )


@pytest.mark.parametrize("kind", FUNCTIONS, ids=lambda kind: kind.__name__)
def test_classes_equal_functions_also_from_two_halves(kind, scenes):
    function, names = FUNCTIONS[kind]
    figures = function(*([scene[name] for scene in scenes] for name in names))
    metric, halves = kind(), [kind(), kind()]
    for scene in scenes:  # image by image
        metric.update(*batch([scene]))
    for half, part in zip(halves, (scenes[:5], scenes[5:]), strict=True):
        half.update(*batch(part))
    same(metric.compute(), figures)
    same(merged(kind, halves).compute(), figures)


def test_qnrf_gives_means_and_curves(scenes):
    preds, target = batch(scenes)
    figures = metrics.qnrf_localization(
        [scene["points"] for scene in scenes], [scene["heads"] for scene in scenes]
    )
    halves = [metrics.QNRFLocalization(), metrics.QNRFLocalization()]
    halves[0].update(preds[:3], target[:3])
    halves[1].update(preds[3:], target[3:])
    computed = merged(metrics.QNRFLocalization, halves).compute()
    for name, value in figures.pop("mean").items():
        assert float(computed.pop(f"mean_{name}")) == value
    for name, curve in computed.items():
        assert curve.tolist() == [row[name] for row in figures.values()]
    assert set(computed) == {"f1", "precision", "recall"}


@pytest.mark.parametrize(
    ("kind", "function", "labels"),
    [
        (metrics.CrowdCount, metrics.crowd_count, []),
        (metrics.JHUCategories, metrics.jhu_categories, [[0, 3, 0, 1]]),
        (metrics.NWPUCategories, metrics.nwpu_categories, [[0, 1, 4, 4], [0, 2, 2, 0]]),
    ],
)
def test_counting_classes_equal_functions(kind, function, labels):
    counts, true = torch.tensor([3.5, 60, 900, 0]), torch.tensor([0, 51, 1000, 2])
    figures = function(counts.numpy(), true.numpy(), *labels)
    halves = [kind(), kind()]
    for half, part in zip(halves, (slice(0, 1), slice(1, 4)), strict=True):
        half.update(counts[part], true[part], *(torch.tensor(label)[part] for label in labels))
    same(merged(kind, halves).compute(), figures)
    single = kind()
    single.update(counts[0], true[0], *(label[:1] for label in labels))  # without a dimension
    single.update(counts[1:], true[1:], *(label[1:] for label in labels))
    same(single.compute(), figures)


def test_forward_gives_the_batch_and_keeps_the_sum(scenes):
    metric = metrics.COCOPoints(sigmas=(5.0,))
    names = ("points", "scores", "heads")
    for part in (scenes[:6], scenes[6:]):
        expected = metrics.coco_points(*([s[n] for s in part] for n in names), sigmas=(5.0,))
        same(metric(*batch(part)), expected)
    expected = metrics.coco_points(*([s[n] for s in scenes] for n in names), sigmas=(5.0,))
    same(metric.compute(), expected)
    metric.reset()
    metric.update([], [])
    assert math.isnan(metric.compute()["sigma5_ap50"])


def test_density_maps(scenes):
    metric = metrics.GAME(density_stride=8)
    density = torch.full((8, 8), 0.25, dtype=torch.bfloat16)
    heads = torch.as_tensor(scenes[5]["heads"])
    metric.update([{"density": density}], [{"points": heads, "size": (60, 61)}])
    expected = metrics.game([density.float()], [heads], [(60, 61)], density_stride=8)
    same(metric.compute(), expected)


def test_metrics_are_pickled_whole(scenes):
    metric = metrics.NormalizedAP()
    metric.update(*batch(scenes))
    again = pickle.loads(pickle.dumps(metric))
    assert torch.equal(again.compute()["mean_ap"], metric.compute()["mean_ap"])


def test_counts_beyond_float32_stay_exact():
    metric = metrics.CrowdCount()
    for _ in range(3):
        metric.update(torch.tensor([2**24 + 1]), torch.tensor([0]))
    assert metric.compute()["mae"] == 2**24 + 1


def test_missing_entries_are_named():
    with pytest.raises(ValueError, match=r"preds\[0\] has no entry 'scores', but 'points'"):
        metrics.COCOPoints().update([{"points": torch.zeros(0, 2)}], [{"points": []}])
    with pytest.raises(ValueError, match="preds 1, target 0"):
        metrics.MLE().update([{"points": []}], [])


def test_gradients_and_other_dtypes_do_not_matter(scenes):
    points = torch.tensor([[1.0, 2.0]], requires_grad=True)
    metric = metrics.MLE()
    metric.update([{"points": points}], [{"points": np.array([[1, 2]], dtype=np.int32)}])
    assert metric.compute()["mle"] == 0


def test_without_torchmetrics_functions_work_and_classes_say_what_to_install():
    code = (
        "import sys; sys.modules['torchmetrics'] = None\n"
        "from raz import metrics\n"
        "assert metrics.crowd_count([1], [2])['all']['mae'] == 1\n"
        "try:\n    metrics.GAME\n"
        "except ImportError as error:\n    print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install raz[metrics]" in run.stdout


def test_every_name_is_there():
    for name in metrics.__all__:
        assert getattr(metrics, name) is not None
        assert name in dir(metrics)
    with pytest.raises(AttributeError, match=r"'raz\.metrics' has no attribute 'nothing'"):
        _ = metrics.nothing
