"""The neck and the three branches of raznet_lite_2: narrow, and coarse where that is enough.

The roles are the paper's (Liu et al., CVPR 2019), every width here is ours. Dense convolutions cost
by the cell: at stride 16 a quarter of what they cost at stride 8, where raznet_lite has them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from raz.models.layers import ConvNormReLU
from raz.models.lite_branches import chain, density_of, density_outputs, gathered
from raz.models.raznet import Counting


class LightFusion(nn.Module):
    """Trunk features with one narrow map at stride 8 that has seen the finer and the coarser ones.

    Takes features at strides 2, 4, 8, 16 and returns them with the third, [B, width, H / 8, W / 8],
    mixed of those at strides 4 (averaged), 8 and 16. A 1x1 convolution and an enlargement change
    places without changing the result: the widest map is narrowed where it has fewest cells.

    Args:
        channels: Channels of the features at strides 2, 4, 8 and 16.
        width: Channels of the mix.
    """

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        _, quarter, eighth, sixteenth = channels
        self.coarse = nn.Conv2d(sixteenth, width, 1, bias=False)
        self.mix = nn.Conv2d(quarter + eighth, width, 1, bias=False)
        self.norm: nn.BatchNorm2d | nn.Identity = nn.BatchNorm2d(width)
        for layer in (self.coarse, self.mix):
            nn.init.kaiming_normal_(layer.weight, mode="fan_in")

    def forward(self, features: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        half, quarter, eighth, sixteenth = features
        fine = self.mix(torch.cat((F.avg_pool2d(quarter, 2), eighth), dim=1))
        coarse = F.interpolate(self.coarse(sixteenth), scale_factor=2.0, mode="nearest")
        return half, quarter, F.relu(self.norm(fine + coarse), inplace=True), sixteenth

    def fold_norm(self) -> None:
        """Scale both convolutions as the normalisation scales their sum; the finer one shifts it.

        See :func:`raz.models.layers.fold_norms`. A second call changes nothing.
        """
        norm = self.norm
        if isinstance(norm, nn.Identity):
            return
        assert norm.running_var is not None
        scale = norm.weight.detach() * torch.rsqrt(norm.running_var + norm.eps)
        self.mix = fuse_conv_bn_eval(self.mix, norm)
        self.coarse.weight.data = self.coarse.weight.data * scale[:, None, None, None]
        self.norm = nn.Identity()


class LightCountingBranch(nn.Module):
    """Context by dilated convolutions at stride 16, then one convolution at stride 8, then density.

    The density is raznet_lite's, see :class:`raz.models.lite_branches.LiteCountingBranch`: persons
    per cell of 8x8 pixels, softplus(z) * ``density_scale`` * (1 - p).

    Args:
        eighth: Channels of the mixed features at stride 8.
        sixteenth: Channels of the features at stride 16.
        widths: Channels of each 3x3 convolution at stride 16; the features are narrowed to the
            first by a 1x1 convolution.
        dilations: Dilation of each.
        fine_width: Channels of the convolution at stride 8.
        density_scale: Persons per cell for softplus(z) = 1.
        mean_density: Persons per cell at initialisation.
        empty_prior: p at initialisation.
    """

    def __init__(
        self,
        eighth: int,
        sixteenth: int,
        *,
        widths: Sequence[int],
        dilations: Sequence[int],
        fine_width: int,
        density_scale: float,
        mean_density: float,
        empty_prior: float,
    ) -> None:
        super().__init__()
        self.density_scale = density_scale
        self.enter = ConvNormReLU(sixteenth, widths[0], kernel_size=1)
        self.context = chain(widths[0], widths, dilations)
        self.leave = ConvNormReLU(widths[-1], eighth, kernel_size=1)
        self.fine = ConvNormReLU(eighth, fine_width)
        self.out_channels = fine_width
        self.output, self.empty = density_outputs(
            fine_width, density_scale, mean_density=mean_density, empty_prior=empty_prior
        )

    def forward(self, features: Sequence[Tensor]) -> Counting:
        """Density, the features it was made of, and the logits of emptiness."""
        *_, eighth, sixteenth = features
        coarse = self.leave(self.context(self.enter(sixteenth)))
        inner = self.fine(eighth + F.interpolate(coarse, scale_factor=2.0, mode="nearest"))
        dtype = self.output.weight.dtype  # autocast must not round what a count is the sum of
        z, empty = self.output(inner).to(dtype), self.empty(inner).to(dtype)
        return Counting(density_of(z, empty, self.density_scale), inner, empty)


class LightLocalizationBranch(nn.Module):
    """Stride-8 context and the trunk's finer features added at stride 4, unfolded to every pixel.

    Args:
        channels: Channels of the features at strides 2 and 4, and of the mix at stride 8.
        width: Channels of every layer.
        layers: 3x3 convolutions at stride 4.
        prior: Probability of a marked pixel at initialisation.
    """

    def __init__(self, channels: Sequence[int], *, width: int, layers: int, prior: float) -> None:
        super().__init__()
        half, quarter, eighth = channels
        self.context = ConvNormReLU(eighth, width)
        self.skip = ConvNormReLU(4 * half + quarter, width, kernel_size=1)
        self.refine = chain(width, (width,) * layers, (1,) * layers)
        self.out_channels = width
        self.output = nn.Conv2d(width, 16, 1)
        nn.init.normal_(self.output.weight, std=0.01)
        _fill_bias(self.output, math.log(prior / (1.0 - prior)))

    def forward(self, features: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Logits [B, 1, H, W], and the stride-4 features they were made of."""
        half, quarter, eighth = features[:3]
        x = F.interpolate(
            self.context(eighth), scale_factor=2.0, mode="bilinear", align_corners=False
        )
        x += gathered(half, quarter, self.skip)  # in place: here the net needs most memory
        inner = self.refine(x)
        return F.pixel_shuffle(self.output(inner), 4), inner


class LightProposalBranch(nn.Module):
    """A 1x1 and two 3x3 convolutions at stride 8 on both other branches' features, then a sigmoid.

    Args:
        localization_channels: Channels of the localization features, at stride 4.
        counting_channels: Channels of the counting features, at stride 8.
        width: Channels of the layers.
        prior: Attention at initialisation.
    """

    def __init__(
        self, localization_channels: int, counting_channels: int, *, width: int, prior: float
    ) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            ConvNormReLU(localization_channels + counting_channels, width, kernel_size=1),
            ConvNormReLU(width, width),
        )
        self.output = nn.Conv2d(width, 1, 3, padding=1)
        nn.init.normal_(self.output.weight, std=0.01)
        _fill_bias(self.output, math.log(prior / (1.0 - prior)))

    def forward(self, localization: Tensor, counting: Tensor) -> Tensor:
        """Attention [B, 1, h, w] at stride 8, in [0, 1]."""
        joined = torch.cat((F.avg_pool2d(localization, 2), counting), dim=1)
        z = self.output(self.layers(joined)).to(self.output.weight.dtype)  # 1 has no gradient
        return torch.sigmoid(z)


def _fill_bias(layer: nn.Conv2d, value: float) -> None:
    assert layer.bias is not None
    nn.init.constant_(layer.bias, value)
