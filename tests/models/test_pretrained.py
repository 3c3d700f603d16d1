"""What the library says of its weights is what the model card beside them says."""

from __future__ import annotations

import re

import pytest

from raz.models import WeightsEnum, complexity, get_model, get_model_weights, list_models

MEMBERS = [member for name in list_models() for member in get_model_weights(name)]
READINGS = ("density", "density+", "localization", "localization+", "average", "fusion")


def figures_of(card: str) -> dict[str, dict[str, dict[str, float]]]:
    """The table of held-out photographs: MAE, RMSE and bias of each reading in parts A and B."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    held_out = card[card.index("## Held-out photographs") : card.index("## Thresholds")]
    for line in held_out.splitlines():
        cells = [
            re.sub("[* ]", "", cell).replace("\N{MINUS SIGN}", "-")
            for cell in line.split("|")[1:-1]
        ]
        if len(cells) == 7 and cells[0] in READINGS:
            for part, values in (("A", cells[1:4]), ("B", cells[4:])):
                row = dict(zip(("mae", "rmse", "bias"), map(float, values), strict=True))
                found.setdefault(f"ShanghaiTech {part}, held-out tenth", {})[cells[0]] = row
    return found


@pytest.fixture(params=MEMBERS, ids=str)
def weights(request: pytest.FixtureRequest) -> WeightsEnum:
    member: WeightsEnum = request.param
    return member


def test_the_card_names_the_weights_and_their_net(weights: WeightsEnum) -> None:
    title = weights.card.read_text(encoding="utf-8").splitlines()[0]
    assert title == f"# {weights.meta['architecture']}, {weights.name}"


def test_the_net_is_as_large_as_is_said(weights: WeightsEnum) -> None:
    model = get_model(weights.meta["architecture"], weights=weights)
    assert type(weights) is get_model_weights(model.architecture)
    found = complexity(model)
    assert found.parameters == weights.meta["parameters"]
    assert found.multiply_adds == weights.meta["multiply_adds_1024x768"]
    card = weights.card.read_text(encoding="utf-8")
    assert f"{found.parameters:,} parameters" in card
    assert f"{found.multiply_adds / 1e9:.1f} G multiply-adds" in card


def test_errors_are_those_of_the_card(weights: WeightsEnum) -> None:
    assert weights.meta["metrics"] == figures_of(weights.card.read_text(encoding="utf-8"))
    for readings in weights.meta["metrics"].values():
        assert tuple(readings) == READINGS


def test_data_recipe_and_terms_are_those_of_the_card(weights: WeightsEnum) -> None:
    card = " ".join(weights.card.read_text(encoding="utf-8").split())
    meta = weights.meta
    assert "Trained on the ShanghaiTech dataset" in card
    assert "drawn scenes" in card
    assert meta["trained_on"] == "ShanghaiTech parts A and B, training images, and drawn scenes"
    assert (
        "Five trainings on two cores, 424 minutes together, and the mean of the last three" in card
    )
    assert meta["recipe"].startswith("raz train, five trainings of 424 minutes together")
    assert "MIT licence does not extend to these weights: use them for research" in card
    assert meta["licence"] == (
        "research use; the code's MIT licence does not extend to these weights"
    )
    assert "ImageNet EfficientNet-Lite0 (Apache-2.0)" in card
    assert meta["backbone"] == "EfficientNet-Lite0, ImageNet, Apache-2.0"
