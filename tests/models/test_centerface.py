from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from raz.data import ShanghaiTech
from raz.models import complexity, load_backbone, raznet_lite_2
from raz.models.centerface import CenterFaceTrunk


def test_features_have_the_promised_strides_and_channels() -> None:
    trunk = CenterFaceTrunk().eval()
    shapes = [tuple(f.shape) for f in trunk(torch.rand(1, 3, 64, 96))]
    assert shapes == [
        (1, channels, 64 // stride, 96 // stride)
        for channels, stride in zip(trunk.channels, (2, 4, 8, 16), strict=True)
    ]


def test_normalisations_scale_and_shift_and_hold_no_statistics() -> None:
    model = raznet_lite_2().train()
    trunk = model.backbone
    before = {name: value.clone() for name, value in trunk.named_buffers()}
    model(torch.rand(2, 3, 32, 32))["density"].sum().backward()
    assert model.counting.training
    assert all(torch.equal(value, before[name]) for name, value in trunk.named_buffers())
    norms = [m for m in trunk.modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(norms) == 1 + 2 + 3 * 16 + 4 + 3 + 1
    for norm in norms:
        assert norm.weight.grad is not None
        x = torch.rand(2, norm.num_features, 3, 3)
        torch.testing.assert_close(norm(x), x)


@pytest.mark.parametrize(("stride", "blocks"), [(1, None), (2, 1), (4, 3), (8, 6), (16, 13)])
def test_the_first_layers_end_where_the_stride_does(stride: int, blocks: int | None) -> None:
    trunk = CenterFaceTrunk()
    expected = [] if blocks is None else [trunk.stem, *list(trunk.blocks)[:blocks]]
    assert trunk.layers_up_to(stride) == expected


def test_raznet_lite_2_keeps_its_limits_and_its_stated_figures() -> None:
    found = complexity(raznet_lite_2())
    assert found.parameters <= 2_500_000
    assert found.multiply_adds <= 9e9
    assert f"{found.parameters:,} parameters" in str(raznet_lite_2.__doc__)
    assert f"{found.multiply_adds / 1e9:.1f} G multiply-adds" in str(raznet_lite_2.__doc__)


def test_published_weights_tell_heads_from_the_rest(imagenet_weights: Path, raz_data: Path) -> None:
    """One channel of the pyramid at stride 4 is greater at a head than elsewhere, 3 times of 4."""
    path = imagenet_weights / "centerface_trunk.safetensors"
    model = raznet_lite_2().eval()
    load_backbone(model, path)
    published = load_file(path)
    assert all(torch.equal(v, published[k]) for k, v in model.backbone.state_dict().items())

    sample = ShanghaiTech(raz_data / "shanghaitech", "B")[3]
    x = torch.tensor(sample.image).permute(2, 0, 1)[None] / 255
    with torch.inference_mode():
        [features] = model.backbone((x - model.mean) / model.std)[1]
    column, row = np.floor(sample.points.T / 4).astype(int)
    at_heads = features[24:, row.clip(0, 191), column.clip(0, 255)]
    elsewhere = features[24:].flatten(1)[:, ::97]
    greater = (at_heads[:, :, None] > elsewhere[:, None]).float().mean((1, 2))
    assert greater.max() > 0.7
