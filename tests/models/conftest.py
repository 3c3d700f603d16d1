from __future__ import annotations

from pathlib import Path

import pytest
import torch

from raz.models import RAZNet, raznet_lite, raznet_vgg16


@pytest.fixture(scope="session")
def imagenet_weights(raz_data: Path) -> Path:
    """Folder of ImageNet weights of the two trunks, beside the photographs."""
    folder = raz_data.parent / "weights"
    if not folder.is_dir():
        pytest.skip("no folder of ImageNet weights beside RAZ_DATA")
    return folder


@pytest.fixture(scope="session")
def lite() -> RAZNet:
    """An untrained raznet_lite in evaluation mode; not to be changed."""
    torch.manual_seed(0)
    return varied(raznet_lite())


@pytest.fixture(scope="session")
def small_vgg() -> RAZNet:
    """A raznet_vgg16 with its own trunk and narrow branches, evaluating; not to be changed."""
    torch.manual_seed(0)
    model = raznet_vgg16(
        counting_widths=(8, 4),
        localization_width=8,
        localization_widths=(8, 4, 4),
        deconvolution_width=2,
        proposal_widths=(4, 4),
    )
    return varied(model)


@pytest.fixture(params=["lite", "small_vgg"])
def model(request: pytest.FixtureRequest) -> RAZNet:
    found: RAZNet = request.getfixturevalue(request.param)
    return found


def varied(model: RAZNet) -> RAZNet:
    """The model with output layers wide enough for its maps to depend on the image."""
    for branch in (model.counting, model.localization, model.proposal):
        torch.nn.init.normal_(branch.output.weight, std=0.2)
    return model.eval()
