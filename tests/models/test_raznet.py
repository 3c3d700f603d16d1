from __future__ import annotations

import copy
import math
import pickle
import sys
import types
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from raz.losses import attention_bce
from raz.models import OperatingPoint, RAZNet, raznet_lite, raznet_vgg16
from raz.zoom import ZoomSettings, count_and_locate, without_faint_cells

from .conftest import varied

MAPS = {"localization", "density", "attention"}


@pytest.fixture(scope="module")
def double_lite(lite: RAZNet) -> RAZNet:
    return copy.deepcopy(lite).double()


@pytest.mark.parametrize("size", [(1, 1), (33, 65), (96, 64), (7, 200)])
@pytest.mark.parametrize("batch", [0, 1, 2])
def test_maps_have_the_promised_shapes(model: RAZNet, size: tuple[int, int], batch: int) -> None:
    height, width = size
    cells = (batch, -(-height // 8), -(-width // 8))
    outputs = model(torch.rand(batch, 3, height, width))
    assert {name: tuple(m.shape) for name, m in outputs.items()} == {
        "localization": (batch, height, width),
        "density": cells,
        "attention": cells,
    }
    assert all(bool(torch.isfinite(m).all()) for m in outputs.values())


@pytest.mark.parametrize("batch", [0, 2])
def test_counting_alone_is_the_same_density(model: RAZNet, batch: int) -> None:
    images = torch.rand(batch, 3, 40, 70)
    alone = model.maps(images, counting_alone=True)
    assert set(alone) == {"density"}
    torch.testing.assert_close(alone["density"], model(images)["density"])


@settings(max_examples=8, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(0, 2**31))
def test_padding_inside_is_padding_with_the_mean_colour(
    double_lite: RAZNet, height: int, width: int, seed: int
) -> None:
    image = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed)).double()
    padded = double_lite.mean.expand(1, 3, -(-height // 32) * 32, -(-width // 32) * 32).clone()
    padded[..., :height, :width] = image
    with torch.no_grad():
        inside, outside = double_lite(image), double_lite(padded)
    for name in MAPS:
        rows, columns = inside[name].shape[1:]
        torch.testing.assert_close(inside[name], outside[name][:, :rows, :columns])


def test_maps_depend_on_the_image_and_images_do_not_mix(model: RAZNet) -> None:
    torch.manual_seed(3)
    model = copy.deepcopy(model).double()
    one, other = torch.rand(2, 3, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        both = model(torch.stack((one, other)))
        alone = model(one[None])
    for name in MAPS:
        torch.testing.assert_close(both[name][:1], alone[name])
        assert not torch.allclose(both[name][0], both[name][1], atol=1e-4)


def test_ranges(lite: RAZNet) -> None:
    with torch.no_grad():
        outputs = lite(torch.rand(1, 3, 64, 64))
    assert outputs["density"].min() >= 0
    assert 0 <= outputs["attention"].min() <= outputs["attention"].max() <= 1


def test_an_untrained_net_starts_at_its_priors() -> None:
    torch.manual_seed(0)
    with torch.no_grad():
        outputs = raznet_lite(mean_density=0.02).eval()(torch.rand(1, 3, 64, 64))
    assert outputs["density"].mean() == pytest.approx(0.02, rel=0.2)
    assert outputs["localization"].mean() == pytest.approx(-5, abs=0.5)
    assert outputs["attention"].mean() == pytest.approx(0.05, rel=0.3)


def test_every_parameter_gets_a_gradient(model: RAZNet) -> None:
    model = copy.deepcopy(model)
    outputs = model(torch.rand(1, 3, 32, 32))
    sum(m.square().sum() for m in outputs.values()).backward()  # type: ignore[union-attr]
    assert [name for name, p in model.named_parameters() if p.grad is None] == []


def test_floats_of_8_bits_are_refused(lite: RAZNet) -> None:
    with pytest.raises(TypeError, match=r"float8_e4m3fn; they must be floating point RGB of 16"):
        lite(torch.zeros(1, 3, 32, 32).to(torch.float8_e4m3fn))


@pytest.mark.parametrize(
    "images",
    [
        torch.zeros(1, 3, 32, 32, dtype=torch.uint8),
        [torch.zeros(3, 32, 32, dtype=torch.uint8)],
    ],
)
def test_integers_are_refused_with_the_remedy(lite: RAZNet, images: Any) -> None:
    with pytest.raises(TypeError, match=r"uint8.*divide uint8 by 255"):
        lite(images)


def test_a_list_must_hold_tensors(lite: RAZNet) -> None:
    with pytest.raises(TypeError, match="holds a str"):
        lite(["a.jpg"])  # type: ignore[list-item]


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 1, 32, 32), (1, 3, 0, 32), (1, 3, 32, 0)])
def test_a_wrong_batch_is_refused(lite: RAZNet, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="it must be"):
        lite(torch.zeros(shape))


