from __future__ import annotations

import importlib.util
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, get_args

import onnx
import pytest
import torch
from torch import Tensor

import raz
from raz.cli.bench import CROWD
from raz.cli.main import main
from raz.errors import ResourceError, WeightsError
from raz.export import RuntimeNetwork, export_onnx, load
from raz.export.reading import MAPS
from raz.export.runtimes import Runtime
from raz.models import RAZNet
from raz.network import as_network
from raz.prediction import Predictor
from raz.zoom import ZoomSettings

from .maps import MapsNetwork


@pytest.fixture(params=get_args(Runtime))
def runtime(request: pytest.FixtureRequest) -> Runtime:
    pytest.importorskip(request.param)
    name: Runtime = request.param
    return name


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_onnx(MapsNetwork(), tmp_path_factory.mktemp("maps") / "maps.onnx")  # type: ignore[arg-type]


@pytest.fixture
def scene() -> Tensor:
    """A uint8 image whose red is the heads: nine of them, each 3x3 pixels."""
    image = torch.zeros(3, 150, 203, dtype=torch.uint8)
    for index in range(9):
        image[0, 10 + 15 * index :, 20 * index + 5 :][:3, :3] = 230 - index
    image[1, 40:120, 50:160] = 120
    image[2, 40:120, 50:160] = 200
    return image


def test_it_has_the_contract_of_a_network(file: Path, runtime: Runtime) -> None:
    network = MapsNetwork()
    found = load(file, runtime)
    assert as_network(found) is found
    assert found.runtime == runtime
    for name in ("architecture", "stride", "receptive_field", "bytes_per_pixel", "operating_point"):
        assert getattr(found, name) == getattr(network, name)


