from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn

from raz.models import RAZNet, load_backbone
from raz.models.vgg import VGG16Trunk

CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21)


def test_names_are_torchvisions() -> None:
    expected = {f"features.{i}.{part}" for i in CONVOLUTIONS for part in ("weight", "bias")}
    assert set(VGG16Trunk().state_dict()) == expected


def test_the_trunk_is_ten_convolutions_with_three_poolings(small_vgg: RAZNet) -> None:
    trunk = small_vgg.backbone
    x = torch.randn(1, 3, 32, 40)
    y = x
    weights = trunk.state_dict()
    for index in CONVOLUTIONS:
        if index in (5, 10, 17):
            y = F.max_pool2d(y, 2, 2)
        weight, bias = weights[f"features.{index}.weight"], weights[f"features.{index}.bias"]
        y = F.relu(F.conv2d(y, weight, bias, padding=1))
    (features,) = trunk(x)
    assert features.shape == (1, 512, 4, 5)
    torch.testing.assert_close(features, y)


def test_published_weights_give_features_of_order_one(imagenet_weights: Path) -> None:
    from raz.models import raznet_vgg16

    model = raznet_vgg16(localization_width=8, localization_widths=(4, 4, 4), counting_widths=(4,))
    path = imagenet_weights / "vgg16_features_conv4_3.safetensors"
    load_backbone(model, path)
    published = load_file(path)
    assert all(torch.equal(v, published[k]) for k, v in model.backbone.state_dict().items())
    torch.manual_seed(0)
    with torch.no_grad():
        (features,) = model.backbone(F.interpolate(torch.randn(1, 3, 24, 24), scale_factor=4.0))
    assert 0.1 < features.square().mean().sqrt() < 10
    assert nn.functional.relu(features).equal(features)


@pytest.mark.parametrize(("stride", "last"), [(0, 0), (1, 4), (2, 9), (4, 16), (8, 23)])
def test_the_first_layers_end_where_the_stride_does(stride: int, last: int) -> None:
    net = VGG16Trunk()
    assert net.layers_up_to(stride) == list(net.features)[:last]