@pytest.mark.parametrize("shape", [(1, 3, 32, 32), (1, 32, 32), (3, 0, 32)])
def test_a_wrong_image_in_a_list_is_refused(lite: RAZNet, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="each must be"):
        lite([torch.zeros(shape)])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_other_types_come_near_float32(lite: RAZNet, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        expected = lite(image)
        outputs = copy.deepcopy(lite).to(dtype)(image.to(dtype))
    for name in MAPS:
        assert outputs[name].dtype == dtype
        spread = float(expected[name].std())
        error = float((outputs[name].float() - expected[name]).abs().mean())
        assert error < 0.1 * spread


def test_attention_that_is_sure_has_a_gradient_in_bfloat16_too(model: RAZNet) -> None:
    model = copy.deepcopy(model).train()
    with torch.no_grad():
        model.proposal.output.bias.fill_(8.0)
    with torch.autocast("cpu", torch.bfloat16):
        attention = model(torch.rand(2, 3, 64, 64))["attention"]
    assert attention.dtype == torch.float32
    attention_bce(attention, torch.zeros_like(attention)).backward()
    assert float(model.proposal.output.bias.grad) > 0.9 * attention[0].numel()


def test_channels_last_changes_nothing(lite: RAZNet) -> None:
    image = torch.rand(1, 3, 40, 64)
    fast = copy.deepcopy(lite).to(memory_format=torch.channels_last)
    with torch.no_grad():
        expected = lite(image)
        outputs = fast(image.to(memory_format=torch.channels_last))
    for name in MAPS:
        torch.testing.assert_close(outputs[name], expected[name], atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copy_is_the_same_net(model: RAZNet, copied: Any) -> None:
    twin = copied(model)
    image = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        assert all(torch.equal(twin(image)[name], model(image)[name]) for name in MAPS)
    assert twin.operating_point == model.operating_point


def test_normalisation_constants_are_not_weights(model: RAZNet) -> None:
    assert not {"mean", "std"} & set(model.state_dict())


def test_a_list_gives_people_of_each_image(lite: RAZNet, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, ...]] = []

    def find_peaks(x: Tensor, *, threshold: float) -> tuple[Tensor, Tensor, Tensor]:
        assert threshold == lite.operating_point.peak_threshold(1)
        assert 0 <= x.min() <= x.max() <= 1
        seen.append(tuple(x.shape))
        points = torch.tensor([[[1.5, 2.5], [-1.0, -1.0]]])
        return points, torch.tensor([[0.7, 0.0]]), torch.tensor([1])

    ops = types.ModuleType("raz.ops")
    ops.find_peaks = find_peaks  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "raz.ops", ops)
    images = [torch.rand(3, 20, 30), torch.rand(3, 33, 9)]
    people = lite(images)
    assert seen == [(1, 20, 30), (1, 33, 9)]
    for image, found in zip(images, people, strict=True):
        assert set(found) == {"points", "scores", "count"}
        assert found["points"].tolist() == [[1.5, 2.5]]
        assert found["scores"].shape == (1,)
        expected = lite(image[None])["density"].sum()
        torch.testing.assert_close(found["count"], expected)
    assert lite([]) == []


def test_a_list_counts_without_faint_cells(lite: RAZNet) -> None:
    model, image = copy.deepcopy(lite), torch.rand(3, 40, 40)
    density = model(image[None])["density"][0].detach()
    threshold = 1.5 * float(density.max())
    model.operating_point = OperatingPoint(density_threshold=threshold)
    kept = without_faint_cells(density, threshold).sum()
    assert 0 < float(kept) < 0.9 * float(density.sum())
    torch.testing.assert_close(model([image])[0]["count"].detach(), kept)