@pytest.mark.parametrize("shape", [(1, 3, 1, 1), (2, 3, 8, 41), (1, 3, 9, 9), (3, 3, 64, 33)])
def test_batches_of_any_size_give_the_maps_of_torch(
    file: Path, runtime: Runtime, shape: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    images = torch.rand(shape)
    found = load(file, runtime)(images.double().requires_grad_())
    assert list(found) == ["localization", "density", "attention"]
    for name, expected in MapsNetwork().maps(images).items():
        assert found[name].dtype == torch.float32
        torch.testing.assert_close(found[name], expected.detach(), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("settings", [{"depth": 1}, {"depth": 3}, {"depth": 2, "quality": "best"}])
def test_predict_does_what_it_does_with_torch(
    file: Path, runtime: Runtime, scene: Tensor, settings: dict[str, Any]
) -> None:
    network: Any = MapsNetwork()
    expected: Any = raz.predict(scene, model=network, **settings)
    found: Any = raz.predict(scene, model=load(file, runtime), device="cpu", **settings)
    assert len(found.points) == 9
    assert torch.equal(found.points, expected.points)
    assert [each.box for each in found.regions] == [each.box for each in expected.regions]
    assert found.count == pytest.approx(expected.count, abs=1e-3)
    torch.testing.assert_close(found.density, expected.density, atol=1e-4, rtol=1e-3)


def test_threads_may_share_it(file: Path, runtime: Runtime) -> None:
    network = load(file, runtime)
    batches = [torch.full((1, 3, 40, 40 + index), index / 40) for index in range(40)]
    with ThreadPoolExecutor(4) as threads:
        for images, found in zip(batches, threads.map(network, batches), strict=True):
            torch.testing.assert_close(found["attention"], MapsNetwork().maps(images)["attention"])


def test_it_takes_as_many_threads_as_torch_and_float32(
    file: Path, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = pytest.importorskip(runtime)
    owner, name = {
        "onnxruntime": (module, "InferenceSession"),
        "openvino": (getattr(module, "Core", None), "compile_model"),
    }[runtime]
    given = []
    real = getattr(owner, name)

    def recorded(*args: Any, **options: Any) -> Any:
        given.append(args)
        return real(*args, **options)

    monkeypatch.setattr(owner, name, recorded)
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        load(file, runtime)
    finally:
        torch.set_num_threads(before)
    if runtime == "onnxruntime":
        assert given[0][1].intra_op_num_threads == before + 1
    else:
        assert given[0][-1]["INFERENCE_NUM_THREADS"] == before + 1
        assert given[0][-1]["INFERENCE_PRECISION_HINT"] == "f32"


@pytest.mark.slow
@pytest.mark.parametrize("depth", [1, 2])
def test_a_crowd_has_the_points_count_and_density_of_torch(
    lite: RAZNet, lite_file: Path, runtime: Runtime, depth: int
) -> None:
    network = load(lite_file, runtime)
    assert network.receptive_field == lite.receptive_field
    expected: Any = raz.predict(CROWD, model=lite, depth=depth)
    found: Any = raz.predict(CROWD, model=network, depth=depth)
    assert [each.box for each in found.regions] == [each.box for each in expected.regions]
    threshold = max(lite.operating_point.peak_threshold(level) for level in (1, depth))
    points, others = (
        {
            tuple(point)
            for point, score in zip(each.points.tolist(), each.scores.tolist(), strict=True)
            if score > threshold + 1e-4
        }
        for each in (found, expected)
    )
    assert len(points) > 100
    assert len(points ^ others) <= 2  # of those whose scores are next to a neighbour's
    assert found.count == pytest.approx(expected.count, abs=1e-3)
    torch.testing.assert_close(found.density, expected.density, atol=1e-4, rtol=1e-3)


def test_the_command_line_takes_a_file(
    file: Path, runtime: Runtime, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    command = ["predict", str(CROWD), "--model", str(file), "--depth", "1"]
    assert main([*command, "--runtime", runtime, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["model"] == "maps"
    (tmp_path / "link.json").symlink_to(file)
    assert main([*command, "--output", str(tmp_path / "link.json")]) == 2
    assert "is the model's file, and would be overwritten" in capsys.readouterr().err
    command[3] = str(tmp_path / "absent.onnx")
    assert main(command) == 4
    assert "absent.onnx: no such file" in capsys.readouterr().err


def test_what_is_no_file_of_raz_is_refused(runtime: Runtime, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"absent\.onnx: no such file"):
        load(tmp_path / "absent.onnx", runtime)
    (tmp_path / "text.onnx").write_bytes(b"text")
    with pytest.raises(WeightsError, match=f"text.onnx: {runtime} cannot read it as an ONNX file"):
        load(tmp_path / "text.onnx", runtime)
    value = onnx.helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, [1])
    other = onnx.helper.make_tensor_value_info("same", onnx.TensorProto.FLOAT, [1])
    node = onnx.helper.make_node("Relu", ["images"], ["same"])
    graph = onnx.helper.make_graph([node], "other", [value], [other])
    opsets = [onnx.helper.make_opsetid("", 18)]
    onnx.save(
        onnx.helper.make_model(graph, opset_imports=opsets, ir_version=9), tmp_path / "a.onnx"
    )
    with pytest.raises(WeightsError, match=r"a\.onnx: not a file of raz export"):
        load(tmp_path / "a.onnx", runtime)


def test_nothing_of_the_runtime_is_on_standard_error(
    runtime: Runtime, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """It would warn of a tensor that nothing uses."""
    images, points = (
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1])
        for name in ("images", "points")
    )
    unused = onnx.helper.make_tensor("unused", onnx.TensorProto.FLOAT, [1], [0.0])
    same = onnx.helper.make_node("Identity", ["images"], ["points"])
    graph = onnx.helper.make_graph([same], "a", [images], [points], [unused])
    opset = [onnx.helper.make_opsetid("", 18)]
    path = tmp_path / "a.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    with pytest.raises(WeightsError, match="not a file of raz export"):
        load(path, runtime)
    assert capfd.readouterr().err == ""


def test_a_file_without_the_maps_must_be_written_anew(
    file: Path, runtime: Runtime, tmp_path: Path
) -> None:
    graph = onnx.load(file)
    graph.graph.output.remove(
        next(each for each in graph.graph.output if each.name == MAPS["density"])
    )
    onnx.save(graph, tmp_path / "old.onnx")
    with pytest.raises(
        WeightsError, match=r"old\.onnx: raz .* wrote it without the maps.*raz export"
    ):
        load(tmp_path / "old.onnx", runtime)


def test_without_a_runtime_the_message_names_the_extra(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="runtime is 'tensorrt'; it must be one of onnxruntime"):
        load(file, "tensorrt")  # type: ignore[arg-type]
    there: set[str] = {"openvino"}
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: None if name in get_args(Runtime) and name not in there else find(name),
    )
    with pytest.raises(ImportError, match=r'needs onnxruntime: pip install "\.\[onnxruntime\]"$'):
        load(file, "onnxruntime")
    if find("openvino"):
        assert load(file).runtime == "openvino"
    there.clear()
    with pytest.raises(ImportError, match=r"needs a runtime: .*onnxruntime.* or .*openvino"):
        load(file)


def test_memory_that_runs_out_in_the_runtime_is_said_as_always(scene: Tensor) -> None:
    def run(images: object) -> Any:
        raise Exception("Failed to allocate memory for requested buffer of size 3")

    network = RuntimeNetwork("onnxruntime", "maps", 8, 0, 0, MapsNetwork.operating_point, run)
    with pytest.raises(ResourceError, match="memory ran out"):
        Predictor(network, settings=ZoomSettings(depth=1))(scene)


def changed(file: Path, path: Path, **values: str | None) -> Path:
    """The file with other metadata; None leaves one out."""
    model = onnx.load(file)
    stored = {each.key: each.value for each in model.metadata_props} | values
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {k: v for k, v in stored.items() if v is not None})
    onnx.save(model, path)
    return path


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("architecture", None, "architecture"),
        ("stride", "0", "stride is 0; it must be a divisor of 32"),
        ("stride", "x", "invalid literal"),
        ("stride", "9" * 5000, r"stride is 9+\.\.\.; it must be"),
        ("receptive_field", "-1", "receptive_field is -1; it must be in 0..100000"),
        ("bytes_per_pixel", "99999999", "bytes_per_pixel is 99999999; it must be in 0..1000000"),
        ("operating_point", "{", "Expecting property name"),
        ("operating_point", '{"peak_thresholds": [2]}', "peak_thresholds holds 2"),
    ],
)
def test_metadata_that_lie_are_named(
    name: str, value: str | None, reason: str, file: Path, runtime: Runtime, tmp_path: Path
) -> None:
    with pytest.raises(WeightsError, match=f"its metadata are damaged: .*{reason}") as caught:
        load(changed(file, tmp_path / "a.onnx", **{name: value}), runtime)
    assert len(str(caught.value)) < 500


def test_maps_of_another_shape_are_an_error_of_the_file(
    file: Path, runtime: Runtime, tmp_path: Path
) -> None:
    network = load(changed(file, tmp_path / "a.onnx", stride="16"), runtime)
    with pytest.raises(WeightsError, match=r"density of .* it must be float32 \[1, 4, 3\]"):
        network(torch.zeros(1, 3, 64, 48))
