from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from raz.models.layers import ConvNormReLU, conv_norm


@pytest.fixture
def pair() -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    torch.manual_seed(1)
    conv = nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2, bias=False)
    norm = nn.BatchNorm2d(6, eps=1e-3)
    nn.init.uniform_(norm.weight, -2, 2)
    nn.init.normal_(norm.bias)
    norm.running_mean = torch.randn(6)
    norm.running_var = torch.rand(6)
    return conv.double(), norm.double()


def test_folding_changes_nothing_but_rounding(pair: tuple[nn.Conv2d, nn.BatchNorm2d]) -> None:
    conv, norm = pair
    norm.eval()
    x = torch.randn(2, 4, 7, 9, dtype=torch.float64)
    torch.testing.assert_close(conv_norm(x, conv, norm), norm(conv(x)))


def test_folding_keeps_every_gradient(pair: tuple[nn.Conv2d, nn.BatchNorm2d]) -> None:
    conv, norm = pair
    norm.eval()
    x = torch.randn(2, 4, 7, 9, dtype=torch.float64, requires_grad=True)
    parameters = [x, conv.weight, norm.weight, norm.bias]
    weight = torch.randn(2, 6, 4, 5, dtype=torch.float64)
    folded = torch.autograd.grad((conv_norm(x, conv, norm) * weight).sum(), parameters)
    apart = torch.autograd.grad((norm(conv(x)) * weight).sum(), parameters)
    for one, other in zip(folded, apart, strict=True):
        torch.testing.assert_close(one, other)


def test_training_mode_normalises_by_the_batch(pair: tuple[nn.Conv2d, nn.BatchNorm2d]) -> None:
    conv, norm = pair
    before = norm.running_mean.clone()  # type: ignore[union-attr]
    y = conv_norm(torch.randn(8, 4, 16, 16, dtype=torch.float64), conv, norm)
    torch.testing.assert_close(y.mean((0, 2, 3)), norm.bias)
    assert not torch.equal(norm.running_mean, before)  # type: ignore[arg-type]


@pytest.mark.parametrize(("kernel_size", "dilation"), [(1, 1), (3, 1), (3, 2), (3, 4), (5, 2)])
def test_the_size_is_kept(kernel_size: int, dilation: int) -> None:
    layer = ConvNormReLU(3, 5, kernel_size=kernel_size, dilation=dilation).eval()
    y = layer(torch.randn(2, 3, 6, 11))
    assert y.shape == (2, 5, 6, 11)
    assert torch.equal(y, F.relu(y))


def test_a_strided_depthwise_convolution_trains_in_float32_under_autocast() -> None:
    torch.manual_seed(2)
    conv = nn.Conv2d(6, 6, 3, stride=2, padding=1, groups=6, bias=False)
    norm = nn.BatchNorm2d(6).eval()
    x = torch.randn(2, 6, 8, 10, requires_grad=True)
    in_float32 = conv_norm(x, conv, norm)
    with torch.autocast("cpu", torch.bfloat16):
        trained = conv_norm(x, conv, norm)
        predicted = conv_norm(x.detach(), conv, norm)
    assert trained.dtype == predicted.dtype == torch.bfloat16
    assert torch.equal(trained, in_float32.bfloat16())  # one rounding, at the end
    assert not torch.equal(predicted, trained)
    gradient = torch.ones_like(trained)
    torch.testing.assert_close(
        torch.autograd.grad(trained, [x, conv.weight], gradient),
        torch.autograd.grad(in_float32, [x, conv.weight], gradient.float()),
    )
