"""The three branches of raznet_vgg16, as the paper and RAZ_loc draw them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from raz.models.raznet import Counting


class VGGCountingBranch(nn.Module):
    """CSRNet's back end: 3x3 convolutions of dilation 2 with ReLU, then 1x1 without activation.

    The density may therefore be slightly negative.

    Args:
        in_channels: Channels of the stride-8 features.
        widths: Channels of the convolutions; 512 512 512 256 128 64 in CSRNet (Li et al., CVPR
            2018), which the paper's counting branch is.
        density_scale: Constant by which the last convolution's output is multiplied, in persons per
            cell (ours): it lets the net work with numbers of order 1.
        mean_density: Persons per cell at initialisation (ours).
    """

    def __init__(
        self, in_channels: int, *, widths: Sequence[int], density_scale: float, mean_density: float
    ) -> None:
        super().__init__()
        self.density_scale = density_scale
        sources = (in_channels, *widths[:-1])
        self.layers = nn.Sequential(
            *(_conv_relu(source, width, 2) for source, width in zip(sources, widths, strict=True))
        )
        self.out_channels = widths[-1]
        self.output = _output(widths[-1], 1, mean_density / density_scale)

    def forward(self, features: Sequence[Tensor]) -> Counting:
        """Density and the features it was made of."""
        inner = self.layers(features[-1])
        return Counting(self.output(inner) * self.density_scale, inner)


class VGGLocalizationBranch(nn.Module):
    """RAZ_loc's head: three dilated convolutions, then three deconvolutions that each double.

    3 x (3x3 dilation 2, 512), and for each of 256, 128, 64 channels a deconvolution (kernel 4,
    stride 2) with a 3x3 convolution of dilation 2; 1x1 to one channel of logits. RAZ_loc (the NWPU
    benchmark's re-implementation) ends in two channels after a ReLU; one channel without it is what
    eq. 3 of Liu et al., CVPR 2019, means. ReLU after each deconvolution is ours.

    Args:
        in_channels: Channels of the stride-8 features.
        width: Channels of the three convolutions at stride 8.
        widths: Channels at strides 4, 2 and 1.
        prior: Probability of a marked pixel at initialisation (ours).
    """

    def __init__(
        self, in_channels: int, *, width: int, widths: tuple[int, int, int], prior: float
    ) -> None:
        super().__init__()
        layers = [_conv_relu(in_channels, width, 2)]
        layers += [_conv_relu(width, width, 2) for _ in range(2)]
        channels = width
        for finer in widths:
            layers += [_deconv_relu(channels, finer, 2), _conv_relu(finer, finer, 2)]
            channels = finer
        self.layers = nn.Sequential(*layers)
        self.out_channels = channels
        self.output = _output(channels, 1, math.log(prior / (1.0 - prior)))

    def forward(self, features: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Logits [B, 1, H, W], and the full-resolution features they were made of."""
        inner = self.layers(features[-1])
        return self.output(inner), inner


class VGGProposalBranch(nn.Module):
    """Localization features, counting features enlarged eight times, three 3x3 convolutions.

    Runs at full resolution as in the paper's figure and leaves averaged to stride 8 (ours), which a
    mean over a region hardly notices. The widths and the sigmoid are ours.

    Args:
        localization_channels: Channels of the localization features, at full resolution.
        counting_channels: Channels of the counting features, at stride 8.
        deconvolution_width: Channels to which the deconvolution narrows the counting features.
        widths: Channels of the first two convolutions; narrow, since every pixel pays for them.
        prior: Attention at initialisation.
    """

    def __init__(
        self,
        localization_channels: int,
        counting_channels: int,
        *,
        deconvolution_width: int,
        widths: tuple[int, int],
        prior: float,
    ) -> None:
        super().__init__()
        self.enlarge = _deconv_relu(counting_channels, deconvolution_width, 8)
        self.layers = nn.Sequential(
            _conv_relu(localization_channels + deconvolution_width, widths[0], 1),
            _conv_relu(widths[0], widths[1], 1),
        )
        self.output = _output(widths[1], 3, math.log(prior / (1.0 - prior)))

    def forward(self, localization: Tensor, counting: Tensor) -> Tensor:
        """Attention [B, 1, h, w] at stride 8, in [0, 1]."""
        joined = torch.cat((localization, self.enlarge(counting)), dim=1)
        z = self.output(self.layers(joined)).to(self.output.weight.dtype)  # 1 has no gradient
        return F.avg_pool2d(torch.sigmoid(z), 8)


def _conv_relu(in_channels: int, out_channels: int, dilation: int) -> nn.Sequential:
    conv = nn.Conv2d(in_channels, out_channels, 3, padding=dilation, dilation=dilation)
    nn.init.kaiming_normal_(conv.weight, mode="fan_in", nonlinearity="relu")
    nn.init.zeros_(_bias(conv))
    return nn.Sequential(conv, nn.ReLU(inplace=True))


def _deconv_relu(in_channels: int, out_channels: int, factor: int) -> nn.Sequential:
    deconv = nn.ConvTranspose2d(
        in_channels, out_channels, 2 * factor, stride=factor, padding=factor // 2
    )
    # A kernel of twice the stride gives each output four taps per channel, whatever its size.
    nn.init.normal_(deconv.weight, std=math.sqrt(2.0 / (4 * in_channels)))
    nn.init.zeros_(_bias(deconv))
    return nn.Sequential(deconv, nn.ReLU(inplace=True))


def _output(in_channels: int, kernel_size: int, bias: float) -> nn.Conv2d:
    conv = nn.Conv2d(in_channels, 1, kernel_size, padding=kernel_size // 2)
    nn.init.normal_(conv.weight, std=0.01)
    nn.init.constant_(_bias(conv), bias)
    return conv


def _bias(conv: nn.Conv2d | nn.ConvTranspose2d) -> Tensor:
    assert conv.bias is not None
    return conv.bias
