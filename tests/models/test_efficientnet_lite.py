from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn

from raz.models import load_backbone, raznet_lite
from raz.models.efficientnet_lite import EfficientNetLite0, pad_as_tensorflow


def test_features_have_the_promised_strides_and_channels() -> None:
    trunk = EfficientNetLite0().eval()
    shapes = [tuple(f.shape) for f in trunk(torch.rand(1, 3, 64, 96))]
    assert shapes == [
        (1, channels, 64 // stride, 96 // stride)
        for channels, stride in zip(trunk.channels, (2, 4, 8, 16), strict=True)
    ]


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("size", [8, 10])
def test_strided_padding_is_tensorflows(kernel: int, size: int) -> None:
    """Output i of TensorFlow's "same" looks at inputs from 2i - floor(total / 2) on."""
    conv = nn.Conv2d(1, 1, kernel, stride=2, bias=False)
    nn.init.zeros_(conv.weight)
    conv.weight.data[0, 0, 0, 0] = 1.0
    ramp = torch.arange(1.0, size + 1).expand(1, 1, size, size).mT.contiguous()
    y = conv(pad_as_tensorflow(ramp + 100 * ramp.mT, conv))
    outputs = -(-size // 2)
    total = (outputs - 1) * 2 + kernel - size
    start = [2 * i - total // 2 for i in range(outputs)]
    inside = [i for i in range(outputs) if start[i] >= 0]
    assert y.shape[-2:] == (outputs, outputs)
    for i in inside:
        assert y[0, 0, i, i] == 101 * (start[i] + 1)


def test_frozen_statistics_stay_frozen_while_the_affine_part_trains() -> None:
    model = raznet_lite().train()
    trunk = model.backbone
    before = {name: value.clone() for name, value in trunk.named_buffers()}
    outputs = model(torch.rand(2, 3, 32, 32))
    outputs["density"].sum().backward()
    assert model.counting.training
    assert all(torch.equal(value, before[name]) for name, value in trunk.named_buffers())
    norms = [m for m in trunk.modules() if isinstance(m, nn.BatchNorm2d)]
    assert norms
    for norm in norms:
        assert norm.weight.grad is not None
        assert norm.bias.grad is not None


def test_statistics_can_be_trained() -> None:
    trunk = EfficientNetLite0(freeze_norm=False).train()
    trunk(torch.rand(2, 3, 32, 32))
    assert trunk._bn0.num_batches_tracked == 1
    trunk.eval()
    assert not trunk._bn0.training


def test_published_weights_fit_and_meet_their_own_statistics(
    imagenet_weights: Path, raz_data: Path
) -> None:
    """On photographs every normalisation sees about the variance that it has stored.

    Five crowd photographs stay within a factor of e**0.6; ImageNet's mean and deviation, colours
    left in [0, 1], or ReLU for ReLU6 lead to e**1.3 and more.
    """
    from PIL import Image

    path = imagenet_weights / "efficientnet_lite0_blocks.safetensors"
    model = raznet_lite().eval()
    load_backbone(model, path)
    trunk = model.backbone
    published = load_file(path)
    assert all(torch.equal(v, published[k]) for k, v in trunk.state_dict().items())

    files = sorted((raz_data / "shanghaitech/part_A/train_data/images").glob("*.jpg"))[:60:12]
    crops = []
    for file in files:
        image = Image.open(file).convert("RGB").resize((224, 224))
        pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
        crops.append(pixels.view(224, 224, 3).permute(2, 0, 1) / 255)
    x = (torch.stack(crops) - model.mean) / model.std

    ratios: list[float] = []

    def compare(norm: nn.BatchNorm2d, y: torch.Tensor) -> None:
        used = norm.running_var > 1e-2  # type: ignore[operator]
        seen = y.transpose(0, 1).flatten(1)[used].var(1)
        ratios.append(float((seen / norm.running_var[used]).log().abs().median()))  # type: ignore[index]

    _forward_unfolded(trunk, x, compare)
    assert len(ratios) == 1 + 2 + 3 * 10
    assert max(ratios) < 0.7


def _forward_unfolded(trunk: nn.Module, x: torch.Tensor, see) -> None:  # type: ignore[no-untyped-def]
    from raz.models import efficientnet_lite

    def apart(x, conv, norm):  # type: ignore[no-untyped-def]
        y = F.conv2d(x, conv.weight, None, conv.stride, conv.padding, 1, conv.groups)
        see(norm, y)
        return norm(y)

    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setattr(efficientnet_lite, "conv_norm", apart)
        trunk(x)


@pytest.mark.parametrize(("stride", "last"), [(1, None), (2, 0), (4, 2), (8, 4), (16, 10)])
def test_the_first_layers_end_where_the_stride_does(stride: int, last: int | None) -> None:
    net = EfficientNetLite0()
    blocks = [] if last is None else list(net._blocks)[: last + 1]
    stem = [] if last is None else [net._conv_stem, net._bn0]
    assert net.layers_up_to(stride) == [*stem, *blocks]
