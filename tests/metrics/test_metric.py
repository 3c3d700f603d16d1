from __future__ import annotations

import math
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

from raz import metrics

torchmetrics = pytest.importorskip("torchmetrics")

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
    assert 'pip install ".[metrics]"' in run.stdout


def test_every_name_is_there():
    for name in metrics.__all__:
        assert getattr(metrics, name) is not None
        assert name in dir(metrics)
    with pytest.raises(AttributeError, match=r"'raz\.metrics' has no attribute 'nothing'"):
        _ = metrics.nothing


def test_repr_names_the_options_that_were_chosen():
    assert repr(metrics.COCOPoints(np.array([5.0]))) == "COCOPoints(sigmas=(5.0,))"
    assert repr(metrics.QNRFLocalization()) == "QNRFLocalization()"
    assert repr(metrics.MLE(limit=8)) == "MLE(limit=8)"
    assert repr(metrics.COCOPoints((5.0,))) == "COCOPoints(sigmas=(5.0,))"


def test_arguments_that_are_no_lists_of_mappings():
    image = {"points": torch.zeros(1, 2)}
    with pytest.raises(TypeError, match="preds is a dict; it must be a list of one mapping per im"):
        metrics.MLE().update(image, [image])
    with pytest.raises(TypeError, match="target is a Tensor; it must be a list of one mapping"):
        metrics.MLE().update([image], torch.zeros(1, 1, 2))
    with pytest.raises(TypeError, match=r"target\[0\] is a Tensor; it must be a mapping with 'poi"):
        metrics.MLE().update([image], [torch.zeros(1, 2)])
    with pytest.raises(ValueError, match="Unexpected keyword arguments: `radius`"):
        metrics.MLE(radius=3)


def test_nothing_is_added_where_an_image_is_wrong():
    metric = metrics.FixedRadiusLocalization()
    good, bad = {"points": [[1.0, 1.0]]}, {"points": [[1.0, 1.0, 1.0]]}
    with pytest.raises(ValueError, match=r"predictions has shape \[1, 3\]"):
        metric.update([good, bad], [good, good])
    metric.update([good], [good])
    assert metric.compute()["4px_tp"] == 1


def test_collections_share_no_states_of_other_options():
    # After the first batch both states are equal: torchmetrics would let one follow the other.
    near, far = [{"points": [[0, 0]]}], [{"points": [[6, 0]]}]
    collection = torchmetrics.MetricCollection(
        {"close": metrics.FixedRadiusLocalization(radii=(4,)),
         "wide": metrics.FixedRadiusLocalization(radii=(8,)),
         "same": metrics.FixedRadiusLocalization(radii=(8,)),
         "error": metrics.MLE()}
    )  # fmt: skip
    collection.update(near, near)
    collection.update(near, far)
    assert ["same", "wide"] in collection.compute_groups.values()
    computed = collection.compute()
    assert (computed["close_4px_tp"], computed["wide_8px_tp"], computed["same_8px_tp"]) == (1, 2, 2)
    assert computed["error_mle"] == 3


OTHER_OPTIONS = {
    metrics.FixedRadiusLocalization: {
        "radii": [(4,), (8,), np.array([8.0]), np.array([8 + 1e-12])]
    },
    metrics.QNRFLocalization: {
        "radii": [(4,), (8,), np.linspace(1, 5, 2000), np.delete(np.linspace(1, 9, 3999), 1999)]
    },
    metrics.COCOPoints: {"sigmas": [(5,), (20,), torch.tensor([5.0]), torch.tensor([5.0 + 1e-6])]},
    metrics.COCOPointsMacro: {"sigmas": [(5,), (20,), (5, 20)]},
    metrics.MLE: {"limit": [16, 32, 4.0]},
    metrics.GAME: {"density_stride": [None, 8, 4]},
}
"""For each class with options: values that tell metrics apart."""


def test_options_of_every_class_are_tried():
    from raz.metrics.derived import option_parameters
    from raz.metrics.registry import protocol_types

    names = {
        p.metric: {option.name for option in option_parameters(p)}
        for p in protocol_types().values()
        if option_parameters(p)
    }
    assert {kind.__name__: {*options} for kind, options in OTHER_OPTIONS.items()} == names


@pytest.mark.parametrize("kind", OTHER_OPTIONS, ids=lambda kind: kind.__name__)
def test_metrics_of_other_options_in_a_collection_are_those_alone(kind):
    """The first image is exact, so that all states are equal after it; the second is 6 px off."""
    cells = torch.zeros(8, 8)
    cells[1, 1] = 1
    exact = {"points": [[10, 10]], "scores": [0.9], "density": cells}
    target = {"points": [[10, 10]], "size": (64, 64)}
    off = {"points": [[16, 10]], "scores": [0.8], "density": cells.flip(0)}
    for option, values in OTHER_OPTIONS[kind].items():
        alone = [kind(**{option: value}) for value in values]
        together = torchmetrics.MetricCollection(
            {str(number): kind(**{option: value}) for number, value in enumerate(values)}
        )
        for preds in (exact, off):
            together.update([preds], [target])
            for metric in alone:
                metric.update([preds], [target])
        computed = together.compute()
        for number, metric in enumerate(alone):
            mine = {f"{number}_{name}": value for name, value in metric.compute().items()}
            for name, value in mine.items():
                assert torch.equal(computed[name].nan_to_num(-1), value.nan_to_num(-1)), name