def test_targets_give_losses(lite: RAZNet, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[int, tuple[int, int]]] = []

    def raznet_losses(outputs: Any, targets: Any, size: tuple[int, int]) -> dict[str, Tensor]:
        calls.append((len(targets), size))
        return {"counting": outputs["density"].sum(), "points": torch.tensor(float(len(calls)))}

    losses = types.ModuleType("raz.losses")
    losses.raznet_losses = raznet_losses  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "raz.losses", losses)
    target = {"points": torch.tensor([[3.0, 4.0]])}
    batch = lite(torch.rand(2, 3, 32, 40), targets=[target, target])
    assert calls == [(2, (32, 40))]
    assert set(batch) == {"counting", "points"}
    calls.clear()
    mixed = lite([torch.rand(3, 8, 8), torch.rand(3, 16, 24)], targets=[target, target])
    assert calls == [(1, (8, 8)), (1, (16, 24))]
    assert mixed["points"] == 1.5
    assert mixed["counting"].requires_grad
    for images in (torch.rand(2, 3, 8, 8), [torch.rand(3, 8, 8)] * 2):
        with pytest.raises(ValueError, match="1 targets for 2 images"):
            lite(images, targets=[target])


def test_predict_forwards_to_the_library(lite: RAZNet, monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("raz.prediction")
    module.predict = lambda source, **options: (source, options)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "raz.prediction", module)
    assert lite.predict("a.jpg", depth=1, seed=4) == (
        "a.jpg",
        {"model": lite, "depth": 1, "seed": 4},
    )


@pytest.mark.slow
def test_one_exported_net_serves_every_size_from_9_pixels(small_vgg: RAZNet) -> None:
    auto = torch.export.Dim.AUTO
    program = torch.export.export(
        small_vgg,
        (torch.rand(2, 3, 70, 101),),
        dynamic_shapes={"images": {0: auto, 2: auto, 3: auto}},
    ).module()
    for shape in ((1, 3, 160, 32), (2, 3, 9, 65), (3, 3, 33, 64)):
        image = torch.rand(shape)
        with torch.no_grad():
            expected, outputs = small_vgg(image), program(image)
        for name in MAPS:
            torch.testing.assert_close(outputs[name], expected[name], atol=1e-4, rtol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("builder", [raznet_lite, raznet_vgg16])
def test_the_whole_net_compiles_to_one_graph(builder: Callable[[], RAZNet]) -> None:
    torch.manual_seed(0)
    model = varied(builder())
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    image = torch.rand(1, 3, 33, 65)
    with torch.no_grad():
        expected, outputs = model(image), compiled(image)
    for name in MAPS:
        torch.testing.assert_close(outputs[name], expected[name], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("call", [lambda x: x, list], ids=["batch", "list"])
@pytest.mark.parametrize(
    "images",
    [
        torch.rand(1, 3, 32, 32) * 255,
        (torch.rand(1, 3, 32, 32) - 0.45) / 0.22,
        torch.full((1, 3, 32, 32), math.nan),
        (torch.rand(1, 3, 32, 32) * 255).to(torch.bfloat16),
        (torch.rand(1, 3, 32, 32) * 255).half(),
    ],
    ids=["0..255", "normalised", "nan", "bfloat16", "float16"],
)
def test_values_that_are_no_colours_are_refused(lite, images, call):
    with pytest.raises(ValueError, match=r"images have values from .* must be RGB in \[0, 1\]"):
        lite(call(images))
    with pytest.raises(ValueError, match="images have values from"):
        lite(call(images), [{"points": torch.zeros(0, 2)}])


def test_colours_may_overshoot_by_a_little(lite, caplog):
    lite(torch.rand(1, 3, 32, 32) * 1.4 - 0.2)
    lite(torch.zeros(1, 3, 32, 32))
    assert not caplog.records


@pytest.mark.parametrize(
    ("bits", "white", "most"),
    [(8, 255 * 255, "0.0039"), (12, 65535, "0.062"), (8, 65535, "0.0039")],
)
def test_an_image_divided_by_too_much_is_warned_of(lite, caplog, bits, white, most):
    values = torch.randint(0, 2**bits, (1, 3, 32, 32))
    values[0, 0, 0, 0] = 2**bits - 1
    lite(values / white)
    assert f"images are at most {most} of 1: nearly black" in caplog.text


def test_a_black_part_of_an_image_is_not_warned_of(lite, caplog):
    image = torch.ones(3, 64, 512, dtype=torch.uint8)
    image[:, :, 448:] = 200
    count_and_locate(lite, image, ZoomSettings(depth=1, tile=192, overlap="fast"))
    assert not caplog.records


def test_values_are_not_looked_at_in_graphs(lite):
    """A look would break the graph, and wait for a device."""
    images = torch.rand(1, 3, 32, 32) * 255
    torch.compile(lite, fullgraph=True, backend="eager")(images)
    torch.export.export(lite, (images,), strict=False).module()(images)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit warns that it is old
        torch.jit.trace(lite, images, strict=False, check_trace=False)
    copy.deepcopy(lite).to("meta")(images.to("meta"))
