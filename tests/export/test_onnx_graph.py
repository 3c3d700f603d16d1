from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import raz
from raz.export import export_onnx
from raz.io.decoding import to_image
from raz.models import OperatingPoint, RAZNet
from raz.zoom import calibrated_density

from .maps import MapsNetwork

NEAR = 1e-4
"""Scores nearer than this to the threshold or to a neighbour may fall on either side of it."""


@pytest.fixture(scope="module")
def session(lite_file: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(lite_file)


def outputs_of(session: onnxruntime.InferenceSession, images: Tensor) -> dict[str, Tensor]:
    names = [output.name for output in session.get_outputs()]
    values = session.run(names, {"images": images.numpy()})
    return {name: torch.from_numpy(value) for name, value in zip(names, values, strict=True)}


def clear_peaks(heat: Tensor, points: Tensor, threshold: float) -> set[tuple[float, float]]:
    """The points [N, 2] whose score lies far enough from the threshold and from a tie."""
    smoothed = F.avg_pool2d(heat[None], 3, 1, 1, count_include_pad=False)[0]
    bordered = F.pad(smoothed, (1, 1, 1, 1), value=-1.0)
    around = F.unfold(bordered[None], 3)[0].view(9, *smoothed.shape[1:])
    neighbours = around[[0, 1, 2, 3, 5, 6, 7, 8]].amax(0)
    clear = (smoothed[0] - neighbours > NEAR) & ((smoothed[0] - threshold).abs() > NEAR)
    x, y = points.long().unbind(1)
    return {tuple(point) for point in points[clear[y, x]].tolist()}


@pytest.mark.slow
@pytest.mark.parametrize("image", ["part_A/train_data/images/IMG_10.jpg",
                                     "part_B/train_data/images/IMG_20.jpg"])  # fmt: skip
def test_photographs_give_the_points_and_count_of_predict(
    session: onnxruntime.InferenceSession, lite: RAZNet, raz_data: Path, image: str
) -> None:
    path = raz_data / "shanghaitech" / image
    expected: Any = raz.predict(path, model=lite, depth=1)
    images = to_image(path)[None].float() / 255
    found = outputs_of(session, images)
    with torch.no_grad():
        heat = torch.sigmoid(lite(images)["localization"])
    threshold = lite.operating_point.peak_threshold(1)
    clear = clear_peaks(heat, expected.points, threshold)
    assert clear == clear_peaks(heat, found["points"], threshold)
    assert len(clear) > 0.95 * max(len(expected.points), len(found["points"]))
    assert found["count"].item() == pytest.approx(expected.count, abs=1e-3)
    torch.testing.assert_close(found["density"][0], expected.density, atol=1e-4, rtol=1e-3)


@pytest.mark.slow
def test_other_sizes_and_batches(session: onnxruntime.InferenceSession, lite: RAZNet) -> None:
    torch.manual_seed(0)
    for shape in ((2, 3, 9, 65), (3, 3, 64, 32), (1, 3, 33, 100)):
        images = torch.rand(shape)
        found = outputs_of(session, images)
        with torch.no_grad():
            maps = lite(images)
        maps["raw_density"] = maps["density"]
        maps["density"] = calibrated_density(maps["density"], lite.operating_point, 1)
        for name in maps:
            torch.testing.assert_close(found[name], maps[name], atol=1e-4, rtol=1e-3)
        assert found["count"].shape == shape[:1]
        assert found["points"].shape == (*found["scores"].shape, 2)
        assert bool((found["image"].diff() >= 0).all())


@pytest.mark.slow
def test_the_file_tells_what_it_is_and_needs_nothing_else(lite_file: Path, lite: RAZNet) -> None:
    graph = onnx.load(lite_file)
    onnx.checker.check_model(graph)
    assert {node.domain for node in graph.graph.node} == {""}
    meta = {entry.key: entry.value for entry in graph.metadata_props}
    assert OperatingPoint.from_json(meta["operating_point"]) == lite.operating_point
    assert (meta["architecture"], meta["stride"]) == ("raznet_lite", "8")
    assert meta["raz_version"] == raz.__version__
    assert json.loads(meta["outputs"]) == [output.name for output in graph.graph.output]
    assert [path.name for path in lite_file.parent.iterdir()] == [lite_file.name]


def test_the_reading_alone_is_onnx(tmp_path: Path) -> None:
    network = MapsNetwork()
    session = onnxruntime.InferenceSession(export_onnx(network, tmp_path / "maps.onnx"))
    images = torch.zeros(2, 3, 33, 42)
    images[0, 0, 4:7, 9:12] = images[1, 0, 20:23, 30:33] = 0.9
    images[1, 1] = 0.5
    found = outputs_of(session, images)
    assert found["points"].tolist() == [[10.5, 5.5], [31.5, 21.5]]
    assert found["image"].tolist() == [0, 1]
    np.testing.assert_allclose(found["scores"].numpy(), 0.9, atol=1e-5)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = builtins.__import__

    def missing(name: str, *args: Any) -> Any:
        if name == "onnxscript":
            raise ImportError("no", name=name)
        return found(name, *args)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ImportError, match=r'needs onnxscript; .*"\.\[export\]"'):
        export_onnx(MapsNetwork(), tmp_path / "a.onnx")
