from __future__ import annotations

import pytest
import torch

from raz.models import RAZNet, RAZNetLiteWeights, complexity, raznet_lite, raznet_vgg16
from raz.models.efficientnet_lite import EfficientNetLite0


def test_raznet_lite_keeps_its_limits_and_its_stated_figures() -> None:
    found = complexity(raznet_lite())
    assert found.parameters <= 2_000_000
    assert found.multiply_adds <= 57e9
    meta = RAZNetLiteWeights.DEFAULT.meta
    assert found.parameters == meta["parameters"]
    assert found.multiply_adds == meta["multiply_adds_1024x768"]
    assert f"{found.parameters:,} parameters" in str(raznet_lite.__doc__)
    assert f"{found.multiply_adds / 1e9:.1f} G multiply-adds" in str(raznet_lite.__doc__)


def test_raznet_vgg16_is_what_its_docstring_says() -> None:
    with torch.device("meta"):
        model = raznet_vgg16()
    found = complexity(model)
    assert f"{found.parameters:,} parameters" in str(raznet_vgg16.__doc__)
    assert f"{found.multiply_adds / 1e9:.0f} G multiply-adds" in str(raznet_vgg16.__doc__)


def test_published_branches_have_the_published_sizes() -> None:
    """3x3 kernels and biases summed by hand from the widths in the paper, CSRNet and RAZ_loc."""

    def conv(i: int, o: int, k: int = 3) -> int:
        return i * o * k * k + o

    with torch.device("meta"):
        model = raznet_vgg16()
    counting = 3 * conv(512, 512) + conv(512, 256) + conv(256, 128) + conv(128, 64) + 65
    localization = 3 * conv(512, 512) + 65
    for coarse, fine in ((512, 256), (256, 128), (128, 64)):
        localization += conv(coarse, fine, 4) + conv(fine, fine)
    assert sum(p.numel() for p in model.counting.parameters()) == counting
    assert sum(p.numel() for p in model.localization.parameters()) == localization


def test_a_convolution_is_counted_exactly() -> None:
    conv = torch.nn.Conv2d(3, 5, 3, padding=1)
    assert complexity(conv, (10, 20)) == (3 * 5 * 9 + 5, 3 * 5 * 9 * 200)


def test_folded_normalisations_and_groups_are_counted() -> None:
    """Stem: 32 x 27 products per output cell; block 0: 9 per channel, then 32 x 16."""
    trunk = EfficientNetLite0()
    trunk._blocks = trunk._blocks[:1]
    assert complexity(trunk, (32, 32)).multiply_adds == 256 * (32 * 27 + 32 * 9 + 32 * 16)


def test_counting_leaves_the_net_alone(lite: RAZNet) -> None:
    complexity(lite, (32, 32))
    assert next(lite.parameters()).device.type == "cpu"


def test_a_size_without_pixels_is_refused(lite: RAZNet) -> None:
    with pytest.raises(ValueError, match="size is"):
        complexity(lite, (0, 4))
