"""That a protocol is written once: its function, class and name in ``raz eval`` follow."""

from __future__ import annotations

import inspect
import json
import pickle
import subprocess
import sys
from dataclasses import dataclass

import pytest

import raz.metrics
from raz.cli.main import main
from raz.metrics import (
    CountProtocol,
    MetricState,
    MetricTable,
    PointProtocol,
    evaluate,
    register_protocol,
)
from raz.metrics.registry import _registered, protocol_names, protocol_types


@dataclass(frozen=True, kw_only=True)
class Tiny(PointProtocol):
    """Count predictions in the first pixels of the image."""

    name = "tiny"
    function = "points_left"
    metric = "PointsLeft"
    rule = "x below a limit; summed over the set"
    figures = "points and heads there"
    higher_is_better = True

    limit: float = 10.0

    def update(self, predictions, heads):
        """Return what one image contributes."""
        left = [sum(x < self.limit for x, _ in points) for points in (predictions, heads)]
        return MetricState({"points": left[0], "heads": left[1]})

    def compute(self, state):
        """Return the figures of a joined state."""
        return MetricTable({"all": {"tp": int(state["points"]), "fn": int(state["heads"])}})


@pytest.fixture
def registry(monkeypatch):
    """The registry, to be as it was afterwards."""
    before = protocol_types()
    yield _registered
    _registered.clear()
    _registered.update(before)


@pytest.fixture
def tiny(registry):
    return register_protocol(Tiny)


def test_function_follows(tiny):
    images = [[[1, 1], [20, 20]], [[5, 5]]], [[[3, 3]], []]
    assert raz.metrics.points_left(*images) == {"all": {"tp": 2, "fn": 1}}
    assert raz.metrics.points_left(*images, limit=2)["all"] == {"tp": 1, "fn": 0}
    signature = inspect.signature(raz.metrics.points_left)
    assert list(signature.parameters) == ["predictions", "heads", "limit"]
    assert raz.metrics.points_left.__doc__ == tiny.__doc__
    assert "points_left" in raz.metrics.__all__
    with pytest.raises(TypeError, match="missing a required argument: 'heads'"):
        raz.metrics.points_left([])
    with pytest.raises(TypeError, match="unexpected keyword argument 'radius'"):
        raz.metrics.points_left([], [], radius=3)


def test_class_follows(tiny):
    pytest.importorskip("torchmetrics")
    metric = raz.metrics.PointsLeft(limit=2)
    metric.update([{"points": [[1, 1], [5, 5]]}], [{"points": []}])
    metric.update([{"points": [[0, 9]]}], [{"points": [[0, 0]]}])
    assert {name: int(value) for name, value in metric.compute().items()} == {"tp": 2, "fn": 1}
    assert repr(metric) == "PointsLeft(limit=2)"
    assert metric.higher_is_better
    assert raz.metrics.PointsLeft is type(metric)
    assert pickle.loads(pickle.dumps(metric)).compute()["tp"] == 2
    assert metric.__doc__.startswith("Count predictions in the first pixels of the image.")


def test_files_and_command_line_follow(tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pred.txt").write_text("1 2 3 10 80 80\n2 0\n")
    (tmp_path / "gt.txt").write_text("1 0\n2 0\n")
    assert protocol_names()[-1] == "tiny"
    assert raz.metrics.PROTOCOLS["tiny"] == tiny()
    assert evaluate("pred.txt", "gt.txt", "tiny").figures["all"]["tp"] == 1
    assert main(["eval", "pred.txt", "gt.txt", "--protocol", "tiny", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)["protocols"]["tiny"]
    assert document == {"rule": tiny.rule, "figures": {"all": {"tp": 1, "fn": 0}}}
    assert main(["eval", "--help"]) == 0
    assert "count, tiny;" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("kind", ["name", "function", "metric"])
def test_names_are_new(registry, kind):
    names = {"name": "other", "function": "other_points", "metric": "OtherPoints"}
    names[kind] = getattr(protocol_types()["nwpu"], kind)
    with pytest.raises(ValueError, match=rf"{kind} is '{names[kind]}'; it must be new, but nwpu"):
        register_protocol(type("Other", (CountProtocol,), names))


def test_a_class_may_be_registered_again(registry):
    for rule in ("one", "two"):
        members = {"name": "again", "function": "again", "metric": "Again", "rule": rule}
        register_protocol(type("Again", (CountProtocol,), members))
    assert protocol_types()["again"].rule == "two"


def test_every_protocol_is_described():
    for protocol in protocol_types().values():
        for name in ("name", "function", "metric", "rule", "figures"):
            assert getattr(protocol, name)
        assert "Example:" in protocol.__doc__


def test_help_and_names_import_nothing_heavy():
    code = (
        "import sys; from raz.cli.main import main\n"
        "main(['eval', '--help'])\n"
        "print([name for name in ('torch', 'numpy', 'PIL') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "call",
    [
        "crowd_count([1], [2])['all']['mae'] == 1",
        "game([[]], [[]], [(1, 1)])['game']['0'] == 0",
        "mean_localization_error([[[0, 0]]], [[[0, 0]]])['all']['mle'] == 0",
        "coco_points([[[0, 0]]], [[1]], [[[0, 0]]])['sigma5']['ar50'] == 1",
        "normalized_ap([[]], [[]], [[]])",
    ],
)
def test_functions_that_match_nothing_natively_do_without_torch(call):
    code = (
        "import sys; sys.modules['torch'] = None\n"
        f"from raz import metrics\nassert metrics.{call}\nassert metrics.PROTOCOLS"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
