from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

import raz
from crowds import crowd
from raz.io.decoding import to_image
from raz.models import get_model
from raz.models.raznet import RAZNet
from raz.zoom import ZoomSettings, count_and_locate
from raz.zoom.inference import Inference
from raz.zoom.precision import _log_once, computing_type
from raz.zoom.settings import Dtype

from .painting import DotModel, painted

CPU = torch.device("cpu")
SMALL = {"counting_widths": (8, 8), "counting_dilations": (1, 1)}


@pytest.fixture(autouse=True)
def logged_anew() -> Iterator[None]:
    """Each test is the first that says something."""
    _log_once.cache_clear()
    yield
    _log_once.cache_clear()


@pytest.fixture(params=[False, True], ids=["slow", "fast"])
def fast(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the processor has instructions for bfloat16."""
    has: bool = request.param
    monkeypatch.setattr("raz.zoom.precision.has_fast_bfloat16", lambda device: has)
    return has


@pytest.fixture
def net() -> RAZNet:
    return get_model("raznet_lite", weights=None, **SMALL).eval()


def test_auto_asks_the_processor_and_says_so_once(
    fast: bool, net: RAZNet, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "raz"):
        chosen = [computing_type(net, CPU, "auto") for _ in range(2)]
    assert chosen == [torch.bfloat16 if fast else torch.float32] * 2
    said = [record.message for record in caplog.records]
    assert said == (["raznet_lite computes in bfloat16 on cpu"] if fast else [])


def test_bfloat16_works_everywhere_with_a_warning_where_it_is_slow(
    fast: bool, net: RAZNet, caplog: pytest.LogCaptureFixture
) -> None:
    image = torch.zeros(3, 40, 64, dtype=torch.uint8)
    with caplog.at_level(logging.WARNING, "raz.zoom"):
        for _ in range(2):
            raz.predict(image, model=net, depth=1, dtype="bfloat16")
    said = [record.message for record in caplog.records]
    slow = "cpu has no instructions for bfloat16: it is slower there than float32"
    assert said == ([] if fast else [slow])


def test_numbers_do_not_depend_on_the_processor_unless_asked_to(fast: bool, net: RAZNet) -> None:
    assert computing_type(net, CPU, ZoomSettings().asked_dtype) == torch.float32
    assert computing_type(net, CPU, "float32") == torch.float32
    settings = ZoomSettings(quality="fast", dtype="float32")
    assert computing_type(net, CPU, settings.asked_dtype) == torch.float32
    lowered = computing_type(net, CPU, ZoomSettings(quality="fast").asked_dtype)
    assert (lowered == torch.bfloat16) is fast


@pytest.mark.parametrize("own", [torch.float64, torch.bfloat16])
def test_weights_of_another_type_compute_in_it(own: torch.dtype, fast: bool, net: RAZNet) -> None:
    net = net.to(own)
    assert computing_type(net, CPU, None) == computing_type(net, CPU, "auto") == own
    with pytest.raises(
        ValueError, match=f"dtype is 'float32'; the weights of raznet_lite are {own}"
    ):
        computing_type(net, CPU, "float32")
    if own == torch.bfloat16:
        assert computing_type(net, CPU, "bfloat16") == own
    else:
        with pytest.raises(ValueError, match="dtype is 'bfloat16'; the weights"):
            raz.Predictor(net, settings=ZoomSettings(dtype="bfloat16"))


def test_what_torch_does_not_compute_is_in_float32(fast: bool) -> None:
    model, image = DotModel(), painted((64, 64), [(20, 10)])
    for settings in (ZoomSettings(dtype="auto"), ZoomSettings(dtype="float32")):
        assert count_and_locate(model, image, settings).count_points == 1
    with pytest.raises(ValueError, match="DotModel computes in float32, so leave it out"):
        count_and_locate(model, image, ZoomSettings(dtype="bfloat16"))


def maps_of(model: RAZNet, images: Tensor, dtype: Dtype) -> dict[str, Tensor]:
    with torch.inference_mode():
        return Inference(model, images[0], None, 0.1, dtype=dtype).forward(images, 1.0)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_maps_come_back_in_float32(dtype: Dtype, fast: bool, net: RAZNet) -> None:
    maps = maps_of(net, torch.rand(1, 3, 40, 64), dtype)
    assert {each.dtype for each in maps.values()} == {torch.float32}


def test_a_net_with_hooks_computes_in_bfloat16_itself(net: RAZNet) -> None:
    seen: list[torch.dtype] = []
    net.counting.register_forward_hook(lambda part, inputs, found: seen.append(found[1].dtype))
    images = torch.rand(1, 3, 40, 64)
    maps = maps_of(net, images, "bfloat16")
    assert seen == [torch.bfloat16]
    assert {each.dtype for each in maps.values()} == {torch.float32}
    maps_of(net, images, "float32")
    assert seen == [torch.bfloat16, torch.float32]


def test_float32_is_the_same_before_and_after_bfloat16() -> None:
    model, image = get_model("raznet_lite"), to_image(crowd(0, (192, 256), least=10).image)
    before = raz.predict(image, model=model, depth=2)
    lowered = raz.predict(image, model=model, depth=2, dtype="bfloat16")
    after = raz.predict(image, model=model, depth=2, dtype="float32")
    assert torch.equal(before.density, after.density)
    assert torch.equal(before.points, after.points)
    assert before.count == after.count
    # On ten such windows the counts differed by 0.6 % at most.
    assert not torch.equal(before.density, lowered.density)
    assert lowered.count == pytest.approx(before.count, rel=0.01)