def test_collections_pass_labels_by_name():
    collection = torchmetrics.MetricCollection([metrics.CrowdCount(), metrics.JHUCategories()])
    collection.update(preds=torch.tensor([3.0]), target=torch.tensor([4.0]), weather=[1])
    computed = collection.compute()
    assert computed["CrowdCount_mae"] == computed["JHUCategories_weather_mae"] == 1


@pytest.mark.parametrize("kind", FUNCTIONS, ids=lambda kind: kind.__name__)
def test_clones_resets_and_merges(kind, scenes):
    metric = kind()
    metric.update(*batch(scenes[:6]))
    first = metric.compute()
    clone, later = metric.clone(), kind()
    clone.update(*batch(scenes[6:]))
    assert_equal(metric.compute(), first)
    later.update(*batch(scenes[6:]))
    later.merge_state(metric)  # what is merged in comes first, which equal scores can tell
    assert_equal(later.compute(), clone.compute())
    clone.reset()
    clone.update(*batch(scenes[:6]))
    assert_equal(clone.compute(), first)


@pytest.mark.parametrize("kind", FUNCTIONS, ids=lambda kind: kind.__name__)
def test_states_are_saved_and_loaded(kind, scenes):
    metric, again = kind(), kind()
    for each in (metric, again):
        each.persistent(True)
    metric.update(*batch(scenes))
    again.load_state_dict(metric.state_dict())
    again._update_count = 1
    assert_equal(again.compute(), metric.compute())


def assert_equal(computed, expected):
    np.testing.assert_equal(
        {name: value.numpy() for name, value in computed.items()},
        {name: value.numpy() for name, value in expected.items()},
    )


COUNTS = {
    metrics.CrowdCount: (),
    metrics.JHUCategories: ("weather",),
    metrics.NWPUCategories: ("levels", "luminances"),
}
"""The classes that compare counts, and their labels."""

IN_A_PROCESS = """
import sys, pickle, torch.distributed as dist
from raz import metrics
path, rank, world = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
dist.init_process_group("gloo", init_method=f"file://{path}/store", rank=rank, world_size=world)
with open(f"{path}/images", "rb") as file:
    tasks = pickle.load(file)
computed = []
for name, batches in tasks:
    metric = getattr(metrics, name)()
    if batches[rank] is not None:
        metric.update(*batches[rank])
    computed.append((name, {k: v.tolist() for k, v in metric.compute().items()}))
with open(f"{path}/{rank}", "wb") as file:
    pickle.dump(computed, file)
dist.destroy_process_group()
"""


def inputs(kind, scenes):
    """What ``update`` takes for scenes."""
    if kind not in COUNTS:
        return batch(scenes)
    heads = [torch.tensor([len(scene[name]) for scene in scenes]) for name in ("points", "heads")]
    return *heads, *([number % 3 for number in range(len(scenes))] for _ in COUNTS[kind])


def divided(kind, scenes, ends):
    """What each process updates with: None where it has no image, and calls no ``update``."""
    first = zip([0, *ends], [*ends, len(scenes)], strict=True)
    whole = inputs(kind, scenes)
    return [tuple(part[a:b] for part in whole) if b > a else None for a, b in first]


@pytest.mark.slow
@pytest.mark.parametrize("ends", [[(0,), (6,), (11,)], [(0, 0), (0, 6), (6, 6), (6, 11), (3, 6)]])
def test_processes_compute_what_one_does(scenes, tmp_path, ends):
    """Every class on two and on three processes, also where one has no image at all."""
    kinds = [*FUNCTIONS, metrics.QNRFLocalization, *COUNTS]
    tasks = [(kind.__name__, divided(kind, scenes, each)) for kind in kinds for each in ends]
    assert any(batches.count(None) == len(batches) - 1 for _, batches in tasks)
    (tmp_path / "images").write_bytes(pickle.dumps(tasks))
    world = len(ends[0]) + 1
    program = [sys.executable, "-W", "ignore", "-c", IN_A_PROCESS, tmp_path]
    processes = [
        subprocess.Popen([*map(str, program), str(rank), str(world)]) for rank in range(world)
    ]
    assert [process.wait(timeout=300) for process in processes] == [0] * world
    expected = {}
    for kind in kinds:
        metric = kind()
        metric.update(*inputs(kind, scenes))
        expected[kind.__name__] = metric.compute()
    for rank in range(world):
        computed = pickle.loads((tmp_path / str(rank)).read_bytes())
        assert len(computed) == len(tasks)
        for kind, figures in computed:
            assert figures.keys() == expected[kind].keys()
            for name, value in figures.items():
                np.testing.assert_allclose(value, expected[kind][name].numpy(), rtol=1e-12)


def test_the_classes_of_all_protocols_are_tried_in_processes():
    from raz.metrics.registry import protocol_types

    kinds = {kind.__name__ for kind in (*FUNCTIONS, metrics.QNRFLocalization, *COUNTS)}
    assert kinds == {protocol.metric for protocol in protocol_types().values()}
