from __future__ import annotations

import copy
import gc
import weakref
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from crowds import crowd
from raz.io.decoding import to_image
from raz.models import get_model
from raz.models.inference import for_inference
from raz.models.raznet import RAZNet
from raz.network import for_inference as form_of
from raz.ops import find_peaks

SMALL = {"counting_widths": (8, 8), "counting_dilations": (1, 1)}


def trained(name: str = "raznet_lite", **options: object) -> RAZNet:
    """A net in evaluation mode whose normalisations do something."""
    torch.manual_seed(0)
    model = get_model(name, weights=None, **options).eval()
    for norm in (part for part in model.modules() if isinstance(part, nn.BatchNorm2d)):
        nn.init.uniform_(norm.weight, 0.8, 1.2)
        nn.init.uniform_(norm.bias, -0.1, 0.1)
        nn.init.uniform_(norm.running_mean, -0.1, 0.1)
    return model


@pytest.mark.parametrize("name", ["raznet_lite", "raznet_lite_2"])
def test_form_gives_the_same_maps(name: str) -> None:
    model = trained(name)
    images = torch.rand(2, 3, 75, 130)
    with torch.no_grad():
        expected, found = model(images), model.for_inference()(images)
    assert list(found) == list(expected)
    for key, values in expected.items():
        assert values.std() > 0
        # Random weights enlarge rounding; in float64 test_builders.py holds them to 1e-9.
        torch.testing.assert_close(
            found[key], values, atol=1e-4 * float(values.abs().max()), rtol=0
        )


def test_form_of_the_shipped_net_finds_the_same_heads() -> None:
    model = get_model("raznet_lite").eval()
    images = to_image(crowd(0, (256, 320), least=10).image)[None].float() / 255
    with torch.no_grad():
        expected, found = model(images), model.for_inference()(images)
    torch.testing.assert_close(found["density"], expected["density"], atol=1e-6, rtol=1e-4)
    points = [
        find_peaks(torch.sigmoid(maps["localization"]), threshold=0.2)[0]
        for maps in (expected, found)
    ]
    assert points[0].shape[1] > 10
    assert torch.equal(points[0], points[1])


def test_form_in_bfloat16_of_the_shipped_net_finds_nearly_the_same_heads() -> None:
    """On ten windows maps differed by at most 0.8 to 5.2 % of the largest value, sums by 0.9 %."""
    model = get_model("raznet_lite").eval()
    images = to_image(crowd(0, (256, 320), least=10).image)[None].float() / 255
    with torch.no_grad():
        expected, found = model(images), model.for_inference(torch.bfloat16)(images)
    for name, values in expected.items():
        assert found[name].dtype == torch.float32
        difference = float((found[name] - values).abs().max()) / float(values.abs().max())
        assert 0 < difference < 0.06
    assert float(found["density"].sum()) == pytest.approx(
        float(expected["density"].sum()), rel=0.02
    )
    # Logits are not rounded to bfloat16: peaks would have plateaus.
    logits = found["localization"]
    assert not torch.equal(logits, logits.bfloat16().float())


@pytest.mark.parametrize("name", ["raznet_lite", "raznet_lite_2", "raznet_vgg16"])
def test_layers_of_the_form_compute_in_bfloat16(name: str) -> None:
    form = get_model(name, weights=None).eval().for_inference(torch.bfloat16)
    seen = {}
    for part_name, part in form.named_modules():
        if isinstance(part, (nn.Conv2d, nn.ConvTranspose2d)):
            seen[part_name] = {each.dtype for each in part.parameters()}
    last = {part_name for part_name, types in seen.items() if types == {torch.float32}}
    assert {each.partition(".")[0] for each in last} == {"counting", "localization", "proposal"}
    assert all(seen[each] == {torch.bfloat16} for each in seen.keys() - last)
    with torch.no_grad():
        maps = form(torch.rand(1, 3, 64, 64))
    assert {each.dtype for each in maps.values()} == {torch.float32}


def test_a_form_of_each_type_is_kept_and_follows_the_weights() -> None:
    model = trained(**SMALL)
    images = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        before = model.for_inference()(images)["density"]
        lowered = model.for_inference(torch.bfloat16)
        old = lowered(images)["density"]
        assert torch.equal(model.for_inference()(images)["density"], before)
    assert model.for_inference(torch.bfloat16) is lowered is not model.for_inference()
    by_data(model)
    with torch.no_grad():
        found = model.for_inference(torch.bfloat16)(images)["density"]
        anew = copy.deepcopy(model).for_inference(torch.bfloat16)(images)["density"]
    assert torch.equal(found, anew)
    assert not torch.allclose(found, old, rtol=0.05)


def test_net_itself_stays_as_it_is() -> None:
    model = trained(**SMALL)
    before = copy.deepcopy(model.state_dict())
    form = model.for_inference()
    assert form is not model
    assert not any(isinstance(part, nn.BatchNorm2d) for part in form.modules())
    after = model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], values) for name, values in before.items())
    assert all(parameter.requires_grad for parameter in model.parameters())


def by_step(model: RAZNet) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()


def by_data(model: RAZNet) -> None:
    model.counting.output.weight.data[0, 0] += 1.0


def by_new_tensor(model: RAZNet) -> None:
    model.counting.output.weight.data = torch.ones_like(model.counting.output.weight)


def by_loading(model: RAZNet) -> None:
    model.load_state_dict(trained("raznet_lite", **SMALL).double().float().state_dict())
    with torch.no_grad():
        model.counting.output.bias.add_(0.5)


def by_statistics(model: RAZNet) -> None:
    norm = next(part for part in model.modules() if isinstance(part, nn.BatchNorm2d))
    norm.running_var.mul_(2.0)


@pytest.mark.parametrize("change", [by_step, by_data, by_new_tensor, by_loading, by_statistics])
def test_changed_weights_are_seen(change: Callable[[RAZNet], None]) -> None:
    model = trained(**SMALL)
    images = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        old = model.for_inference()(images)["density"]
    change(model)
    with torch.no_grad():
        expected, found = model(images)["density"], model.for_inference()(images)["density"]
    assert not torch.allclose(expected, old, rtol=1e-3)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_form_is_made_once_and_goes_with_its_net() -> None:
    model = trained(**SMALL)
    form = for_inference(model)
    assert for_inference(model) is form
    gone = weakref.ref(form)
    del form, model
    gc.collect()
    assert gone() is None


def test_nets_without_a_form_are_returned_as_they_are() -> None:
    model = trained(**SMALL)
    assert for_inference(model.train()) is model
    assert for_inference(model.eval().double()) is model
    plain = nn.Conv2d(3, 1, 1)
    assert form_of(plain) is plain
    model.float().counting.train()
    assert for_inference(model) is model
    compiled = SimpleNamespace(_orig_mod=model, for_inference=model.for_inference)
    assert form_of(compiled) is compiled


def test_hooks_are_called_whenever_they_were_registered() -> None:
    model = trained(**SMALL)
    image = torch.zeros(3, 64, 64, dtype=torch.uint8)
    model.predict(image, depth=1)  # makes the form
    seen: list[nn.Module] = []
    handle = model.counting.register_forward_hook(lambda part, *_: seen.append(part))
    model.predict(image, depth=1)
    assert seen == [model.counting]
    handle.remove()
    assert for_inference(model) is not model
