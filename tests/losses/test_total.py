from __future__ import annotations

from dataclasses import fields

import pytest
import torch

from raz import losses
from raz.losses import LossWeights, raznet_losses, target_maps, total

OFF = dict.fromkeys(LossWeights().terms(), 0.0)
TERMS = [
    field.name
    for field in fields(LossWeights)
    if field.name in LossWeights(dm_ot=1.0).terms() or field.default == 0.0
]
BRANCH = {"point": "localization", "consistency": "localization", "attention": "attention"}


def crowd(count: int = 20, side: float = 32.0) -> torch.Tensor:
    return torch.rand(count, 2, generator=torch.Generator().manual_seed(0)) * side


def outputs_of(images: int, dtype: torch.dtype = torch.float32) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    maps = {
        "localization": torch.randn(images, 32, 32, generator=generator),
        "density": torch.rand(images, 4, 4, generator=generator),
        "attention": torch.rand(images, 4, 4, generator=generator),
        "empty": torch.randn(images, 2, 2, generator=generator),
    }
    return {name: value.to(dtype).requires_grad_() for name, value in maps.items()}


def test_perfect_maps_cost_almost_nothing():
    points = [torch.tensor([[30.0, 30.0], [34.0, 30.0], [30.0, 34.0], [34.0, 34.0]])]
    maps = target_maps(points, (64, 64))
    outputs = {**maps, "localization": (maps["localization"] * 2 - 1) * 30}
    targets = [{"points": points[0]}]
    for value in raznet_losses(outputs, targets, (64, 64)).values():
        assert value.item() == pytest.approx(0.0, abs=1e-4)


def test_every_term_is_known():
    assert len(TERMS) == 14
    assert {"dm_tv", "point_focal", "attention_bce", "block_mae"} <= set(TERMS)


@pytest.mark.parametrize("term", TERMS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_term_moves_its_branch_alone(term, dtype):
    outputs = outputs_of(2, dtype)
    outside = torch.tensor([[-3.0, 5.0], [5.0, 40.0]])
    targets = [{"points": torch.cat([crowd(), outside])}, {"points": torch.zeros(0, 2)}]
    weights = LossWeights(**{**OFF, term: 0.5})
    found = raznet_losses(outputs, targets, (32, 32), weights)
    assert list(found) == ["density", "localization", "attention"]
    branch = BRANCH.get(term.split("_")[0], "density")
    for name, value in found.items():
        assert value.dtype == torch.float32
        assert (value != 0) == (name == branch)
    sum(found.values()).backward()
    moved = {branch, "empty"} if term == "zip" else {branch}
    for name, output in outputs.items():
        assert (output.grad is not None) == (name in moved), name
    assert outputs[branch].grad.abs().sum() > 0
    double = raznet_losses(outputs, targets, (32, 32), LossWeights(**{**OFF, term: 1.0}))
    torch.testing.assert_close(double[branch], 2 * found[branch])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_images_without_heads(dtype):
    outputs = outputs_of(3, dtype)
    everything = LossWeights(**dict.fromkeys(TERMS, 1.0))
    found = raznet_losses(outputs, [{"points": torch.zeros(0, 2)}] * 3, (32, 32), everything)
    sum(found.values()).backward()
    assert all(output.grad.isfinite().all() for output in outputs.values())
    assert found["density"].item() > 0


def test_only_the_maps_of_terms_that_are_on(monkeypatch):
    asked = []

    def target_maps(*arguments, names, **options):
        asked.append(set(names))
        return losses.target_maps(*arguments, names=names, **options)

    monkeypatch.setattr(total, "target_maps", target_maps)
    targets = [{"points": crowd()}]
    raznet_losses(outputs_of(1), targets, (32, 32))
    raznet_losses(outputs_of(1), targets, (32, 32), LossWeights(**OFF, dm_ot=1.0, dm_tv=1.0))
    raznet_losses(outputs_of(1), targets, (32, 32), LossWeights(**OFF, point_focal=1.0, bayes=1.0))
    assert asked == [{"density", "localization", "attention"}, {"dots"}, {"heat"}]


def test_eq_3_as_printed():
    outputs = outputs_of(1)
    weights = LossWeights(**{**OFF, "point_bce": 1.0}, point_bce_per="pixel")
    found = raznet_losses(outputs, [{"points": crowd()}], (32, 32), weights)
    target = target_maps([crowd()], (32, 32))["localization"]
    expected = losses.localization_loss(outputs["localization"], target)
    torch.testing.assert_close(found["localization"], expected)


def test_zip_needs_the_output_of_emptiness():
    outputs = outputs_of(1)
    del outputs["empty"]
    with pytest.raises(ValueError, match=r"zip is on; outputs must hold 'empty'"):
        raznet_losses(outputs, [{"points": crowd()}], (32, 32), LossWeights(zip=1.0))


def test_absent_branches_cost_nothing_and_the_present_ones_the_same():
    outputs, targets = outputs_of(2), [{"points": crowd()}, {"points": crowd(3)}]
    weights = LossWeights(zip=1.0, consistency=1.0, point_focal=1.0)
    whole = raznet_losses(outputs, targets, (32, 32), weights)
    alone = {name: outputs[name] for name in ("density", "empty")}
    assert raznet_losses(alone, targets, (32, 32), weights) == {"density": whole["density"]}
