"""How far the nets see: what their layers say against a probe by gradients."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from raz.models import get_model
from raz.models.raznet import RAZNet

NARROW = {
    "counting_widths": (2,) * 6,
    "localization_width": 2,
    "localization_widths": (2, 2, 2),
    "deconvolution_width": 2,
    "proposal_widths": (2, 2),
}
SHALLOW = {"counting_widths": (2, 2), "counting_dilations": (1, 1)}


def opened(model: RAZNet) -> RAZNet:
    """The same layers with weights that let every pixel through: nothing cancels or saturates."""
    for module in model.double().modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.constant_(module.weight, 0.3 / module.weight[0].numel())
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        for name, child in list(module.named_children()):
            if isinstance(child, nn.MaxPool2d):  # it would pass one pixel of four
                setattr(module, name, nn.AvgPool2d(2))
    return model


def seen_beyond(model: RAZNet, border: int, extent: int, axis: int) -> int:
    """Pixels beyond a border that the maps up to it depend on, from either side."""
    shape = [32, 32]
    shape[axis] = extent
    images = torch.full((1, 3, *shape), 0.9, dtype=torch.float64, requires_grad=True)
    maps = model(images)
    sides = []
    for before in (True, False):
        total = torch.zeros((), dtype=torch.float64)
        for values in maps.values():
            cells = values.shape[1 + axis]
            cut = border * cells // extent
            start, length = (0, cut) if before else (cut, cells - cut)
            total = total + values.narrow(1 + axis, start, length).sum()
        [gradient] = torch.autograd.grad(total, images, retain_graph=True)
        touched = gradient.abs().sum(1)[0].sum(1 - axis).nonzero().flatten()
        sides.append(int(touched[-1]) + 1 - border if before else border - int(touched[0]))
    return max(sides)


@pytest.mark.parametrize(
    ("name", "options", "border"),
    [
        ("raznet_lite", {}, 320),
        ("raznet_lite", SHALLOW, 320),
        ("raznet_lite", {**SHALLOW, "localization_widths": (8, 8, 8)}, 320),
        ("raznet_lite_2", {}, 384),
        ("raznet_lite_2", SHALLOW, 384),
        ("raznet_lite_2", {**SHALLOW, "localization_layers": 6}, 384),
        pytest.param("raznet_vgg16", NARROW, 160, marks=pytest.mark.slow),
        pytest.param(
            "raznet_vgg16", {**NARROW, "counting_widths": (2, 2)}, 160, marks=pytest.mark.slow
        ),
    ],
)
@pytest.mark.parametrize("axis", [0, 1])
def test_what_the_layers_say_is_what_the_gradient_sees(name, options, border, axis):
    model = get_model(name, weights=None, **options)
    seen = seen_beyond(opened(model), border, 2 * border, axis)
    # A cell more is allowed where strides and enlargements line up better than counted.
    assert seen <= model.receptive_field <= seen + 8


def test_a_net_of_unknown_parts_says_so():
    parts = dict.fromkeys(("neck", "counting", "localization", "proposal"), nn.Identity())
    backbone = nn.Identity()
    backbone.mean = backbone.std = (1.0, 1.0, 1.0)
    assert RAZNet("mine", backbone=backbone, **parts).receptive_field == 0
