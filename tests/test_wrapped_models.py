"""A model in a wrapper of torch gives what the model gives, wherever raz takes one."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

import raz
from raz.data import Sample
from raz.evaluation import collect_traces, count_image, measure
from raz.export.reading import ReadNetwork, metadata
from raz.models import RAZNet, complexity, load_backbone, load_weights, save_weights
from raz.models.weights import read_weights
from raz.network import OperatingPoint, as_network, unwrapped
from raz.training import make_config, publishing
from raz.zoom import count_and_locate, fixed_step


@pytest.fixture(scope="module")
def net() -> RAZNet:
    return raz.get_model("raznet_lite").eval()


@pytest.fixture(scope="module")
def _one_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    store = tmp_path_factory.mktemp("processes") / "store"
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{store}", rank=0, world_size=1
    )
    yield
    torch.distributed.destroy_process_group()


def compiled(model: nn.Module) -> Any:
    return torch.compile(model, backend="eager")


WRAPPERS: dict[str, Callable[[nn.Module], Any]] = {
    "DataParallel": nn.DataParallel,
    "DistributedDataParallel": nn.parallel.DistributedDataParallel,
    "AveragedModel": lambda net: AveragedModel(net, use_buffers=True),
    "compiled": compiled,
    "compiled in DataParallel": lambda net: nn.DataParallel(compiled(net)),
    "DataParallel compiled": lambda net: compiled(nn.DataParallel(net)),
}


@pytest.fixture(params=WRAPPERS, scope="module")
def wrapped(request: pytest.FixtureRequest, net: RAZNet, _one_process: None) -> nn.Module:
    wrapper: nn.Module = WRAPPERS[request.param](net)
    return wrapper


@pytest.fixture
def _same_form(wrapped: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that is compiled runs as it is: then the net itself must, too, for the same bits."""
    if hasattr(as_network(wrapped), "_orig_mod"):
        monkeypatch.setattr(RAZNet, "for_inference", lambda net: net)


@pytest.fixture(scope="module")
def pixels() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 255, (3, 64, 96), np.uint8))


@pytest.mark.usefixtures("_same_form")
def test_prediction_and_zooming(net: RAZNet, wrapped: nn.Module, pixels: torch.Tensor) -> None:
    count = raz.predict(pixels, model=net, depth=1).count
    assert raz.predict(pixels, model=wrapped, depth=1).count == count
    settings = raz.ZoomSettings(depth=1)
    with torch.no_grad():
        assert count_and_locate(wrapped, pixels, settings).count == count
        fixed = fixed_step(wrapped, pixels[None], window=(32, 32), max_points=8, max_regions=1)
    assert fixed["counts"].shape == (1,)


def test_a_model_and_its_wrapper_are_evaluating_until_the_last_is_done(wrapped: nn.Module) -> None:
    model = unwrapped(wrapped)
    model.train()
    modes = [part.training for part in model.modules()]
    one, other = raz.Predictor(model).evaluating(), raz.Predictor(wrapped).evaluating()
    with torch.enable_grad():  # the grad mode is a thread's own, and left in another order here
        one.__enter__()
        with other:
            one.__exit__(None, None, None)
            assert not any(part.training for part in model.modules())
    assert [part.training for part in model.modules()] == modes
    model.eval()


@pytest.mark.usefixtures("_same_form")
def test_evaluation(net: RAZNet, wrapped: nn.Module, pixels: torch.Tensor) -> None:
    sample = Sample(pixels.permute(1, 2, 0).numpy(), np.zeros((0, 2), np.float32), "noise")
    with torch.no_grad():
        assert count_image(wrapped, sample, depth=1) == count_image(net, sample, depth=1)
        assert measure(wrapped, [sample], depth=1).counts == measure(net, [sample], depth=1).counts
        assert len(collect_traces(wrapped, [sample])) == 1


def test_weights_and_export(net: RAZNet, wrapped: nn.Module, tmp_path: Path) -> None:
    mine, theirs = tmp_path / "mine.safetensors", tmp_path / "theirs.safetensors"
    save_weights(net, mine)
    save_weights(wrapped, theirs)
    (tensors, named), (expected, meant) = read_weights(theirs), read_weights(mine)
    assert named == meant
    assert list(tensors) == list(expected)
    assert all(torch.equal(tensors[name], value) for name, value in expected.items())
    assert metadata(wrapped) == metadata(net)
    assert ReadNetwork(wrapped).point == net.operating_point
    assert complexity(wrapped, (64, 64)) == complexity(net, (64, 64))
    load_weights(wrapped, mine)
    torch.save(net.backbone.state_dict(), tmp_path / "backbone.pth")
    load_backbone(wrapped, tmp_path / "backbone.pth")


def test_publishing(net: RAZNet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The chosen thresholds are the net's, not its wrapper's."""
    chosen = OperatingPoint(peak_thresholds=(0.123,))
    model = copy.deepcopy(net)
    for name, value in {
        "open_parts": [],
        "calibration_images": ["image"],
        "empty_images": [],
        "collect_traces": [],
        "calibrate": SimpleNamespace(operating_point=chosen, errors={}, leave_one_out={}),
    }.items():
        monkeypatch.setattr(publishing, name, lambda *_, value=value, **__: value)
    config = make_config({"output": str(tmp_path), "data_root": str(tmp_path)})
    figures = publishing.publish(nn.DataParallel(model), config, tmp_path / "a.safetensors")
    assert figures == "nothing was measured: no images were held out"
    assert model.operating_point == chosen
    loaded = raz.get_model("raznet_lite", weights=tmp_path / "a.safetensors")
    assert loaded.operating_point == chosen


def test_a_compiled_model_stays_compiled_where_it_is_called(net: RAZNet) -> None:
    inner = compiled(net)
    for model in (inner, nn.DataParallel(inner), nn.DataParallel(nn.DataParallel(inner))):
        assert as_network(model) is inner
        assert unwrapped(model) is net
    # What would be compiled here is the wrapper's own distribution, not the net.
    assert as_network(compiled(nn.DataParallel(net))) is net


@pytest.mark.parametrize(
    "call",
    [
        lambda model: raz.predict(np.zeros((32, 32, 3), np.uint8), model=model),
        lambda model: count_and_locate(model, torch.zeros(3, 32, 32, dtype=torch.uint8)),
        lambda model: save_weights(model, "never.safetensors"),
        lambda model: load_weights(model, "never.safetensors"),
        lambda model: load_backbone(model, "never.pth"),
        ReadNetwork,
        metadata,
    ],
)
def test_a_wrapper_that_cannot_be_taken_off_is_named(call: Callable[[Any], Any]) -> None:
    class Sharded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = nn.Linear(2, 1)

    with pytest.raises(TypeError, match="model is Sharded"):
        call(nn.DataParallel(Sharded()))
